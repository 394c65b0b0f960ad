/// Parses durations and sizes in topology files.
enum Quantities {
    private static let durations: [String: Double] = [
        "ms": 0.001, "millis": 0.001, "s": 1, "sec": 1, "second": 1, "seconds": 1, "min": 60, "m": 60, "minute": 60,
        "minutes": 60, "h": 3600, "hour": 3600, "hours": 3600, "d": 86_400, "day": 86_400, "days": 86_400,
    ]
    private static let sizes: [String: Int] = [
        "": 1, "b": 1, "bytes": 1, "k": 1 << 10, "kb": 1 << 10, "kib": 1 << 10, "m": 1 << 20, "mb": 1 << 20,
        "mib": 1 << 20,
        "g": 1 << 30, "gb": 1 << 30, "gib": 1 << 30,
    ]

    /// `500ms`, `10s`, `1.5 min`. The unit is required.
    static func duration(_ text: String) -> Duration? {
        guard let (number, unit) = split(text), let value = Double(number), let seconds = durations[unit] else {
            return nil
        }
        let total = value * seconds
        return total.isFinite && total < 1e9 ? .milliseconds(Int64((total * 1000).rounded())) : nil
    }

    /// `134217728`, `128mb`, `1 GiB`, in bytes; units are powers of 1024.
    static func size(_ text: String) -> Int? {
        guard let (number, unit) = split(text), let factor = sizes[unit] else { return nil }
        if let whole = Int(number) {
            let (bytes, overflow) = whole.multipliedReportingOverflow(by: factor)
            return overflow ? nil : bytes
        }
        return Double(number).flatMap { Int(exactly: ($0 * Double(factor)).rounded()) }
    }

    private static func split(_ text: String) -> (number: String, unit: String)? {
        let text = text.filter { $0 != " " && $0 != "_" }.lowercased()
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        return number.isEmpty ? nil : (String(number), String(text.dropFirst(number.count)))
    }
}
