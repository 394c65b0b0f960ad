/// What became of a text that was to be a value.
public enum ParsedText<Value> {
    case value(Value)
    /// The text is not of the type's form.
    case malformed
    /// It is of the form, but the type does not hold the value, or not all its digits.
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

/// How forgiving a text is read.
public enum TextRule: Sendable {
    /// The form that values are written in, with nothing lost: no blanks, no digit that the type cannot hold.
    case exact
    /// As CAST reads: blanks around the value, more words for booleans and floating numbers, decimals rounded half up,
    /// fractions of seconds cut to microseconds, a timestamptz without a zone is UTC.
    case cast
}

extension UnsafeRawBufferPointer {
    /// Without blanks, tabs and line ends around it, where the rule allows them.
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
