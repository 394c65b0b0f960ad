import Columnar

/// A SQL expression as written: `amount * 100`, `status <> 'TEST' AND country IN ('DE', 'FR')`.
///
/// Arithmetic keeps the type of its operands. Integer division gives an integer, and integer overflow fails the row.
/// Decimals are exact, with the result precision and scale of Flink and Spark. If one side is a float or double, the
/// result is a double. Division by zero fails the row for every type.
public struct SQLExpression: Sendable, Hashable {
    public let text: String
    let syntax: Syntax

    init(text: String, syntax: Syntax) {
        self.text = text
        self.syntax = syntax
    }

    public static func parse(_ text: String) throws(ExpressionError) -> SQLExpression {
        var parser = try Parser(text)
        return SQLExpression(text: text, syntax: try parser.whole())
    }

    public func bind(to schema: Schema) throws(ExpressionError) -> BoundExpression { try bind(to: Scope(schema)) }

    public func bind(to scope: Scope) throws(ExpressionError) -> BoundExpression {
        var binder = Binder(text: Array(text.unicodeScalars), scope: scope)
        let node = try binder.bind(syntax)
        if node.isNull {
            throw ExpressionError("NULL alone has no type", position: node.position, advice: "write CAST(NULL AS type)")
        }
        return BoundExpression(text: text, node: node, schema: scope.schema, slots: binder.slots)
    }

    /// Binds an expression that must be boolean.
    public func bindCondition(to scope: Scope) throws(ExpressionError) -> BoundExpression {
        let bound = try bind(to: scope)
        guard bound.type == .boolean else {
            throw ExpressionError("a condition is needed, but \(text) is \(bound.type.withArticle)", position: 1)
        }
        return bound
    }
}
