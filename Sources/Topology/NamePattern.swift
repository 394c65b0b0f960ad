import Foundation

/// A regular expression that matches whole names.
///
/// The syntax is ICU's, which matches Java's for table names. A dot matches any character.
public struct NamePattern: Sendable, Hashable, CustomStringConvertible {
    public let text: String
    private let expression: NSRegularExpression

    /// Nil if the text is not a valid regular expression.
    public init?(_ text: String) {
        guard let expression = try? NSRegularExpression(pattern: "\\A(?:\(text))\\z") else { return nil }
        self.text = text
        self.expression = expression
    }

    public var description: String { text }
    public static func == (left: NamePattern, right: NamePattern) -> Bool { left.text == right.text }
    public func hash(into hasher: inout Hasher) { hasher.combine(text) }

    public func matches(_ name: String) -> Bool { match(name) != nil }

    /// The number of capture groups.
    public var groupCount: Int { expression.numberOfCaptureGroups }

    /// The template with `$1`, … replaced by the groups; nil if the name does not match.
    public func replacing(_ name: String, by template: String) -> String? {
        guard let match = match(name) else { return nil }
        var result = ""
        var rest = Substring(template)
        while let mark = rest.firstIndex(of: "$") {
            result += rest[..<mark]
            rest = rest[rest.index(after: mark)...]
            guard let digit = rest.first?.wholeNumberValue, digit < match.numberOfRanges else {
                result.append("$")
                continue
            }
            if let range = Range(match.range(at: digit), in: name) { result += name[range] }
            rest = rest.dropFirst()
        }
        return result + rest
    }

    private func match(_ name: String) -> NSTextCheckingResult? {
        expression.firstMatch(in: name, range: NSRange(name.startIndex..., in: name))
    }
}
