import Bytes

/// Values as text for tables, CSV and partition paths, and back for lookup keys and literals.
///
/// The text is what JSON rows hold, without quotes: `14.20`, `2017-11-16`, `2017-11-16T22:31:08.123456`, with `+00:00`
/// for timestamptz, hexadecimal for bytes.
public enum ScalarText {
    /// `null` for a null.
    public static func text(_ scalar: Scalar) -> String {
        if case .string(let text) = scalar { return text }
        var target = GrowableBuffer()
        append(scalar, to: &target)
        return String(decoding: UnsafeRawBufferPointer(start: target.base, count: target.count), as: UTF8.self)
    }

    /// Appends the text of a value in UTF-8.
    public static func append(_ scalar: Scalar, to target: inout GrowableBuffer) {
        switch scalar {
        case .null: target.appendText("null")
        case .boolean(let value): target.appendText(value ? "true" : "false")
        case .int(let value): target.appendInteger(Int64(value))
        case .long(let value): target.appendInteger(value)
        case .float(let value): appendNumber(Double(value), to: &target) { $0.appendFloat(value) }
        case .double(let value): appendNumber(value, to: &target) { $0.appendDouble(value) }
        case .decimal(let value, let scale): target.appendDecimal(value, scale: scale)
        case .date(let value): target.appendDate(Int(value))
        case .time(let value): target.appendTime(value)
        case .timestamp(let value): target.appendTimestamp(value)
        case .timestamptz(let value):
            target.appendTimestamp(value)
            target.appendText("+00:00")
        case .string(var value): value.withUTF8 { target.append(UnsafeRawBufferPointer($0)) }
        case .uuid(let value): withUnsafeBytes(of: value.bigEndian) { target.appendUUID($0) }
        case .fixed(let value), .binary(let value): value.withUnsafeBytes { target.appendHex($0) }
        }
    }

    private static func appendNumber(
        _ value: Double,
        to target: inout GrowableBuffer,
        _ finite: (inout GrowableBuffer) -> Void
    ) {
        if value.isFinite { return finite(&target) }
        target.appendText(value.isNaN ? "NaN" : value > 0 ? "Infinity" : "-Infinity")
    }
}
