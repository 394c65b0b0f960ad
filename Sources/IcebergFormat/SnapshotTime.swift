import Columnar
import Values

/// When a snapshot was committed, as errors name it.
public enum SnapshotTime {
    /// ISO 8601 in UTC; milliseconds where the calendar does not reach.
    public static func text(_ timestampMs: Int64) -> String {
        let (micros, overflow) = timestampMs.multipliedReportingOverflow(by: 1000)
        return overflow ? "\(timestampMs) ms" : ScalarText.text(.timestamptz(micros))
    }
}
