import Bytes
import Columnar

/// A SELECT list: `*, CAST(amount * 100 AS BIGINT) AS amount_cents, c.name AS customer`.
public struct Projection: Sendable, Hashable {
    public enum Item: Sendable, Hashable {
        /// `*`, or `c.*`.
        case all(qualifier: String?, position: Int)
        case expression(SQLExpression, name: String, position: Int)
    }

    public let text: String
    public let items: [Item]

    public static func parse(_ text: String) throws(ExpressionError) -> Projection {
        var parser = try Parser(text)
        var items: [Item] = []
        repeat { items.append(try parser.item(of: text)) } while parser.take(symbol: ",")
        guard parser.current.kind == .end else { throw parser.unexpected("',' or the end") }
        return Projection(text: text, items: items)
    }

    public func bind(to schema: Schema) throws(ExpressionError) -> BoundProjection { try bind(to: Scope(schema)) }

    /// Binds every item. Output columns get the field ids 1, 2, … unless `fieldID` maps their index and name to others.
    /// A plain copy of a required column is required.
    public func bind(
        to scope: Scope,
        fieldID: (_ index: Int, _ name: String) -> Int = { index, _ in index + 1 }
    ) throws(ExpressionError) -> BoundProjection {
        let schema = scope.schema
        var fields: [Field] = []
        var outputs: [BoundExpression] = []
        func add(_ bound: BoundExpression, _ name: String, _ position: Int) throws(ExpressionError) {
            if fields.contains(where: { $0.name == name }) {
                throw ExpressionError(
                    "column '\(name)' appears twice",
                    position: position,
                    advice: "give one of them another name with AS, or list columns instead of *"
                )
            }
            let source = bound.column.map { schema.fields[$0] }
            fields.append(
                Field(
                    id: fieldID(fields.count, name),
                    name: name,
                    type: bound.type,
                    isRequired: source?.isRequired ?? false,
                    doc: source?.doc
                )
            )
            outputs.append(bound)
        }
        for item in items {
            switch item {
            case .all(let qualifier, let position):
                for (index, field) in try scope.columns(of: qualifier, at: position) {
                    try add(BoundExpression(column: index, of: schema), field.name, position)
                }
            case .expression(let expression, let name, let position):
                try add(try expression.bind(to: scope, in: text), name, position)
            }
        }
        return BoundProjection(text: text, schema: Schema(fields), outputs: outputs)
    }
}

/// A projection bound to a schema, ready to evaluate batches.
public struct BoundProjection: Sendable {
    public let text: String
    /// The output schema.
    public let schema: Schema
    /// One expression for each field of `schema`.
    public let outputs: [BoundExpression]

    /// The projected rows, and the rows for which any column failed, ascending and without duplicates. The caller drops
    /// the failed rows.
    public func evaluate(_ batch: ColumnBatch) throws(WeirError) -> (batch: ColumnBatch, failures: [RowFailure]) {
        var columns: [ColumnVector] = []
        var failures: [Int: RowFailure] = [:]
        for output in outputs {
            let (column, failed) = try output.evaluate(batch)
            columns.append(column)
            for failure in failed where failures[failure.row] == nil { failures[failure.row] = failure }
        }
        let rows = ColumnBatch(schema: schema, columns: columns, count: batch.count)
        return (rows, failures.values.sorted { $0.row < $1.row })
    }

    /// The same projection with the output schema of a table, which must have the same names and types in the same
    /// order; field ids may differ.
    public func writing(to schema: Schema) throws(WeirError) -> BoundProjection {
        let matches = zip(self.schema.fields, schema.fields).allSatisfy { $0.name == $1.name && $0.type == $1.type }
        guard matches, schema.count == self.schema.count else {
            throw WeirError(
                .conflict,
                "the table's columns are not what the projection gives",
                at: "projection \(text)",
                advice:
                    "the projection gives \(self.schema.fields.map { "\($0.name) \($0.type)" }.joined(separator: ", "))"
            )
        }
        return BoundProjection(text: text, schema: schema, outputs: outputs)
    }

    /// If an output column is a plain copy of a source column: the source's index in the schema that was bound to.
    public func source(of name: String) -> Int? { schema.index(named: name).flatMap { outputs[$0].column } }
}

extension Parser {
    fileprivate mutating func item(of whole: String) throws(ExpressionError) -> Projection.Item {
        let start = current.range.lowerBound
        if take(symbol: "*") { return .all(qualifier: nil, position: start + 1) }
        if index + 2 < tokens.count, tokens[index + 1].isSymbol("."), tokens[index + 2].isSymbol("*") {
            let qualifier = try name("a table")
            advance()
            advance()
            return .all(qualifier: qualifier, position: start + 1)
        }
        let syntax = try expression()
        let own = SQLExpression(text: String(String.UnicodeScalarView(text[syntax.range])), syntax: syntax)
        if take(keyword: "AS") { return .expression(own, name: try name("a name after AS"), position: start + 1) }
        if case .quoted(let alias) = current.kind {
            advance()
            return .expression(own, name: alias, position: start + 1)
        }
        guard case .column(_, let name) = syntax.kind else {
            throw ExpressionError(
                "the expression \(own.text) needs a name",
                position: start + 1,
                advice: "write \(own.text) AS name"
            )
        }
        return .expression(own, name: name, position: start + 1)
    }
}

extension SQLExpression {
    /// Binds a part of a larger text. Positions in errors refer to the larger text.
    func bind(to scope: Scope, in whole: String) throws(ExpressionError) -> BoundExpression {
        let bound = try SQLExpression(text: whole, syntax: syntax).bind(to: scope)
        return BoundExpression(text: text, copying: bound)
    }
}

extension BoundExpression {
    /// A plain column.
    init(column: Int, of schema: Schema) {
        let field = schema.fields[column]
        let node = Node(slot: 0, type: field.type, text: field.name, range: 0..<0)
        self.init(text: field.name, node: node, schema: schema, slots: [column])
    }

    init(text: String, copying other: BoundExpression) {
        self.text = text
        type = other.type
        fields = other.fields
        slotColumns = other.slotColumns
        node = other.node
    }
}

extension Scope {
    /// Expands `*` or `qualifier.*` to columns with their indices.
    func columns(of qualifier: String?, at position: Int) throws(ExpressionError) -> [(index: Int, field: Field)] {
        var columns: [(index: Int, field: Field)] = []
        var first = 0
        var isKnown = qualifier == nil
        for relation in relations {
            if qualifier.map({ relation.names.contains($0) }) ?? true {
                isKnown = true
                for (index, field) in relation.schema.fields.enumerated() { columns.append((first + index, field)) }
            }
            first += relation.schema.count
        }
        if !isKnown, let qualifier {
            let advice = NearestName.advice(for: qualifier, among: relations.flatMap(\.names))
            throw ExpressionError("unknown table '\(qualifier)'", position: position, advice: advice)
        }
        return columns
    }
}
