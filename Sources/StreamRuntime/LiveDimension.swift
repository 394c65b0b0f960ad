import Bytes
import ChangeEvents
import Columnar
import EventLog
import IcebergTables
import LogStores
import Lookups
import MixedTables
import Values

/// A dimension table in memory. No row is joined with an older state than any reader could see when the row was read.
///
/// ```
/// written by this run    changes that its table takes are applied directly, without a file or a commit
/// written by others      its LogStore, or without one its commits, are read before rows are joined
/// ```
/// Both may apply at once, for example when processes share the sources: then commits of this run and its rows in the
/// LogStore are skipped. Lives as long as the run. Used by the writing thread, and by the thread that starts a
/// generation.
final class LiveDimension: @unchecked Sendable {
    /// Called periodically during long work; an error that it throws ends the work.
    typealias Check = () throws(WeirError) -> Void

    private static let logPatience = Duration.seconds(15)
    private static let logRetry = Duration.seconds(1)
    private static let endPatience = Duration.seconds(5)
    /// How often the dimension is refreshed while no rows arrive.
    static let idleEvery = Duration.seconds(1)

    let name: String
    private let columns: [String]
    /// The schema the joins were built for.
    private let planned: Schema
    private let log: LogStoreInput?
    private let clock: RunClock
    private let isStopping: @Sendable () -> Bool
    private let onWarning: @Sendable (String) -> Void

    /// The table as of the last refresh.
    private var table: MixedTable
    /// Nil until it is loaded.
    private var rows: DimensionTable?
    /// The load under way, and the table state it reads.
    private var loading: (rows: Loading<DimensionTable>, table: MixedTable)?
    /// Nil when the LogStore is not followed, or has no writer yet.
    private var follower: LogStoreFollower?
    /// Whether this process is the only one that may write the table.
    private var isAlone = false
    /// Whether following the LogStore was tried with the current table state.
    private var hasTriedLog = false
    /// The dimension's table, if this run writes it.
    private var feed: SinkTable?
    /// The location of the feed's newest metadata seen so far.
    private var seenOfFeed: String?
    /// The sequence numbers of this run's commits whose rows are already applied.
    private var own = RangeSet<Int64>()
    /// The newest of the feed's commits that is known, by sequence number.
    private var ownSeen: Int64 = 0
    private var lookedAt: RunClock.Instant?
    private var keptUpAt: RunClock.Instant?
    /// When to ask the LogStore's brokers again.
    private var asksAgainAt: RunClock.Instant?
    private var loadedBefore = 0

    init(
        _ plan: IngestPlan.Join,
        clock: RunClock,
        isStopping: @escaping @Sendable () -> Bool,
        onWarning: @escaping @Sendable (String) -> Void
    ) {
        name = plan.dimensionName
        columns = plan.dimensionColumns
        log = plan.dimensionLog
        table = plan.dimension
        planned = plan.dimension.schema
        self.clock = clock
        self.isStopping = isStopping
        self.onWarning = onWarning
    }

    /// Rows read from the table and its changes since this was made.
    var loaded: Int { loadedBefore + (rows?.loaded ?? 0) }

    /// Catches up with the current table at the start of a generation.
    ///
    /// - Parameters:
    ///   - feed: the table as this run writes it; nil when it does not.
    ///   - isShared: whether other processes of the topology may write it as well.
    func begin(feed: SinkTable?, isShared: Bool, check: Check) throws(WeirError) {
        self.feed = feed
        seenOfFeed = nil
        ownSeen = 0
        isAlone = feed != nil && !isShared
        if let upstream = feed?.logStoreUpstream { follower?.exclude(upstream) }
        // Nothing was read yet, so there is nothing to commit.
        try look(waits: true, settling: {}, check: check)
    }

    /// The generation is over.
    ///
    /// - Parameter isCommitted: whether everything that was taken is committed; if not, and this run writes the table,
    ///   the rows are discarded and loaded again.
    func end(isCommitted: Bool) {
        learnOwnCommits()
        if feed != nil && !isCommitted { discard() }
        feed = nil
        lookedAt = nil
    }

    /// Cancels the load under way.
    func endLoading() {
        loading?.rows.cancel()
        loading = nil
    }

    private func discard() {
        loadedBefore = loaded
        rows = nil
        follower = nil
        own = RangeSet()
    }

    /// Takes in changes that this run writes to the table, in order.
    func take(_ changes: ChangeBatch) throws(WeirError) {
        guard let rows else { return }
        do throws(WeirError) {
            try rows.apply(changes)
        } catch {
            throw error.located(at: "dimension \(name)")
        }
    }

    /// Refreshes the rows to their state at `time` or later. Called only between records.
    ///
    /// - Parameter settling: commits everything that was taken.
    func catchUp(asOf time: RunClock.Instant, settling: Check) throws(WeirError) {
        if let lookedAt, lookedAt > time { return }
        let now = clock.now
        try look(waits: true, settling: settling, check: {})
        lookedAt = now
    }

    /// Called periodically while no rows arrive, so that the next one does not wait long. Does not wait for brokers.
    func keepUp(settling: Check) throws(WeirError) {
        let now = clock.now
        if let last = keptUpAt ?? lookedAt, now - last < Self.idleEvery { return }
        keptUpAt = now
        try look(waits: false, settling: settling, check: {})
    }

    // MARK: The table

    /// - Parameter waits: whether to wait until the LogStore has sent everything it holds.
    private func look(waits: Bool, settling: Check, check: Check) throws(WeirError) {
        let now = try newest()
        guard let rows else { return try load(now, settling, check) }
        let isNew = !now.isSame(as: table)
        if let follower {
            if isNew {
                // Changes that other engines make to the base store are not in the LogStore.
                let catchUp = CatchUp(from: ReadPoint(current: table), to: now)
                if case .reload = catchUp { return try reload(settling, check) }
                follower.settleNext()
            }
            table = now
            own = RangeSet()
            return try follow(follower, waits: waits, settling, check)
        }
        if isNew {
            if case .reload = try rows.catchUp(with: now, except: own, check: check) {
                return try reload(settling, check)
            }
            table = now
            own.remove(contentsOf: 0..<max(0, rows.point.changeSequence.addingClamped(1)))
        }
        if isNew || !hasTriedLog { try followLog(settling, check) }
    }

    /// The current table. All commits of this run that it contains are known afterwards.
    private func newest() throws(WeirError) -> MixedTable {
        guard let feed else { return try table.refreshed() }
        var candidate = table
        let written = feed.table
        if written.ingestStore.metadataLocation != seenOfFeed {
            seenOfFeed = written.ingestStore.metadataLocation
            candidate = MixedTable(base: table.base, change: written.change, primaryKey: table.primaryKey)
        }
        let now = try candidate.refreshed()
        // The catalog may have rows that this run has committed and not recorded yet: wait for that. Base alone moves
        // with each step of materializing, which brings no rows.
        if now.ingestStore.metadataLocation != candidate.ingestStore.metadataLocation { feed.awaitCommit() }
        learnOwnCommits()
        return now
    }

    private func learnOwnCommits() {
        guard let new = feed?.ownCommits(above: ownSeen), let last = new.ranges.last else { return }
        ownSeen = last.upperBound - 1
        own.formUnion(new)
    }

    private func reload(_ settling: Check, _ check: Check) throws(WeirError) {
        try settling()
        discard()
        try load(try newest(), settling, check)
    }

    private func load(_ now: MixedTable, _ settling: Check, _ check: Check) throws(WeirError) {
        let columns = self.columns
        // Reuse a load that was started before and not awaited; it is caught up below.
        let current =
            loading
            ?? (Loading { (check) throws(WeirError) in try DimensionTable(now, columns: columns, check: check) }, now)
        loading = current
        let outcome = try current.rows.outcome(check: check)
        loading = nil
        let loaded = try outcome.get()
        try checkTypes(of: loaded.schema)
        rows = loaded
        table = current.table
        hasTriedLog = false
        // The load may have taken long, so catch up.
        try look(waits: true, settling: settling, check: check)
    }

    /// Fails if a column type has changed: joins read values with the types they were built for.
    private func checkTypes(of schema: Schema) throws(WeirError) {
        for field in schema.fields {
            guard let before = planned.field(id: field.id), before.type != field.type else { continue }
            throw WeirError(
                .invalid,
                "column '\(field.name)' of \(name) was \(before.type) when the run began and is \(field.type) by now",
                advice: "declare the column as \(field.type) and start again"
            )
        }
    }

    var schema: Schema {
        guard let rows else { preconditionFailure("a dimension is loaded before it is asked") }
        return rows.schema
    }

    /// The rows of the first keys, as many as fit into a batch.
    func lookup(
        _ keys: [ColumnVector],
        count: Int,
        textBytes: Int
    ) throws(WeirError) -> (rows: ColumnBatch, found: [Bool]) {
        guard let rows else { preconditionFailure("a dimension is loaded before it is asked") }
        do throws(WeirError) {
            return try rows.lookup(keys, count: count, textBytes: textBytes)
        } catch {
            throw error.located(at: "dimension \(name)")
        }
    }

    // MARK: The LogStore

    /// Follows the LogStore from where the table ends, if it has other writers and still holds that position.
    private func followLog(_ settling: Check, _ check: Check) throws(WeirError) {
        hasTriedLog = true
        guard let log, try hasOtherWriters() else { return }
        var excluded: Set<UpstreamID> = []
        if let upstream = feed?.logStoreUpstream { excluded.insert(upstream) }
        follower = try LogStoreFollower(
            table,
            log: log.log,
            settings: log.settings,
            clock: clock,
            excluding: excluded
        )
        if let follower { try follow(follower, waits: true, settling, check) }
    }

    /// Whether the LogStore may have rows of other writers.
    private func hasOtherWriters() throws(WeirError) -> Bool {
        if !isAlone { return true }
        let own = feed?.logStoreUpstream?.description
        return try table.logStoreLedger().upstreams.contains { $0.value.live && $0.key != own }
    }

    /// Applies what the LogStore holds now.
    private func follow(
        _ follower: LogStoreFollower,
        waits: Bool,
        _ settling: Check,
        _ check: Check
    ) throws(WeirError) {
        let ends = waits ? try logEnds(follower) : nil
        let start = clock.now
        var told = start
        var stopSeen: RunClock.Instant?
        while true {
            switch try follower.next() {
            case .changes(let batches):
                for batch in batches { try take(batch) }
                if let ends, follower.isPast(ends) { return }
            case .committed: break
            case .trimmed: return try reload(settling, check)
            case .idle:
                guard let ends, !follower.isPast(ends) else { return }
                try check()
                if isStopping() { stopSeen = stopSeen ?? clock.now }
                if let stopSeen, clock.now - stopSeen > Self.endPatience { throw silent(since: start) }
                if clock.now - told > Self.logPatience {
                    told = clock.now
                    onWarning("\(silent(since: start).message); rows that are joined with it wait")
                }
                try follower.wait(milliseconds: 100)
            }
        }
    }

    private func silent(since start: RunClock.Instant) -> WeirError {
        WeirError(
            .storage,
            "the LogStore of \(name) has not sent for \((clock.now - start).components.seconds) s what it holds",
            at: "topic \(log?.settings.topic ?? "")",
            advice: "is the broker well?"
        )
    }

    /// Where the LogStore ends. Nil while its brokers do not answer: then only what they have sent is applied.
    private func logEnds(_ follower: LogStoreFollower) throws(WeirError) -> [Int64]? {
        guard let log else { return nil }
        if let asksAgainAt, clock.now < asksAgainAt { return nil }
        do throws(WeirError) {
            let ends = try follower.ends(of: log.log)
            asksAgainAt = nil
            return ends
        } catch {
            guard error.code == .storage else { throw error }
            onWarning("where the LogStore of \(name) ends is not known: \(error.message)")
            asksAgainAt = clock.now + Self.logRetry
            return nil
        }
    }
}

extension MixedTable {
    /// Whether both have read the same metadata.
    fileprivate func isSame(as other: MixedTable) -> Bool {
        base.metadataLocation == other.base.metadataLocation
            && change?.metadataLocation == other.change?.metadataLocation
    }
}
