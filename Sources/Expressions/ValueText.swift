import Bytes
import Columnar
import Foundation

/// How single values are read from and written as text by CAST and by typed literals.
enum ValueText {
    static func integer<I: FixedWidthInteger & SignedInteger>(parsing text: UnsafeRawBufferPointer, as: I.Type) -> I? {
        let text = text.trimmed
        var place = 0
        let isNegative = text.first == 45
        if isNegative || text.first == 43 { place = 1 }
        guard place < text.count else { return nil }
        var value: I = 0
        while place < text.count {
            guard 48...57 ~= text[place] else { return nil }
            let digit = I(text[place] - 48)
            let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
            let (next, overflowToo) =
                isNegative ? tenfold.subtractingReportingOverflow(digit) : tenfold.addingReportingOverflow(digit)
            if overflow || overflowToo { return nil }
            value = next
            place += 1
        }
        return value
    }

    /// A number with an optional point and exponent, rounded half up to the scale.
    static func decimal(parsing text: UnsafeRawBufferPointer, precision: Int, scale: Int) -> Int128? {
        let text = text.trimmed
        var place = 0
        let isNegative = text.first == 45
        if isNegative || text.first == 43 { place = 1 }
        var digits: [UInt8] = []
        var pointAt: Int?
        loop: while place < text.count {
            switch text[place] {
            case 48...57: digits.append(text[place] - 48)
            case 46 where pointAt == nil: pointAt = digits.count
            case 69, 101: break loop
            default: return nil
            }
            place += 1
        }
        guard !digits.isEmpty else { return nil }
        var exponent = 0
        if place < text.count {
            let rest = UnsafeRawBufferPointer(rebasing: text[(place + 1)...])
            guard let parsed = integer(parsing: rest, as: Int32.self), abs(Int(parsed)) < 1_000_000 else { return nil }
            exponent = Int(parsed)
        }
        // Digits that count: those before this place.
        let wanted = (pointAt ?? digits.count) + exponent + scale
        var value: Int128 = 0
        for index in 0..<max(0, wanted) {
            let digit = index < digits.count ? Int128(digits[index]) : 0
            if value == 0, digit == 0, index >= digits.count { break }
            value = value * 10 + digit
            if !Decimals.fits(value, precision) { return nil }
        }
        if wanted >= 0, wanted < digits.count, digits[wanted] >= 5 { value += 1 }
        return Decimals.fits(value, precision) ? (isNegative ? -value : value) : nil
    }

    static func double(parsing text: UnsafeRawBufferPointer) -> Double? {
        let text = String(decoding: text.trimmed, as: UTF8.self)
        switch text.lowercased() {
        case "nan": return .nan
        case "inf", "+inf", "infinity", "+infinity": return .infinity
        case "-inf", "-infinity": return -.infinity
        default:
            guard text.utf8.allSatisfy({ 43...57 ~= $0 || $0 == 69 || $0 == 101 }) else { return nil }
            return Double(text)
        }
    }

    static func boolean(parsing text: UnsafeRawBufferPointer) -> Bool? {
        switch String(decoding: text.trimmed, as: UTF8.self).lowercased() {
        case "true", "t", "yes", "y", "1": true
        case "false", "f", "no", "n", "0": false
        default: nil
        }
    }

    /// The 16 bytes in network order, as a column holds them.
    static func uuid(parsing text: UnsafeRawBufferPointer) -> UInt128? {
        let text = text.trimmed
        guard text.count == 36 else { return nil }
        var value: UInt128 = 0
        for (index, byte) in text.enumerated() {
            if [8, 13, 18, 23].contains(index) {
                guard byte == 45 else { return nil }
            } else {
                guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
                value = value << 4 | UInt128(digit)
            }
        }
        return value.bigEndian
    }

    static func text(decimal value: Int128, scale: Int) -> String {
        if scale == 0 { return String(value) }
        let digits = String(value.magnitude)
        let padded = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
        return "\(value < 0 ? "-" : "")\(padded.dropLast(scale)).\(padded.suffix(scale))"
    }

    static func text(double value: Double) -> String {
        value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : "\(value)"
    }

    static func text(uuid value: UInt128) -> String {
        let digits = String(value, radix: 16)
        let padded = Array(String(repeating: "0", count: 32 - digits.count) + digits)
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(padded[$0]) }.joined(separator: "-")
    }
}

extension Scalar {
    /// The value of a literal such as `DATE '2024-05-06'`; nil when the text is none.
    public init?(parsing text: String, as type: FieldType) {
        var text = text
        let value: Scalar? = text.withUTF8 { utf8 in
            let bytes = UnsafeRawBufferPointer(utf8)
            return switch type {
            case .boolean: ValueText.boolean(parsing: bytes).map { .boolean($0) }
            case .int: ValueText.integer(parsing: bytes, as: Int32.self).map { .int($0) }
            case .long: ValueText.integer(parsing: bytes, as: Int64.self).map { .long($0) }
            case .float: ValueText.double(parsing: bytes).map { .float(Float($0)) }
            case .double: ValueText.double(parsing: bytes).map { .double($0) }
            case .decimal(let precision, let scale):
                ValueText.decimal(parsing: bytes, precision: precision, scale: scale).map { .decimal($0, scale: scale) }
            case .date: CivilTime.day(parsing: bytes).map { .date($0) }
            case .time: CivilTime.time(parsing: bytes).map { .time($0) }
            case .timestamp: CivilTime.timestamp(parsing: bytes, hasZone: false).map { .timestamp($0) }
            case .timestamptz: CivilTime.timestamp(parsing: bytes, hasZone: true).map { .timestamptz($0) }
            case .uuid: ValueText.uuid(parsing: bytes).map { .uuid(UInt128(bigEndian: $0)) }
            case .string: .string(String(decoding: bytes, as: UTF8.self))
            case .binary: .binary(Array(bytes))
            case .fixed, .list, .map, .structure, .other: nil
            }
        }
        guard let value else { return nil }
        self = value
    }

    /// The value as CAST to a string writes it; texts in quotes. For messages.
    public var shown: String {
        switch self {
        case .null: "NULL"
        case .boolean(let value): value ? "TRUE" : "FALSE"
        case .int(let value): String(value)
        case .long(let value): String(value)
        case .float(let value): value.isFinite ? "\(value)" : ValueText.text(double: Double(value))
        case .double(let value): ValueText.text(double: value)
        case .decimal(let value, let scale): ValueText.text(decimal: value, scale: scale)
        case .date(let day): CivilTime.text(day: Int(day))
        case .time(let time): CivilTime.text(time: time)
        case .timestamp(let value): CivilTime.text(timestamp: value)
        case .timestamptz(let value): CivilTime.text(timestamp: value) + "+00:00"
        case .string(let value): value.count <= 80 ? "'\(value)'" : "'\(value.prefix(80))…'"
        case .uuid(let value): ValueText.text(uuid: value)
        case .fixed(let value), .binary(let value): "\(value.count) bytes"
        }
    }
}

extension FieldType {
    /// How a literal of the type is written, for advice.
    var writtenForm: String {
        switch self {
        case .date: "write it as 2024-05-06"
        case .time: "write it as 10:20:30"
        case .timestamp: "write it as 2024-05-06 10:20:30"
        case .timestamptz: "write it as 2024-05-06 10:20:30+00:00"
        case .uuid: "write it as 8-4-4-4-12 hexadecimal digits"
        default: "write it as a \(self)"
        }
    }
}
