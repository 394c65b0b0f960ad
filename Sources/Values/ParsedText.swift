/// The result of parsing a value from text.
public enum ParsedText<Value> {
    case value(Value)
    /// The text does not have the form of the type.
    case malformed
    /// The text has the right form, but the type cannot hold the value, or not all of its digits.
    case outOfRange

    @inlinable
    public var value: Value? {
        if case .value(let value) = self { return value }
        return nil
    }

    @inlinable
    public func map<Other>(_ transform: (Value) -> Other) -> ParsedText<Other> {
        switch self {
        case .value(let value): .value(transform(value))
        case .malformed: .malformed
        case .outOfRange: .outOfRange
        }
    }
}

extension ParsedText: Equatable where Value: Equatable {}
extension ParsedText: Sendable where Value: Sendable {}

/// How lenient the parser is.
public enum TextRule: Sendable {
    /// The form in which values are written, without loss: no surrounding blanks, no digits that the type cannot hold.
    case exact
    /// The rules of CAST: surrounding blanks and more words for booleans and floating-point numbers are allowed,
    /// decimals are rounded half up, fractions of seconds are cut to microseconds, and a timestamptz without a zone is
    /// UTC.
    case cast
}

extension UnsafeRawBufferPointer {
    /// Removes surrounding blanks, tabs and line ends if the rule allows them.
    @inlinable
    func trimmed(_ rule: TextRule) -> UnsafeRawBufferPointer {
        if rule == .exact { return self }
        var start = 0
        var end = count
        while start < end, self[start] == 32 || 9...13 ~= self[start] { start += 1 }
        while end > start, self[end - 1] == 32 || 9...13 ~= self[end - 1] { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: self[start..<end])
    }
}
