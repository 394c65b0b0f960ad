import Bytes

/// When the changes of each table are moved into base next. Tables take turns.
struct RefreshSchedule {
    typealias Instant = RunClock.Instant

    /// What became of one step.
    enum Outcome {
        /// Nothing is left to move.
        case caughtUp
        /// Some changes were moved, and more are waiting.
        case advanced
        /// Another writer came first, or the step failed. Others get their turn, and this one waits longer each time.
        case outrun, failed
        /// A process that rewrites base has asked to wait.
        case held
    }

    private struct Entry {
        /// Whether a commit came since the last step began.
        var isWanted = true
        /// No step before this time.
        var earliest: Instant
        /// A step at this time at the latest: other processes may have committed.
        var latest: Instant
        var lastTurn = 0
        /// Steps in a row without progress.
        var misses = 0
    }

    private var entries: [Entry]
    private var turn = 0

    /// How often a table is looked at without a commit of this process.
    static let lookEvery = Duration.seconds(10)
    private static let heldWait = Duration.seconds(1)
    private static let outrunWaits = (first: Duration.milliseconds(250), longest: Duration.seconds(30))
    private static let failureWaits = (first: Duration.seconds(1), longest: Duration.seconds(60))

    init(tables: Int, at now: Instant) {
        entries = Array(repeating: Entry(earliest: now, latest: now), count: tables)
    }

    /// The process has committed changes to a table.
    mutating func want(_ table: Int) { entries[table].isWanted = true }

    /// The table whose turn it is; nil when none is due. If it keeps up, all others that do come with it, unless they
    /// have to wait: a commit may have changed them by now.
    mutating func next(at now: Instant, keepsUp: (Int) -> Bool = { _ in false }) -> [Int]? {
        let due = entries.indices.filter { isDue($0, at: now) }
        guard let table = due.min(by: { entries[$0].lastTurn < entries[$1].lastTurn }) else { return nil }
        turn += 1
        let all = keepsUp(table) ? entries.indices.filter { keepsUp($0) && now >= entries[$0].earliest } : [table]
        for table in all {
            entries[table].lastTurn = turn
            entries[table].isWanted = false
        }
        return all
    }

    private func isDue(_ table: Int, at now: Instant) -> Bool {
        let entry = entries[table]
        return now >= entry.earliest && (entry.isWanted || now >= entry.latest)
    }

    /// Steps in a row of a table that brought nothing.
    func misses(of table: Int) -> Int { entries[table].misses }

    /// When the next table may be due, unless a commit comes before; nil without tables.
    var nextTime: Instant? { entries.map { $0.isWanted ? $0.earliest : max($0.earliest, $0.latest) }.min() }

    /// - Parameter interval: the time between two steps once the table is caught up.
    mutating func finished(_ table: Int, _ outcome: Outcome, interval: Duration, at now: Instant) {
        switch outcome {
        case .caughtUp:
            entries[table].misses = 0
            entries[table].earliest = now + interval
        case .advanced:
            entries[table].misses = 0
            entries[table].earliest = now
            entries[table].isWanted = true
        case .held:
            entries[table].earliest = now + Self.heldWait
            entries[table].isWanted = true
        case .outrun, .failed:
            let waits = outcome == .outrun ? Self.outrunWaits : Self.failureWaits
            entries[table].earliest = now + min(waits.longest, waits.first * (1 << min(entries[table].misses, 10)))
            entries[table].misses += 1
            entries[table].isWanted = true
        }
        entries[table].latest = max(now + Self.lookEvery, entries[table].earliest)
    }
}
