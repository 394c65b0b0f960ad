import Bytes
import EventLog

/// Decides when to report that the brokers of a source are unreachable: not for every connection attempt, and not while
/// other brokers of the source send records.
struct OutageWatch {
    private static let patience = Duration.seconds(3)
    private static let reminder = Duration.seconds(60)

    private let source: String
    private var lastRecords: ContinuousClock.Instant
    private var toldAt: ContinuousClock.Instant?

    init(source: String, now: ContinuousClock.Instant) {
        self.source = source
        lastRecords = now
    }

    /// Notes that records arrived; returns a message to report, if any.
    mutating func sawRecords(now: ContinuousClock.Instant) -> String? {
        defer {
            lastRecords = now
            toldAt = nil
        }
        guard toldAt != nil else { return nil }
        return "source '\(source)': records come again, \((now - lastRecords).components.seconds) s after the last ones"
    }

    /// Called periodically, whether or not records arrive; returns a message to report, if any.
    ///
    /// - Parameter trouble: what was wrong with the brokers since a given time; nil when nothing was.
    mutating func isWaiting(
        now: ContinuousClock.Instant,
        trouble: (_ since: ContinuousClock.Instant) -> String?
    ) -> String? {
        guard now - lastRecords >= Self.patience,
            now - (toldAt ?? lastRecords) >= (toldAt == nil ? .zero : Self.reminder),
            let cause = trouble(toldAt ?? lastRecords)
        else { return nil }
        toldAt = now
        return "source '\(source)': \(cause); no records have come for \((now - lastRecords).components.seconds) s"
    }
}

/// Watches the sources of a run, over all its generations. Used by one reading thread at a time.
final class SourceOutages: @unchecked Sendable {
    private var watches: [(log: any SharedLog, watch: OutageWatch)?]
    private let clock: RunClock
    private let onNotice: @Sendable (String) -> Void

    init(_ plan: IngestPlan, clock: RunClock, onNotice: @escaping @Sendable (String) -> Void) {
        watches = plan.sources.map { source in
            (source.log as? any SharedLog).map { ($0, OutageWatch(source: source.name, now: clock.now)) }
        }
        self.clock = clock
        self.onNotice = onNotice
    }

    func sawRecords(source: Int) {
        if let notice = watches[source]?.watch.sawRecords(now: clock.now) { onNotice(notice) }
    }

    /// Called periodically, whether or not records arrive.
    func look() {
        for index in watches.indices {
            guard let log = watches[index]?.log else { continue }
            if let notice = watches[index]?.watch.isWaiting(now: clock.now, trouble: log.trouble) { onNotice(notice) }
        }
    }
}
