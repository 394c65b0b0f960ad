import Bytes
import Columnar
import Foundation

extension Transform {
    /// A partition value the way partition paths show it: `2024-01-02`, `2024-01`, `2024-01-02-10`; "null" for null.
    public func humanText(_ value: Scalar) -> String {
        switch (self, value) {
        case (_, .null): "null"
        case (.year, .int(let years)): Calendar.yearText(1970 + Int(years))
        case (.month, .int(let months)):
            Calendar.yearText(1970 + Int(Calendar.floorDivide(Int64(months), 12))) + "-"
                + Calendar.padded(Int64(months) - Calendar.floorDivide(Int64(months), 12) * 12 + 1, 2)
        case (.day, .int(let days)): Calendar.dayText(Int64(days))
        case (.hour, .int(let hours)):
            Calendar.dayText(Calendar.floorDivide(Int64(hours), 24)) + "-"
                + Calendar.padded(Int64(hours) - Calendar.floorDivide(Int64(hours), 24) * 24, 2)
        default: Self.identityText(value)
        }
    }

    private static func identityText(_ value: Scalar) -> String {
        switch value {
        case .null: return "null"
        case .boolean(let flag): return flag ? "true" : "false"
        case .int(let number): return String(number)
        case .long(let number): return String(number)
        case .float(let number): return javaText(number.description, magnitude: Double(number.magnitude))
        case .double(let number): return javaText(number.description, magnitude: number.magnitude)
        case .decimal(let unscaled, let scale): return decimalText(unscaled, scale)
        case .date(let days): return Calendar.dayText(Int64(days))
        case .time(let micros): return Calendar.timeText(micros)
        case .timestamp(let micros): return timestampText(micros)
        case .timestamptz(let micros): return timestampText(micros) + "Z"
        case .string(let text): return text
        case .uuid(let number):
            let hex = Array(Hex.encode(withUnsafeBytes(of: number.bigEndian) { Array($0) }))
            return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(hex[$0]) }.joined(separator: "-")
        case .fixed(let bytes), .binary(let bytes): return Data(bytes).base64EncodedString()
        }
    }

    private static func timestampText(_ micros: Int64) -> String {
        let days = Calendar.floorDivide(micros, Calendar.microsPerDay)
        return Calendar.dayText(days) + "T" + Calendar.timeText(micros - days * Calendar.microsPerDay)
    }

    private static func decimalText(_ unscaled: Int128, _ scale: Int) -> String {
        let digits = String(unscaled.magnitude)
        let sign = unscaled < 0 ? "-" : ""
        if scale <= 0 { return sign + digits }
        if scale - digits.count + 1 > 6 {
            // Java's BigDecimal leaves the plain form where more than six zeros would lead.
            let rest = digits.dropFirst()
            return sign + digits.prefix(1) + (rest.isEmpty ? "" : "." + rest) + "E-\(scale - digits.count + 1)"
        }
        let padded = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
        return sign + padded.dropLast(scale) + "." + padded.suffix(scale)
    }

    /// Java prints plain digits from 0.001 up to 10⁷ and one digit before the point with an `E` elsewhere.
    private static func javaText(_ text: String, magnitude: Double) -> String {
        if magnitude.isNaN { return "NaN" }
        if magnitude.isInfinite { return text.hasPrefix("-") ? "-Infinity" : "Infinity" }
        if magnitude == 0 || 0.001..<1e7 ~= magnitude { return text }
        let sign = text.hasPrefix("-") ? "-" : ""
        let parts = text.drop { $0 == "-" }.split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let whole = String(mantissa[0])
        let fraction = mantissa.count > 1 ? String(mantissa[1]) : ""
        let digits = Array(whole + fraction)
        guard let first = digits.firstIndex(where: { $0 != "0" }) else { return text }
        let exponent = (parts.count > 1 ? Int(parts[1]) ?? 0 : 0) + whole.count - 1 - first
        var significant = String(digits[first...])
        while significant.count > 1, significant.hasSuffix("0") { significant.removeLast() }
        let rest = significant.dropFirst()
        return sign + significant.prefix(1) + "." + (rest.isEmpty ? "0" : rest) + "E\(exponent)"
    }
}
