import Bytes
import Columnar
import Expressions

extension Checker {
    mutating func join(_ value: Value, _ tables: [Topology.Table]) -> Topology.Join? {
        guard let block = block(value, TopologyKeys.join) else { return nil }
        let name = text(block, "name") ?? ""
        checkName(name, block)
        let kind = choice(block, "type", Topology.Join.Kind.self) ?? .left
        let properties = checkedProperties(block)
        let from = table(block, "from", tables)
        let lookup = table(block, "lookup", tables)
        let on = expression(block, "on") { text throws(ExpressionError) in try JoinCondition.parse(text) }
        let select = expression(block, "select") { text throws(ExpressionError) in try Projection.parse(text) }
        guard let from, let lookup else { return nil }
        let alias = text(block, "as") ?? Self.shortName(lookup.name)
        if from.name != lookup.name, alias == Self.shortName(from.name) {
            add(
                block.value("as")?.position ?? block.position,
                "'\(alias)' names both sides of \(block.what)",
                "give the dimension another name with 'as'"
            )
        }
        let hasLookupKey = !gaps.keys.contains(lookup.name)
        guard lookup.isKeyed || !hasLookupKey else {
            add(
                block.value("lookup")?.position ?? block.position,
                "lookup table '\(lookup.name)' has no primary key",
                "a dimension is looked up by its key: declare one"
            )
            return nil
        }
        let hasTypes = !gaps.types.contains(from.name) && !gaps.types.contains(lookup.name)
        let left = Scope.Relation(
            names: alias == Self.shortName(from.name) ? [] : [Self.shortName(from.name)],
            schema: from.sinkSchema
        )
        let dimension = lookup.sinkSchema.fields.map {
            Field(id: $0.id, name: $0.name, type: $0.type, isRequired: $0.isRequired && kind == .inner, doc: $0.doc)
        }
        let right = Scope.Relation(names: [alias], schema: Schema(dimension))
        let check = NameCheck([
            NameCheck.Relation(names: left.names, columns: columns(of: from)),
            NameCheck.Relation(names: right.names, columns: columns(of: lookup)),
        ])
        var pairs: [(from: Int, lookup: Int)]?
        if let on {
            let found = bound(on, hasTypes: hasTypes, check.errors) { (parsed) throws(ExpressionError) in
                try parsed.pairs(left: left, right: right)
            }
            if let found, hasLookupKey { pairs = keyPairs(found, on.value.position, right, lookup) }
        }
        let projection = select.flatMap { select in
            bound(select, hasTypes: hasTypes, check.errors) { (parsed) throws(ExpressionError) in
                try parsed.bind(to: Scope([left, right]))
            }
        }
        let outputs = projection?.schema.fields.map(\.name) ?? select.flatMap { check.outputs(of: $0.parsed) }
        let primaryKey = primaryKey(block, outputs, of: name)
        guard let projection else { return nil }
        if !gaps.keys.contains(name), !gaps.keys.contains(from.name) {
            warnIfKeyDiffers(primaryKey, projection, from, block)
        }
        let fields = projection.schema.fields.map {
            Field(
                id: $0.id,
                name: $0.name,
                type: $0.type,
                isRequired: $0.isRequired || primaryKey.contains($0.name),
                doc: $0.doc
            )
        }
        guard let pairs, let keyed = try? projection.writing(to: Schema(fields)) else { return nil }
        return Topology.Join(
            name: name,
            kind: kind,
            from: from.name,
            lookup: lookup.name,
            alias: alias,
            keys: pairs,
            combinedSchema: Scope([left, right]).schema,
            select: keyed,
            primaryKey: primaryKey,
            partitions: partitions(partitionTexts(block), of: block.what, keyed.schema, isKeyed: !primaryKey.isEmpty),
            properties: properties
        )
    }

    private static func shortName(_ table: String) -> String {
        table.split(separator: ".").last.map(String.init) ?? table
    }

    private mutating func table(_ block: Block, _ key: String, _ tables: [Topology.Table]) -> Topology.Table? {
        guard let name = text(block, key), let position = block.value(key)?.position else { return nil }
        if let table = tables.first(where: { $0.name == name }) { return table }
        if names["table" + name] != nil {
            add(position, "'\(name)' is the result of a join", "a join reads declared tables")
        } else {
            addUndeclared(name, among: tables.map(\.name), position, "table '\(name)' is not declared")
        }
        // Continue the checks with the most similar name.
        let meant = NearestName.nearest(to: name, among: tables.map(\.name))
        return tables.first { $0.name == meant }
    }

    /// The names of a table's columns in the sink; nil if they are unknown.
    private func columns(of table: Topology.Table) -> [String]? {
        gaps.types.contains(table.name) ? gaps.columns[table.name] : table.sinkSchema.fields.map(\.name)
    }

    /// The column pairs of `on`, in the order of the dimension's primary key. Every key column must occur exactly once.
    private mutating func keyPairs(
        _ pairs: [JoinCondition.Pair],
        _ position: Topology.Position,
        _ right: Scope.Relation,
        _ lookup: Topology.Table
    ) -> [(from: Int, lookup: Int)]? {
        let key = lookup.primaryKey
        var isWhole = true
        for pair in pairs where !key.contains(right.schema.fields[pair.right].name) {
            isWhole = false
            add(
                position,
                "'\(right.schema.fields[pair.right].name)' is no primary key column of '\(lookup.name)'",
                "a lookup compares exactly its key: \(key.joined(separator: ", "))"
            )
        }
        let hasOther = !isWhole
        var ordered: [(from: Int, lookup: Int)] = []
        for column in key {
            let matching = pairs.filter { right.schema.fields[$0.right].name == column }
            if let pair = matching.first { ordered.append((pair.left, pair.right)) }
            if matching.count != 1 {
                // A column that is not in the key is there instead of one that is.
                if matching.isEmpty, hasOther { continue }
                isWhole = false
                let what = matching.isEmpty ? "leaves out" : "compares more than once"
                add(
                    position,
                    "'on' \(what) primary key column '\(column)' of '\(lookup.name)'",
                    "a lookup compares exactly its key: \(key.joined(separator: ", "))"
                )
            }
        }
        return isWhole ? ordered : nil
    }

    /// Warns if the joined table's primary key differs from the stream's: updates and deletes find their rows by the
    /// stream's key.
    private mutating func warnIfKeyDiffers(
        _ key: [String],
        _ projection: BoundProjection,
        _ from: Topology.Table,
        _ block: Block
    ) {
        guard from.isKeyed else { return }
        let sources = Set(key.compactMap { projection.source(of: $0) })
        let wanted = Set(from.primaryKey.compactMap { from.sinkSchema.index(named: $0) })
        if sources != wanted || key.count != wanted.count {
            warn(
                block.value("primary-key")?.position ?? block.position,
                "the primary key of \(block.what) is not that of '\(from.name)'",
                "updates and deletes are found by \(from.primaryKey.joined(separator: ", ")): select it and make it the key"
            )
        }
    }
}
