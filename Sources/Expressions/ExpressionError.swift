import Bytes

/// An error in the text of an expression, with its position.
public struct ExpressionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence without position and full stop.
    public let message: String
    /// Position in the text in Unicode scalars, from 1.
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

    /// Converts the error to a `WeirError`.
    public func weirError(in text: String) -> WeirError {
        WeirError(.invalid, "\(message) at position \(position)", at: "expression \(text)", advice: advice)
    }
}
