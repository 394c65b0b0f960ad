import Bytes

/// Formats values as text.
public enum ScalarText {
    public enum Style: Sendable {
        /// The form of JSON rows, without quotes, for tables, CSV and lookup keys: `14.20`, `2017-11-16`,
        /// `2017-11-16T22:31:08.123456`, with `+00:00` for timestamptz, hexadecimal for bytes.
        case json
        /// The form of CAST: a blank between date and time, no trailing zeros in fractions of seconds.
        case cast
        /// The form of Java's `toString`, for partition paths: `1.0E10`, `5E-8`, `2017-11-16T22:31Z`, base64.
        case java
    }

    /// A null gives `null`.
    public static func text(_ scalar: Scalar, _ style: Style = .json) -> String {
        if case .string(let text) = scalar { return text }
        return text { append(scalar, style, to: &$0) }
    }

    /// The text that `body` appends.
    public static func text(_ body: (inout GrowableBuffer) -> Void) -> String {
        var target = GrowableBuffer()
        body(&target)
        return String(decoding: UnsafeRawBufferPointer(start: target.base, count: target.count), as: UTF8.self)
    }

    /// Appends the text of a value in UTF-8.
    public static func append(_ scalar: Scalar, _ style: Style = .json, to target: inout GrowableBuffer) {
        switch scalar {
        case .null: target.appendText("null")
        case .boolean(let value): target.appendText(value ? "true" : "false")
        case .int(let value): target.appendInteger(Int64(value))
        case .long(let value): target.appendInteger(value)
        case .float(let value): append(value, style, to: &target)
        case .double(let value): append(value, style, to: &target)
        case .decimal(let value, let scale):
            if style == .java { return target.appendJavaDecimal(value, scale: scale, cutsZeros: false) }
            target.appendDecimal(value, scale: scale)
        case .date(let value): target.appendDate(value, isSigned: style != .java)
        case .time(let value): target.appendTime(value, seconds: style.seconds)
        case .timestamp(let value): target.appendTimestamp(value, separator: style.separator, seconds: style.seconds)
        case .timestamptz(let value):
            target.appendTimestamp(value, separator: style.separator, seconds: style.seconds)
            target.appendText(style == .java ? "Z" : "+00:00")
        case .string(var value): value.withUTF8 { target.append(UnsafeRawBufferPointer($0)) }
        case .uuid(let value): withUnsafeBytes(of: value.bigEndian) { target.appendUUID($0) }
        case .fixed(let value), .binary(let value):
            value.withUnsafeBytes { if style == .java { target.appendBase64($0) } else { target.appendHex($0) } }
        }
    }

    private static func append(_ value: Double, _ style: Style, to target: inout GrowableBuffer) {
        if style == .java { return target.appendJava(value) }
        if value.isFinite { target.appendDouble(value) } else { target.appendNotFinite(value) }
    }

    private static func append(_ value: Float, _ style: Style, to target: inout GrowableBuffer) {
        if style == .java { return target.appendJava(value) }
        if value.isFinite { target.appendFloat(value) } else { target.appendNotFinite(Double(value)) }
    }
}

extension ScalarText.Style {
    fileprivate var separator: UInt8 { self == .cast ? 0x20 : 0x54 }

    fileprivate var seconds: SecondsStyle {
        switch self {
        case .json: .micros
        case .cast: .shortest
        case .java: .java
        }
    }
}
