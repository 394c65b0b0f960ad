import Bytes

/// What is wrong with the text of an expression, and where.
public struct ExpressionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence without position and full stop.
    public let message: String
    /// Place in the text, counted in Unicode scalars from 1.
    public let position: Int
    public let advice: String?

    public init(_ message: String, position: Int, advice: String? = nil) {
        self.message = message
        self.position = position
        self.advice = advice
    }

    public var description: String {
        "\(message) at position \(position)" + (advice.map { "; \($0)" } ?? "")
    }

    /// The same fault as the error the rest of Weir speaks.
    public func weirError(in text: String) -> WeirError {
        WeirError(.invalid, "\(message) at position \(position)", at: "expression \(text)", advice: advice)
    }
}
