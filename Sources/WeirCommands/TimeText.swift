import Bytes
import Columnar
import Foundation

/// Times on the command line: ISO 8601 or milliseconds since 1970.
enum TimeText {
    /// Milliseconds since 1970. A time without a zone is UTC.
    static func parse(_ text: String) throws(WeirError) -> Int64 {
        if let number = Int64(text) { return number }
        let zoned = try? ScalarText.parse(text, as: .timestamptz)
        if case .timestamptz(let microseconds)? = zoned { return floored(microseconds) }
        let plain = try? ScalarText.parse(text, as: .timestamp)
        if case .timestamp(let microseconds)? = plain { return floored(microseconds) }
        throw WeirError(
            .invalid,
            "'\(text)' is no time",
            advice: "write 2026-01-31, 2026-01-31T12:00:00Z, or milliseconds since 1970"
        )
    }

    private static func floored(_ microseconds: Int64) -> Int64 { microseconds.floorDivided(by: 1000) }

    /// `2026-01-31T12:00:00.000Z`.
    static func text(_ milliseconds: Int64) -> String {
        let (microseconds, overflow) = milliseconds.multipliedReportingOverflow(by: 1000)
        guard !overflow else { return String(milliseconds) }
        return String(ScalarText.text(.timestamp(microseconds)).dropLast(3)) + "Z"
    }

    static var nowMilliseconds: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
}
