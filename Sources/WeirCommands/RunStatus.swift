import Bytes
import MixedTables
import StreamRuntime

/// Decides which status a run shows. On a terminal: one line, redrawn every two seconds. Elsewhere: one line per minute
/// and one for each event.
struct RunStatus {
    /// The state of a run at one time.
    struct Sample {
        let time: RunClock.Instant
        /// Milliseconds since 1970.
        let wallTime: Int64
        var counts = IngestProgress()
        var state = RunState()
        /// Nil if the lag is unknown.
        var lag: SourceLag?
        var isStopping = false
    }

    enum Output: Equatable {
        /// A line that stays.
        case line(String)
        /// Replaces the previous redraw.
        case redraw(String)
    }

    private let isTerminal: Bool
    private let showsEvents: Bool
    private var lastShown: Sample
    private var generation = 0
    /// How often the keys of each table were said to be known.
    private var beginnings: [String: Int] = [:]
    private var isCaughtUp = false
    private var behindSince: RunClock.Instant?

    /// How often the line is redrawn on a terminal (`redrawEvery`) or written elsewhere (`logEvery`).
    static let redrawEvery = Duration.seconds(2)
    static let logEvery = Duration.seconds(60)
    /// How long a run must be behind before "caught up" is reported again.
    private static let behindAfter = Duration.seconds(30)
    /// After this time the status says that the run waits for its commit.
    private static let slowCommit = Duration.seconds(5)
    /// From this many seconds on the status says how far base is behind the commits.
    private static let slowBase: Int64 = 30

    /// - Parameter showsEvents: whether events are shown when they happen. Off for a run that ends when it has caught
    ///   up: it reports that at its end.
    init(isTerminal: Bool, showsEvents: Bool = true, start: Sample) {
        self.isTerminal = isTerminal
        self.showsEvents = showsEvents
        lastShown = start
    }

    /// Takes a sample and returns what to show now. Called at short intervals.
    mutating func look(_ now: Sample) -> [Output] {
        var shown: [Output] = []
        if now.state.generation != generation, now.state.phase == .reading {
            generation = now.state.generation
            isCaughtUp = false
            if showsEvents { shown.append(.line(Self.beginning(now))) }
        }
        for (table, index) in now.state.keyIndexes.sorted(by: { $0.key < $1.key })
        where index.beginnings > beginnings[table] ?? 0 {
            beginnings[table] = index.beginnings
            if showsEvents, index.keys > 0 { shown.append(.line(Self.beginning(table, index))) }
        }
        if let lag = now.lag {
            behindSince = lag.records > 0 ? behindSince ?? now.time : nil
            if lag.records == 0, !isCaughtUp {
                isCaughtUp = true
                if !isTerminal, showsEvents {
                    shown.append(.line("caught up: \(Self.totals(now))"))
                    lastShown = now
                }
            }
            // With a slow stream of records the lag is often above zero for a moment.
            if let behindSince, now.time - behindSince >= Self.behindAfter { isCaughtUp = false }
        }
        guard now.time - lastShown.time >= (isTerminal ? Self.redrawEvery : Self.logEvery) else { return shown }
        let text = Self.text(now, since: lastShown)
        shown.append(isTerminal ? .redraw(text) : .line(text))
        lastShown = now
        return shown
    }

    private static func beginning(_ now: Sample) -> String {
        let partitions = HumanText.count(now.state.partitions, "partition")
        let keys = now.counts.loadedRows
        let loaded = keys > 0 ? "; \(HumanText.count(keys, "key")) of its tables read" : ""
        return "generation \(now.state.generation) begins with \(partitions) of "
            + HumanText.count(now.state.topics, "topic") + loaded
    }

    /// `shop.orders: 10,000,000 keys from the state folder, 12 commits behind`.
    private static func beginning(_ table: String, _ index: KeyIndexReport) -> String {
        let keys = "\(table): \(HumanText.count(index.keys, "key"))"
        guard index.isFromFolder else { return "\(keys) of the base store read" }
        let behind = index.commitsBehind.map { HumanText.count($0, "commit") } ?? "expired commits"
        return "\(keys) from the state folder, \(behind) behind"
    }

    /// `waits for records: 0/s, no lag, 1,200,000 records read, 12 commits, the last 4 s ago, 0 dead letters`.
    static func text(_ now: Sample, since before: Sample) -> String {
        let seconds = Self.seconds(now.time - before.time)
        let rate = HumanText.rate(now.counts.records - before.counts.records, seconds)
        let parts = ["\(rate.isEmpty ? "0/s" : rate)", lag(now)] + latency(now, before) + base(now) + [totals(now)]
        // The waiting reason comes first, so that a narrow terminal does not cut it off.
        return (waiting(now, before).map { "\($0): " } ?? "") + parts.joined(separator: ", ")
    }

    private static func lag(_ now: Sample) -> String {
        guard let lag = now.lag else { return "lag unknown" }
        guard lag.records > 0 else { return "no lag" }
        let age = lag.lastRead.map { ", \(max(0, now.wallTime - $0) / 1000) s behind" } ?? ""
        return "lag \(HumanText.count(Int(lag.records), "record"))\(age)"
    }

    /// From the source record to readers of the tables, when there was a commit.
    private static func latency(_ now: Sample, _ before: Sample) -> [String] {
        guard now.counts.commits > before.counts.commits, let time = now.state.visibleAfter else { return [] }
        return ["visible after \(HumanText.duration(Double(time) / 1000))"]
    }

    /// How far the base stores are behind, once it is much, and whether keys are read before they can follow.
    private static func base(_ now: Sample) -> [String] {
        let loading = now.state.baseLoading.map { ["reads the keys of \($0) for its base"] } ?? []
        guard let (table, since) = now.state.oldestBacklog else { return loading }
        let seconds = Freshness.span(from: since, to: now.wallTime) / 1000
        return (seconds >= slowBase ? ["base of \(table) \(seconds) s behind"] : []) + loading
    }

    private static func totals(_ now: Sample) -> String {
        let commit = now.state.lastCommit.map { ", the last \(Int(seconds(now.time - $0))) s ago" } ?? ""
        return "\(HumanText.count(now.counts.records, "record")) read, "
            + "\(HumanText.count(now.counts.commits, "commit"))\(commit), "
            + HumanText.count(now.counts.deadLetters, "dead letter")
    }

    /// What the run waits for; nil if it is reading records.
    private static func waiting(_ now: Sample, _ before: Sample) -> String? {
        if let began = now.state.commitBegan, now.time - began >= slowCommit {
            return "a commit takes \(Int(seconds(now.time - began))) s by now"
        }
        if now.isStopping { return "ends after a last commit" }
        switch now.state.phase {
        case .opening: return "opens its tables and reads their keys"
        case .awaitingPartitions: return "waits for its partitions"
        case .reading: break
        }
        guard now.counts.records == before.counts.records else { return nil }
        return now.lag?.records == 0 ? "waits for records" : "no records come"
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }
}
