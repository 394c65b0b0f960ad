import Columnar
import Foundation
import WeirTesting

/// The expected results of CAST, computed from digits of text and on wide integers.
enum CastOracle {
    /// Nil for casts that the oracle does not cover.
    static func expected(_ value: Scalar, _ target: FieldType) -> Outcome? {
        switch (value, target) {
        case (.null, _): return .value(.null)
        case (.string(let text), _): return fromText(trimmed(text), text, target)
        case (_, .string): return text(value).map { .value(.string($0)) }
        case (.boolean(let flag), .int), (.boolean(let flag), .long): return .whole(flag ? 1 : 0, target)
        case (.int(let number), _): return fromWhole(Int128(number), value, target)
        case (.long(let number), _): return fromWhole(Int128(number), value, target)
        case (.decimal(let number, let scale), _): return fromDecimal(number, scale, value, target)
        case (.float(let number), .double): return .value(.double(Double(number)))
        case (.float(let number), _): return fromBinary(Double(number), "\(number)", value, target)
        case (.double(let number), _): return fromBinary(number, "\(number)", value, target)
        case (.date(let day), .timestamp), (.date(let day), .timestamptz):
            guard let start = Int64(exactly: Int128(day) * 86_400_000_000) else { return .failure }
            return .value(target == .timestamp ? .timestamp(start) : .timestamptz(start))
        case (.timestamp(let micros), _), (.timestamptz(let micros), _):
            let (days, time) = daysAndTime(micros)
            switch target {
            case .date: return .value(.date(Int32(days)))
            case .time: return .value(.time(time))
            case .timestamp: return .value(.timestamp(micros))
            case .timestamptz: return .value(.timestamptz(micros))
            default: return nil
            }
        case (.fixed(let bytes), .binary): return .value(.binary(bytes))
        case (.date, .date), (.time, .time), (.boolean, .boolean), (.binary, .binary): return .value(value)
        default: return nil
        }
    }

    private static func fromWhole(_ number: Int128, _ value: Scalar, _ target: FieldType) -> Outcome? {
        switch target {
        case .int, .long: return .whole(number, target)
        case .boolean: return .value(.boolean(number != 0))
        case .float: return .value(.float(Float(Int64(number))))
        case .double: return .value(.double(Double(Int64(number))))
        case .decimal(let precision, let scale): return decimal("\(number)", precision, scale)
        default: return nil
        }
    }

    private static func fromDecimal(_ number: Int128, _ scale: Int, _ value: Scalar, _ target: FieldType) -> Outcome? {
        switch target {
        case .int, .long: return .whole(number / (0..<scale).reduce(1) { power, _ in power * 10 }, target)
        case .decimal(let precision, let scale): return text(value).flatMap { decimal($0, precision, scale) }
        case .double: return text(value).flatMap { Double($0) }.map { .value(.double($0)) }
        default: return nil
        }
    }

    private static func fromBinary(_ number: Double, _ text: String, _ value: Scalar, _ target: FieldType) -> Outcome? {
        switch target {
        case .int: return Int32(exactly: number.rounded(.towardZero)).map { .value(.int($0)) } ?? .failure
        case .long: return Int64(exactly: number.rounded(.towardZero)).map { .value(.long($0)) } ?? .failure
        case .float:
            if case .float = value { return .value(value) }
            return Float(number).isFinite || !number.isFinite ? .value(.float(Float(number))) : .failure
        case .double: return .value(value)
        case .decimal(let precision, let scale): return number.isFinite ? decimal(text, precision, scale) : .failure
        default: return nil
        }
    }

    private static func fromText(_ text: String, _ raw: String, _ target: FieldType) -> Outcome? {
        switch target {
        case .string: return .value(.string(raw))
        case .binary: return .value(.binary(Array(raw.utf8)))
        case .boolean:
            switch text.lowercased() {
            case "true", "t", "yes", "y", "1": return .value(.boolean(true))
            case "false", "f", "no", "n", "0": return .value(.boolean(false))
            default: return .failure
            }
        case .int, .long:
            let digits = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
            guard !digits.isEmpty, digits.utf8.allSatisfy({ 48...57 ~= $0 }) else { return .failure }
            let bare = digits.drop { $0 == "0" }
            guard bare.count < 30, let number = Int128(bare.isEmpty ? "0" : String(bare)) else { return .failure }
            return .whole(text.hasPrefix("-") ? -number : number, target)
        case .decimal(let precision, let scale): return decimal(text, precision, scale)
        default: return nil
        }
    }

    private static func trimmed(_ text: String) -> String { text.trimmingCharacters(in: .whitespacesAndNewlines) }

    /// Rounds a decimal text to a scale, half away from zero, digit by digit.
    private static func decimal(_ text: String, _ precision: Int, _ scale: Int) -> Outcome {
        var rest = Array(text.utf8)
        let isNegative = rest.first == 45
        if isNegative || rest.first == 43 { rest.removeFirst() }
        var exponent = 0
        if let mark = rest.firstIndex(where: { $0 | 0x20 == 101 }) {
            let digits = String(decoding: rest[(mark + 1)...], as: UTF8.self)
            let bare = digits.drop { $0 == "-" || $0 == "+" }
            guard digits.count - bare.count <= 1, !bare.isEmpty, bare.utf8.allSatisfy({ 48...57 ~= $0 }) else {
                return .failure
            }
            exponent = Int(digits) ?? (digits.hasPrefix("-") ? -1_000_000 : 1_000_000)
            rest = Array(rest[..<mark])
        }
        let halves = rest.split(separator: 46, omittingEmptySubsequences: false)
        guard halves.count <= 2, halves.allSatisfy({ $0.allSatisfy { 48...57 ~= $0 } }) else { return .failure }
        var digits = halves.flatMap { $0.map { Int($0) - 48 } }
        guard !digits.isEmpty else { return .failure }
        // Digits in front of the last one that the scale keeps.
        let kept = halves[0].count + exponent + scale
        if digits.allSatisfy({ $0 == 0 }) { return .value(.decimal(0, scale: scale)) }
        if kept > digits.count {
            if kept > 1000 { return .failure }
            digits += Array(repeating: 0, count: kept - digits.count)
        }
        let next = kept >= 0 && kept < digits.count ? digits[kept] : 0
        var result = kept > 0 ? Array(digits[..<kept]) : []
        if next >= 5 {
            var index = result.count - 1
            while index >= 0, result[index] == 9 {
                result[index] = 0
                index -= 1
            }
            if index >= 0 { result[index] += 1 } else { result.insert(1, at: 0) }
        }
        let bare = result.drop { $0 == 0 }
        guard bare.count <= precision else { return .failure }
        let number = bare.reduce(Int128(0)) { $0 * 10 + Int128($1) }
        return .value(.decimal(isNegative ? -number : number, scale: scale))
    }

    private static func text(_ value: Scalar) -> String? {
        switch value {
        case .boolean(let flag): return flag ? "true" : "false"
        case .int(let number): return "\(number)"
        case .long(let number): return "\(number)"
        case .decimal(let number, let scale):
            var digits = "\(abs(number))"
            while digits.count <= scale { digits = "0" + digits }
            let sign = number < 0 ? "-" : ""
            return scale == 0 ? sign + digits : "\(sign)\(digits.dropLast(scale)).\(digits.suffix(scale))"
        case .date(let day): return CountedDate(Int(day)).text
        case .time(let time): return clock(time)
        case .timestamp(let micros): return instant(micros)
        case .timestamptz(let micros): return instant(micros) + "+00:00"
        default: return nil
        }
    }

    private static func instant(_ micros: Int64) -> String {
        let (days, time) = daysAndTime(micros)
        return "\(CountedDate(days).text) \(clock(time))"
    }

    private static func clock(_ time: Int64) -> String {
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let seconds = time / 1_000_000
        var fraction = "\(1_000_000 + time % 1_000_000)".dropFirst()
        while fraction.hasSuffix("0") { fraction = fraction.dropLast() }
        let clock = "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
        return fraction.isEmpty ? clock : "\(clock).\(fraction)"
    }
}
