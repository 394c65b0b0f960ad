import Bytes
import Columnar
import Expressions

/// One member of `transform`, parsed but not yet bound to a table.
struct CheckedTransform {
    let pattern: NamePattern
    let position: Topology.Position
    let projection: Written<Projection>?
    /// Whether a projection is written that cannot be parsed.
    let hasUnreadProjection: Bool
    let filter: Written<SQLExpression>?
    let description: String?
}

/// A parsed text with its value in the file.
struct Written<Parsed> {
    let parsed: Parsed
    let value: Value
}

extension Checker {
    mutating func transform(_ value: Value) -> CheckedTransform? {
        guard let block = block(value, TopologyKeys.transform), let pattern = pattern(block, "source-table")
        else { return nil }
        let projection = expression(block, "projection") { text throws(ExpressionError) in try Projection.parse(text) }
        return CheckedTransform(
            pattern: pattern,
            position: block.value("source-table")?.position ?? block.position,
            projection: projection,
            hasUnreadProjection: projection == nil && block.value("projection") != nil,
            filter: expression(block, "filter") { text throws(ExpressionError) in try SQLExpression.parse(text) },
            description: text(block, "description")
        )
    }

    mutating func expression<T>(
        _ block: Block,
        _ key: String,
        _ parse: (String) throws(ExpressionError) -> T
    ) -> Written<T>? {
        guard let text = text(block, key), let value = block.value(key) else { return nil }
        do {
            return Written(parsed: try parse(text), value: value)
        } catch {
            add(error, in: value)
            return nil
        }
    }

    /// Reports an error of an expression at the position of its value in the file.
    mutating func add(_ error: ExpressionError, in value: Value, of what: String = "") {
        add(value.position, what + error.message + " at position \(error.position)", error.advice)
    }

    /// Binds transforms to tables. A transform's `source-table` is matched against the table's name and against the
    /// known source identifiers and route patterns that lead to it. Each table gets the first transform that matches.
    mutating func apply(
        _ transforms: [CheckedTransform],
        to declared: [CheckedTable],
        routes: [Topology.Route],
        sources: [Topology.Source]
    ) -> [Topology.Table] {
        var isUsed = transforms.map { _ in false }
        var finished: [Topology.Table] = []
        let topics = sources.flatMap(\.topics)
        for table in declared {
            let leading = routes.filter { route in
                route.sinkTable == table.name || topics.contains { route.target(of: $0) == table.name }
            }
            let identifiers = topics.filter { topic in leading.contains { $0.target(of: topic) == table.name } }
            let matching = transforms.indices.filter { index in
                let pattern = transforms[index].pattern
                return pattern.matches(table.name) || identifiers.contains(where: { pattern.matches($0) })
                    || leading.contains { $0.pattern == pattern || pattern.matches($0.pattern.text) }
            }
            for index in matching { isUsed[index] = true }
            if let second = matching.dropFirst().first, let first = matching.first {
                warn(
                    transforms[second].position,
                    "table '\(table.name)' has a transform already, on line \(transforms[first].position.line)",
                    "only the first transform that matches a table is used"
                )
            }
            finished.append(bind(matching.first.map { transforms[$0] }, to: table))
        }
        for (index, transform) in transforms.enumerated() where !isUsed[index] {
            let text = transform.pattern.text
            addUndeclared(text, among: declared.map(\.name), transform.position, "'\(text)' matches no declared table")
        }
        return finished
    }

    private mutating func bind(_ transform: CheckedTransform?, to table: CheckedTable) -> Topology.Table {
        let names = [table.name.split(separator: ".").last.map(String.init) ?? table.name]
        let scope = Scope(table.schema, names: names)
        let check = NameCheck([NameCheck.Relation(names: names, columns: table.columns)])
        var filter: BoundExpression?
        var projection: BoundProjection?
        if let written = transform?.filter {
            filter = bound(written, hasTypes: !table.isBroken, check.errors) { (parsed) throws(ExpressionError) in
                try parsed.bindCondition(to: scope)
            }
        }
        if let written = transform?.projection {
            projection = bound(written, hasTypes: !table.isBroken, check.errors) { (parsed) throws(ExpressionError) in
                try parsed.bind(to: scope)
            }
            if let bound = projection, !keepsKey(bound, of: table, written.value) { projection = nil }
        }
        let sinkSchema: Schema?
        if let transform, transform.hasUnreadProjection || (transform.projection != nil && projection == nil) {
            sinkSchema = noteGap(table, columns: transform.projection.flatMap { check.outputs(of: $0.parsed) })
        } else if table.isBroken {
            sinkSchema = noteGap(table, columns: table.columns)
        } else {
            sinkSchema = projection?.schema ?? table.schema
        }
        let partitions =
            sinkSchema.map {
                self.partitions(
                    table.partitions,
                    of: "table '\(table.name)'",
                    $0,
                    isKeyed: !table.primaryKey.isEmpty
                )
            } ?? []
        return Topology.Table(
            name: table.name,
            sourceSchema: table.schema,
            sinkSchema: sinkSchema ?? table.schema,
            primaryKey: table.primaryKey,
            partitions: partitions,
            properties: table.properties,
            transform: transform.map {
                Topology.Transform(description: $0.description, filter: filter, projection: projection)
            }
        )
    }

    /// Records that the types of a table's columns are unknown, and their names if `columns` is nil. A key that the
    /// projection leaves out belongs to them: that is reported already.
    private mutating func noteGap(_ table: CheckedTable, columns: [String]?) -> Schema? {
        let names = columns.map { columns in columns + table.primaryKey.filter { !columns.contains($0) } }
        gaps.types.insert(table.name)
        gaps.columns[table.name] = names
        return names.map { Schema(names: $0) }
    }

    /// Checks that a projection keeps the key columns unchanged: deletes carry only the key.
    private mutating func keepsKey(_ projection: BoundProjection, of table: CheckedTable, _ value: Value) -> Bool {
        var keeps = true
        for column in table.primaryKey where projection.source(of: column) != table.schema.index(named: column) {
            keeps = false
            let renamed = projection.schema.fields.first {
                projection.source(of: $0.name) == table.schema.index(named: column)
            }
            if let renamed {
                add(
                    value.position,
                    "the projection renames primary key column '\(column)' to '\(renamed.name)'",
                    "keep its name: deletes find their rows by it"
                )
            } else if projection.schema.field(named: column) != nil {
                add(
                    value.position,
                    "the projection computes primary key column '\(column)'",
                    "keep the column as it is: deletes find their rows by it"
                )
            } else {
                add(value.position, "the projection drops primary key column '\(column)'", "add \(column) to it")
            }
        }
        return keeps
    }
}
