import Columnar
import Values

/// Formats the commit time of a snapshot for errors.
public enum SnapshotTime {
    /// ISO 8601 in UTC; plain milliseconds if the time is out of the calendar's range.
    public static func text(_ timestampMs: Int64) -> String {
        let (micros, overflow) = timestampMs.multipliedReportingOverflow(by: 1000)
        return overflow ? "\(timestampMs) ms" : ScalarText.text(.timestamptz(micros))
    }
}
