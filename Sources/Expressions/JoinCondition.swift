import Columnar

/// The condition of a lookup join: `customer_id = c.id AND region = c.region`.
public struct JoinCondition: Sendable, Hashable {
    /// One equality between a column of each side.
    public struct Pair: Sendable, Hashable {
        /// Column indices in the schemas of the two sides.
        public let left: Int
        public let right: Int
        /// Position in the text, from 1.
        public let position: Int
    }

    public let text: String
    let syntax: Syntax

    public static func parse(_ text: String) throws(ExpressionError) -> JoinCondition {
        JoinCondition(text: text, syntax: try SQLExpression.parse(text).syntax)
    }

    /// The equalities, in the order written. Throws if a part is not an equality between a column of each side, or if
    /// the types of a pair differ.
    public func pairs(left: Scope.Relation, right: Scope.Relation) throws(ExpressionError) -> [Pair] {
        let scope = Scope([left, right])
        let schema = scope.schema
        let parts = if case .all(let parts) = syntax.kind { parts } else { [syntax] }
        var pairs: [Pair] = []
        for part in parts {
            let position = part.range.lowerBound + 1
            guard case .compare(.equal, let first, let second) = part.kind,
                case .column(let firstQualifier, let firstName) = first.kind,
                case .column(let secondQualifier, let secondName) = second.kind
            else {
                throw ExpressionError(
                    "a join condition is made of equalities between columns, joined by AND",
                    position: position,
                    advice: "write it as in customer_id = \(right.names.first ?? "dimension").id"
                )
            }
            let a = try scope.index(qualifier: firstQualifier, name: firstName, at: first.range.lowerBound + 1)
            let b = try scope.index(qualifier: secondQualifier, name: secondName, at: second.range.lowerBound + 1)
            let (low, high) = (min(a, b), max(a, b))
            let boundary = left.schema.count
            guard low < boundary, high >= boundary else {
                throw ExpressionError(
                    "\(firstName) and \(secondName) belong to the same table",
                    position: position,
                    advice: "compare a column of each side"
                )
            }
            let (from, to) = (schema.fields[low], schema.fields[high])
            guard from.type == to.type else {
                throw ExpressionError(
                    "'\(from.name)' is \(from.type.withArticle), but '\(to.name)' is \(to.type.withArticle)",
                    position: position,
                    advice:
                        "give both the same type, in a projection of \(left.names.first ?? "the stream") for example"
                )
            }
            pairs.append(Pair(left: low, right: high - boundary, position: position))
        }
        return pairs
    }
}
