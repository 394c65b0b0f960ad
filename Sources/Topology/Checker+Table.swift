import Bytes
import Columnar
import IcebergFormat

/// A declared table before transforms are applied.
struct CheckedTable {
    let name: String
    let position: Topology.Position
    let schema: Schema
    let primaryKey: [String]
    let partitions: [Located]
    let properties: [String: String]
    /// The names of all declared columns; nil if they are unknown.
    let columns: [String]?
    /// Whether the type of a column is unknown. Then only the names of columns can be checked.
    var isBroken: Bool { schema.count < columns?.count ?? .max }
}

extension Checker {
    /// SQL type names and their Iceberg names, for advice.
    private static let sqlNames = [
        "bigint": "long", "integer": "int", "smallint": "int", "tinyint": "int", "varchar": "string", "char": "string",
        "text": "string", "bool": "boolean", "real": "float", "numeric": "decimal(p,s)", "decimal": "decimal(p,s)",
        "datetime": "timestamp", "timestamp_ltz": "timestamptz", "bytes": "binary", "varbinary": "binary",
        "fixed": "fixed(n)",
    ]
    private static let typeNames = [
        "boolean", "int", "long", "float", "double", "decimal(p,s)", "date", "time", "timestamp", "timestamptz",
        "string",
        "uuid", "fixed(n)", "binary",
    ]

    /// Replaces the parameters of a type name such as `decimal(p,s)` by those of the written type, such as
    /// `numeric(12,2)`.
    private static func name(_ known: String, with written: String) -> String {
        guard let open = known.firstIndex(of: "(") else { return known }
        return String(known[..<open] + written.drop { $0 != "(" })
    }

    mutating func declaration(_ value: Value) -> CheckedTable? {
        guard let block = block(value, TopologyKeys.table) else { return nil }
        let name = text(block, "name") ?? ""
        let isNew = checkName(name, block)
        let stores = logStores.count
        var names: [String] = []
        let schema = schema(block, &names)
        let columns = names.isEmpty ? nil : names
        let primaryKey = primaryKey(block, columns, of: isNew ? name : "")
        warnOfKey(block, primaryKey, schema)
        // Key columns are required: Iceberg's spec demands it of identifier fields.
        let fields = schema.fields.map {
            Field(
                id: $0.id,
                name: $0.name,
                type: $0.type,
                isRequired: $0.isRequired || primaryKey.contains($0.name),
                doc: $0.doc
            )
        }
        let properties = checkedProperties(block)
        guard isNew else {
            // Nothing else of the file can mean this one.
            logStores.removeSubrange(stores...)
            return nil
        }
        return CheckedTable(
            name: name,
            position: block.position,
            schema: Schema(fields),
            primaryKey: primaryKey,
            partitions: partitionTexts(block),
            properties: properties,
            columns: columns
        )
    }

    /// Checks that a table name is unique and has the form `<database>.<table>`. False if it is missing or not unique.
    @discardableResult
    mutating func checkName(_ name: String, _ block: Block) -> Bool {
        guard let position = block.value("name")?.position, checkUnique(name, "table", position) else {
            gaps.hasMisnamedTable = true
            return false
        }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let isPlain = parts.allSatisfy { part in
            !part.isEmpty && part.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }
        }
        if parts.count != 2 || !isPlain {
            gaps.hasMisnamedTable = true
            add(position, "'\(name)' is no name of a table", "write database.table")
        }
        return true
    }

    /// The declared columns with a known type. `names` gets the names of all declared columns.
    private mutating func schema(_ block: Block, _ names: inout [String]) -> Schema {
        guard let value = block.value("columns") else { return Schema([]) }
        var fields: [Field] = []
        switch value.content {
        case .mapping(let entries):
            for entry in entries { column(entry.key, entry.value, entry.position, &fields, &names) }
        case .list(let members):
            for member in members {
                let keys = TopologyKeys.column.names
                guard let name = member.entries?.first(where: { $0.key == "name" })?.value.scalar else {
                    _ = self.block(member, "column", keys: keys, required: ["name"])
                    continue
                }
                column(name, member, member.position, &fields, &names)
            }
        case .scalar, .secret:
            add(
                value.position,
                "'columns' must be a mapping of names to types, not \(value.kind)",
                "write { id: long, name: string }"
            )
            return Schema([])
        }
        if names.isEmpty { add(value.position, "\(block.what) has no columns") }
        return Schema(fields)
    }

    /// `name: type`, or `name: { type: …, required: …, doc: … }`.
    private mutating func column(
        _ name: String,
        _ value: Value,
        _ position: Topology.Position,
        _ fields: inout [Field],
        _ names: inout [String]
    ) {
        if names.contains(name) {
            add(position, "column '\(name)' is declared twice")
            return
        }
        if let refusal = ColumnNames.refusal(name) {
            add(position, refusal)
            return
        }
        for warning in ColumnNames.warnings(names + [name]) where warning.name == name {
            warn(position, warning.text, nil)
        }
        names.append(name)
        var typeText = value.scalar
        var typePosition = value.position
        var isRequired = false
        var doc: String?
        if let entries = value.entries {
            let keys = TopologyKeys.column.names
            let details = Block(what: "column '\(name)'", position: position, entries: entries)
            for entry in details.keys where !keys.contains(entry.key) {
                add(
                    entry.position,
                    "unknown key '\(entry.key)' in \(details.what)",
                    NearestName.advice(for: entry.key, among: keys)
                )
            }
            typeText = text(details, "type")
            typePosition = details.value("type")?.position ?? position
            doc = text(details, "doc")
            isRequired = parsed(details, "required", "write true or false") { Bool($0.lowercased()) } ?? false
        }
        guard let typeText else {
            add(typePosition, "column '\(name)' needs a type")
            return
        }
        guard let type = FieldType(primitive: typeText) else {
            let base = typeText.lowercased().prefix { $0.isLetter || $0 == "_" }
            if ["list", "map", "struct"].contains(base) {
                add(
                    typePosition,
                    "column '\(name)' is nested, which is not supported yet",
                    "declare it as string to keep its JSON"
                )
                return
            }
            let known = Self.sqlNames[String(base)]
            // The type name may be valid and only its parameters wrong.
            let mistake = typeText.lowercased() == base ? nil : FieldType.mistake(in: typeText)
            let advice =
                mistake ?? known.map { "Iceberg's name is \($0)" }
                ?? NearestName.advice(for: typeText, among: Self.typeNames)
            add(typePosition, "unknown type '\(typeText)'", advice)
            // Continue the checks with the most similar type.
            let meant = known ?? NearestName.nearest(to: typeText, among: Self.typeNames)
            if let type = meant.flatMap({ FieldType(primitive: Self.name($0, with: typeText)) }) {
                fields.append(Field(id: fields.count + 1, name: name, type: type, isRequired: isRequired, doc: doc))
            }
            return
        }
        fields.append(Field(id: fields.count + 1, name: name, type: type, isRequired: isRequired, doc: doc))
    }

    /// The columns of the primary key. `known` are the table's columns; nil if they are unknown.
    mutating func primaryKey(_ block: Block, _ known: [String]?, of table: String) -> [String] {
        let before = problems.count
        defer { if problems.count > before || known == nil { gaps.keys.insert(table) } }
        guard let known else { return [] }
        var key: [String] = []
        for column in texts(block, "primary-key") {
            if !known.contains(column.text) {
                add(
                    column.position,
                    "primary key column '\(column.text)' is no column of \(block.what)",
                    NearestName.advice(for: column.text, among: known)
                )
            } else if key.contains(column.text) {
                add(column.position, "primary key column '\(column.text)' is listed twice")
            } else {
                key.append(column.text)
            }
        }
        return key
    }

    private mutating func warnOfKey(_ block: Block, _ primaryKey: [String], _ schema: Schema) {
        for column in texts(block, "primary-key") where primaryKey.contains(column.text) {
            guard let type = schema.field(named: column.text)?.type, let defect = AmoroLimits.defect(ofKey: type) else {
                continue
            }
            warn(column.position, "Amoro \(defect)", "use binary or a string where Amoro works on the table too")
        }
    }

    /// The members of `partition-by`. A comma does not separate them, since `bucket(4, id)` contains one.
    mutating func partitionTexts(_ block: Block) -> [Located] { texts(block, "partition-by", separators: [";"]) }

    mutating func checkedProperties(_ block: Block) -> [String: String] {
        let properties = properties(block)
        for (key, value) in properties.sorted(by: { $0.key < $1.key }) {
            guard let finding = TableProperties.finding(name: key, value: value.text) else { continue }
            switch finding.severity {
            case .error: add(value.position, finding.message, finding.advice)
            case .warning: warn(value.position, finding.message, finding.advice)
            case .note: note(value.position, finding.message, finding.advice)
            }
        }
        checkLogStore(properties, block)
        return properties.mapValues(\.text)
    }
}
