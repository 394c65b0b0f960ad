import Bytes
import Columnar

/// The columns that an expression can refer to: those of one relation, or of both sides of a join in order.
public struct Scope: Sendable {
    /// Columns that share a qualifier.
    public struct Relation: Sendable {
        /// Valid qualifiers; the first is used in advice.
        public let names: [String]
        public let schema: Schema

        public init(names: [String] = [], schema: Schema) {
            self.names = names
            self.schema = schema
        }
    }

    public let relations: [Relation]

    public init(_ relations: [Relation]) { self.relations = relations }
    public init(_ schema: Schema, names: [String] = []) { self.init([Relation(names: names, schema: schema)]) }

    /// The columns of all relations, in the order of the batch.
    public var schema: Schema { Schema(relations.flatMap(\.schema.fields)) }

    /// The index of a column in `schema`.
    func index(qualifier: String?, name: String, at position: Int) throws(ExpressionError) -> Int {
        var found: [(index: Int, relation: Relation)] = []
        var first = 0
        var isKnownQualifier = false
        for relation in relations {
            defer { first += relation.schema.count }
            if let qualifier {
                guard relation.names.contains(qualifier) else { continue }
                isKnownQualifier = true
            }
            if let index = relation.schema.index(named: name) { found.append((first + index, relation)) }
        }
        if let qualifier, !isKnownQualifier {
            let advice = NearestName.advice(for: qualifier, among: relations.flatMap(\.names))
            throw ExpressionError("unknown table '\(qualifier)'", position: position, advice: advice)
        }
        if found.count > 1 {
            let choices = found.compactMap { $0.relation.names.first }.map { "\($0).\(name)" }
            throw ExpressionError(
                "column '\(name)' is ambiguous",
                position: position,
                advice: choices.isEmpty ? nil : "write \(choices.joined(separator: " or "))"
            )
        }
        guard let only = found.first else {
            let candidates = relations.filter { qualifier == nil || $0.names.contains(qualifier ?? "") }
            let names = candidates.flatMap(\.schema.fields).map(\.name)
            throw ExpressionError(
                "unknown column '\(qualifier.map { "\($0)." } ?? "")\(name)'",
                position: position,
                advice: Self.advice(for: name, among: names, isQualified: qualifier != nil)
            )
        }
        return only.index
    }

    /// If no column has a similar name, suggests that the word is a string without quotes.
    private static func advice(for name: String, among columns: [String], isQualified: Bool) -> String? {
        let advice = NearestName.advice(for: name, among: columns)
        if isQualified || NearestName.nearest(to: name, among: columns) != nil { return advice }
        let text = "if it is a text, write '\(name.replacing("'", with: "''"))' in single quotes"
        return [text, advice].compactMap(\.self).joined(separator: "; ")
    }
}
