import Bytes
import MixedTables

/// Decides what keeps changes from being in a table, from what can be seen from outside.
struct Lateness: Equatable {
    /// What is known when the question is asked.
    struct Picture {
        /// Milliseconds since 1970, as all times.
        let now: Int64
        let freshness: Freshness
        /// Records after the positions of the table; nil when its topics are not known.
        var waiting: Int64?
        /// The process that writes the table.
        var process: String?
        /// The newest record that the table has.
        var newestRecord: Int64?
        /// `base.refresh-interval` in milliseconds.
        var refreshInterval: Int64?
    }

    /// The stage that holds changes back; nil when nothing does.
    let stage: String?
    let reason: String
    let advice: String?

    private init(_ stage: FreshnessStage?, _ reason: String, _ advice: String? = nil) {
        self.stage = stage?.rawValue
        self.reason = reason
        self.advice = advice
    }

    /// Base is late when it lacks something for longer.
    fileprivate static let slowBase: Int64 = 30_000
    /// A run commits at least this often while there are records, unless its interval is longer.
    private static let slowCommits: Int64 = 60_000

    init(_ picture: Picture) {
        let waiting = picture.waiting ?? 0
        let records = HumanText.count(waiting, "record")
        let verb = waiting == 1 ? "waits" : "wait"
        let lastCommit = picture.freshness.commits.last?.committed
        let sinceCommit = lastCommit.map { Freshness.span(from: $0, to: picture.now) }
        if waiting > 0, picture.process == nil {
            self.init(
                .read,
                "no process on this machine writes the table, and \(records) \(verb) in its topics",
                "start it with 'weir run'"
            )
        } else if waiting > 0, let since = sinceCommit, since > max(Self.slowCommits, picture.slowGap) {
            self.init(
                .committed,
                "process \(picture.process ?? "") has not committed for \(Self.text(since)), and \(records) \(verb)",
                "its standard error says what it waits for"
            )
        } else if let late = picture.baseLateness, late > picture.slowestBefore {
            self.init(base: picture, late: late)
        } else if waiting > 0 || sinceCommit.map({ $0 < Self.slowCommits }) == true, let (stage, time) = picture.slowest
        {
            self.init(stage, Self.reason(stage, time), Self.advice(stage))
        } else if picture.waiting == 0 {
            let newest =
                picture.newestRecord.map {
                    ": its newest record is \(Self.text(Freshness.span(from: $0, to: picture.now))) old"
                } ?? ""
            self.init(nil, "nothing is late, the source has sent nothing since\(newest)")
        } else if let since = sinceCommit {
            let newest = "the newest commit is \(Self.text(since)) old"
            self.init(
                nil,
                "\(newest), and whether records wait is not known here",
                "name the topology file with --topology, so that its topics are looked at"
            )
        } else {
            self.init(nil, "nothing was ever committed to the table", "start a topology that writes it with 'weir run'")
        }
    }

    private init(base picture: Picture, late: Int64) {
        let backlog = picture.freshness.backlog
        let commits = HumanText.count(backlog?.commits ?? 0, "commit")
        let advice =
            if let interval = picture.refreshInterval, late / 2 < interval {
                "base.refresh-interval of the table is \(Self.text(interval))"
            } else if picture.process == nil {
                "no process on this machine moves them: 'weir run' does so while it is up, 'weir optimize' does it once"
            } else {
                "the process says why on its standard error: pipeline.materialize is off, Amoro optimizes the table, another "
                    + "writer comes first, or there is too much to do; 'weir optimize' moves everything"
            }
        self.init(.inBase, "base lacks \(commits), the oldest \(Self.text(late)) old", advice)
    }

    private static func reason(_ stage: FreshnessStage, _ time: Int64) -> String {
        let what =
            switch stage {
            case .read: "records are read"
            case .decoded: "records are decoded"
            case .cut: "the epoch of a row ends"
            case .committed: "an epoch that has ended is committed"
            case .inBase: "a commit is in base"
            }
        return "most of the time passes until \(what): \(text(time)) as a rule"
    }

    private static func advice(_ stage: FreshnessStage) -> String {
        switch stage {
        case .read:
            "records come faster than they are read, or carry times from before they were sent: compare with the lag that "
                + "the run shows"
        case .decoded: "records are large, or the processors are busy"
        case .cut: "pipeline.commit.interval decides it; joins, sinks and a full queue of rows before files add to it"
        case .committed: "disk or catalog are slow, or other writers commit to the same tables"
        case .inBase: "base.refresh-interval decides it; a slow disk and a busy machine add to it"
        }
    }

    private static func text(_ milliseconds: Int64) -> String { HumanText.duration(Double(milliseconds) / 1000) }
}

extension Lateness.Picture {
    /// Five times the median time between two commits.
    fileprivate var slowGap: Int64 {
        let times = freshness.commits.map(\.committed)
        let gaps = zip(times, times.dropFirst()).map { Freshness.span(from: $0, to: $1) }.sorted()
        return gaps.isEmpty ? 0 : min(gaps[gaps.count / 2], .max / 5) * 5
    }

    fileprivate var slowest: (stage: FreshnessStage, time: Int64)? {
        let medians = freshness.medians
        return FreshnessStage.allCases.compactMap { stage in medians[stage].map { (stage, $0) } }.max { $0.1 < $1.1 }
    }

    fileprivate var slowestBefore: Int64 {
        freshness.medians.filter { $0.key != .inBase }.values.max() ?? 0
    }

    /// For how long base has lacked something, when that is long.
    fileprivate var baseLateness: Int64? {
        freshness.backlog?.oldest.map { Freshness.span(from: $0, to: now) }.flatMap {
            $0 >= Lateness.slowBase ? $0 : nil
        }
    }
}
