import Bytes
import Foundation

/// Numbers, sizes and durations for human readers.
enum HumanText {
    /// `1,234,567`.
    static func count(_ number: some BinaryInteger) -> String { CountText.of(number) }

    /// `1,234 rows`, `1 row`.
    static func count(_ number: some BinaryInteger, _ singular: String, _ plural: String? = nil) -> String {
        CountText.of(number, singular, plural)
    }

    /// `512 B`, `1.5 KiB`, `12 MiB`.
    static func bytes(_ number: Int64) -> String {
        var value = Double(number)
        for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
            if value < 1024 || unit == "TiB" {
                return unit == "B" ? "\(number) B" : "\(decimal(value, value < 10 ? 1 : 0)) \(unit)"
            }
            value /= 1024
        }
        return "\(number) B"
    }

    /// `12 ms`, `1.25 s`, `3 min 20 s`.
    static func duration(_ seconds: Double) -> String {
        if seconds < 1 { return "\(Int((seconds * 1000).rounded())) ms" }
        if seconds < 120 { return "\(decimal(seconds, seconds < 10 ? 2 : 1)) s" }
        return "\(Int(seconds) / 60) min \(Int(seconds) % 60) s"
    }

    /// `950/s`, `12 k/s`, `1.9 M/s`; empty below 1/s.
    static func rate(_ number: Int, _ seconds: Double) -> String {
        guard seconds > 0, number > 0 else { return "" }
        let rate = Double(number) / seconds
        if rate < 1 { return "" }
        if rate < 1000 { return "\(Int(rate))/s" }
        if rate < 1_000_000 { return "\(decimal(rate / 1000, rate < 10_000 ? 1 : 0)) k/s" }
        return "\(decimal(rate / 1_000_000, 1)) M/s"
    }

    static func decimal(_ value: Double, _ digits: Int) -> String {
        let scale = digits == 0 ? 1 : digits == 1 ? 10 : 100
        let scaled = Int((value * Double(scale)).rounded())
        if digits == 0 { return String(scaled) }
        let fraction = String(scaled % scale)
        return "\(scaled / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}

/// Measures the seconds since its creation.
struct Stopwatch {
    private let start = ContinuousClock.now

    var seconds: Double {
        let parts = (ContinuousClock.now - start).components
        return Double(parts.seconds) + Double(parts.attoseconds) / 1e18
    }
}
