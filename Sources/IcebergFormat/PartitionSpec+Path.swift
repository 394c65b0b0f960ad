import Bytes
import Columnar
import Foundation

extension PartitionSpec {
    /// Parses a partition path into its values; nil if it is not a path of this spec.
    ///
    /// The inverse of `path(for:)`. It accepts other spellings, because Java's text of timestamps and zones changed
    /// between Iceberg versions. `null` and Hive's `__HIVE_DEFAULT_PARTITION__` are null, even if a string of that
    /// value was meant: the two share a path.
    public func values(ofPath path: String, _ schema: Schema) -> [Scalar]? {
        if fields.isEmpty { return path.isEmpty ? [] : nil }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == fields.count else { return nil }
        let types = partitionType(schema).fields.map(\.type)
        var values: [Scalar] = []
        for (index, part) in parts.enumerated() {
            guard let equals = part.firstIndex(of: "="), Self.unescape(part[..<equals]) == fields[index].name,
                let text = Self.unescape(part[part.index(after: equals)...]),
                let value = fields[index].transform.value(ofPathText: text, type: types[index])
            else { return nil }
            values.append(value)
        }
        return values
    }

    /// The inverse of `escape`.
    private static func unescape(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let pair = String(rest.prefix(2)), let value = Hex.decode(pair), value.count == 1 else {
                    return nil
                }
                bytes.append(value[0])
                rest = rest.dropFirst(2)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension Transform {
    /// Parses the text of `humanText`.
    ///
    /// - Parameter type: the type of the partition value.
    func value(ofPathText text: String, type: FieldType) -> Scalar? {
        if Self.isNull(pathText: text) { return .null }
        switch self {
        case .void: return nil
        case .year:
            guard let year = Int32(text) else { return nil }
            let (value, overflow) = year.subtractingReportingOverflow(1970)
            return overflow ? nil : .int(value)
        case .month:
            guard let dash = text.lastIndex(of: "-"), let year = Int32(text[..<dash]),
                let month = Int32(text[text.index(after: dash)...]), 1...12 ~= month
            else { return nil }
            return Int32(exactly: (Int64(year) - 1970) * 12 + Int64(month) - 1).map { .int($0) }
        case .hour:
            guard let dash = text.lastIndex(of: "-"), let days = Self.days(String(text[..<dash])),
                let hour = Int32(text[text.index(after: dash)...]), 0...23 ~= hour
            else { return nil }
            return Int32(exactly: Int64(days) * 24 + Int64(hour)).map { .int($0) }
        case .day: return Self.days(text).map { type == .int ? .int($0) : .date($0) }
        case .identity, .bucket, .truncate, .other:
            switch type {
            case .binary: return Data(base64Encoded: text).map { .binary(Array($0)) }
            case .fixed: return Data(base64Encoded: text).map { .fixed(Array($0)) }
            case .date: return Self.days(text).map { .date($0) }
            case .timestamp, .timestamptz: return try? ScalarText.parse(Self.withSign(text), as: type)
            default: return try? ScalarText.parse(text, as: type)
            }
        }
    }

    /// Whether the text in a path stands for null.
    public static func isNull(pathText text: String) -> Bool {
        text == "null" || text == "__HIVE_DEFAULT_PARTITION__"
    }

    private static func days(_ text: String) -> Int32? {
        guard case .date(let days)? = try? ScalarText.parse(withSign(text), as: .date) else { return nil }
        return days
    }

    /// Adds the sign of years with more than four digits, which paths omit and date texts require.
    private static func withSign(_ text: String) -> String {
        text.prefix { $0.isASCII && $0.isNumber }.count > 4 ? "+" + text : text
    }
}
