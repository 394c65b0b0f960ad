import Bytes
import ChangeEvents
import Columnar
import EventLog
import IcebergFormat
import IcebergTables
import LogStores
import MixedTables
import Synchronization
import Values

/// A table that a run writes: its writer, and how far it has got in every source.
///
/// The writing thread uses the LogStore, the file thread the files, the committing thread the commits; state that
/// several threads use is behind the lock.
final class SinkTable: PositionKeeper, @unchecked Sendable {
    let name: String
    /// Used only by the file thread once the keys are loaded.
    private var writer: (any TableWriter)?
    /// The mirror of the table's changes; nil when the table has none.
    private let logStore: LogStoreStage?
    /// Whether changes go to the table's files; false when they go only to its LogStore.
    let writesFiles: Bool
    /// Positions that were committed when the run began: earlier rows are in the table already.
    let start: PositionLedger
    private let topology: String
    /// Who else may write the table.
    private let sharing: TableSharing
    /// Identifies the routes that lead here; nil for a table that this topology does not write.
    private let route: String?
    /// The partitions that have brought rows in this run. Used by the writing thread.
    private(set) var taken: Set<TopicPartition> = []
    /// The partitions that belong to this process; nil when it is the only one.
    private let claim: PartitionClaim?

    /// The index of each table column in the rows it gets; nil for a column they do not have.
    private let sourceColumns: [Int?]
    private let schema: Schema
    private let isKeyed: Bool

    private struct Committed {
        var table: MixedTable
        /// The sequence numbers of the row commits made here: one range as long as nobody else commits.
        var own = RangeSet<Int64>()
        var ledger: PositionLedger
        var last: LastRecords
        /// The last epoch of the LogStore that is committed.
        var logStoreEpoch: Int64 = 0
        /// The LogStore offsets, by partition, where the table says that later records begin.
        var logStoreEnds: [String: Int64] = [:]
    }

    private let committed: Mutex<Committed>
    /// Held while a commit is under way.
    private let commitGate = Mutex(())

    /// Claims the partitions. `load` must read the table's keys before rows are written.
    ///
    /// - Parameters:
    ///   - rows: the columns of the rows the table gets, matched by name.
    ///   - partitions: the partitions to take over from other processes; nil when this process is the only one.
    ///   - sharing: who else may write the table.
    ///   - route: identifies the routes that lead here; nil for a table that is only used for lookups, which is not
    ///     changed.
    ///   - keepsStart: whether a topic whose route has changed is read from where the topology started reading it.
    init(
        name: String,
        rows: Schema,
        table: MixedTable,
        topology: String,
        partitions: Set<TopicPartition>? = nil,
        logStore output: LogStoreOutput? = nil,
        sharing: TableSharing? = nil,
        route: String? = "",
        keepsStart: @escaping @Sendable (_ topic: String) -> Bool = { _ in false }
    ) throws(WeirError) {
        self.name = name
        self.topology = topology
        self.sharing = sharing ?? TableSharing(topology: topology)
        self.route = route
        let partitions = route == nil ? nil : partitions
        // An earlier generation of the run or another writer may have committed since the plan was made.
        let known = table
        var table = try table.refreshed()
        // The run's keys and positions are those of the old table.
        if table.ingestStore.metadata.tableUUID != known.ingestStore.metadata.tableUUID {
            throw DroppedTable.replaced(known, topology: topology)
        }
        if route != nil { try self.sharing.check(table.ingestStore.properties, of: table.identifier) }
        let stage = try output.map { (output) throws(WeirError) in
            try LogStoreStage(output, table: table, sources: partitions)
        }
        logStore = stage
        writesFiles = output?.writesFiles ?? true
        if partitions != nil || stage != nil {
            let claimed = try table.claiming(partitions ?? [], topology: topology, logStore: stage?.registration())
            table = claimed.table
            claim = partitions == nil ? nil : claimed.claim
        } else {
            claim = nil
        }
        // The claim has fenced earlier writers; what they had not committed is taken back.
        if let stage { table = try stage.endOthers(of: table, topology: topology) }
        if let route {
            table = try table.forgettingPositions(
                notOf: route,
                topology: topology,
                claim: claim,
                keepsStart: keepsStart
            )
        }
        schema = table.schema
        isKeyed = table.isKeyed
        sourceColumns = table.schema.fields.map { rows.index(named: $0.name) }
        for (field, index) in zip(table.schema.fields, sourceColumns) where route != nil {
            let type = index.map { rows.fields[$0].type }
            if type?.canPromote(to: field.type) ?? field.type.isPrimitive { continue }
            throw Self.mismatch(field, type, name)
        }
        start = try table.ledger(topology: topology)
        let last = try table.lastRecords(topology: topology)
        committed = Mutex(Committed(table: table, ledger: start, last: last))
    }

    /// The error for a column that another engine has changed since the types of the rows were fixed.
    private static func mismatch(_ field: Field, _ type: FieldType?, _ name: String) -> WeirError {
        guard let type else {
            return WeirError(
                .unsupported,
                "column '\(field.name)' of \(name) is \(field.type), which cannot be written"
            )
        }
        return WeirError(
            .invalid,
            "column '\(field.name)' of \(name) is \(field.type) by now, and its rows bring \(type)",
            advice: "declare the column as \(field.type) and start again"
        )
    }

    /// Reads the keys of the table, or catches up the kept ones.
    ///
    /// - Parameters:
    ///   - kept: keys of the table from an earlier generation. They are moved out, so that there is only one copy; on
    ///     failure they hold what was read so far.
    ///   - check: called periodically; an error that it throws ends the load.
    /// - Returns: how many were read.
    func load(_ kept: inout KeptKeys?, check: () throws(WeirError) -> Void = {}) throws(WeirError) -> Int {
        let table = self.table
        // A table that is only used for lookups gets no rows.
        guard table.isKeyed, route != nil else {
            writer = UnkeyedTableWriter(table)
            return 0
        }
        let before = kept?.keys.loaded ?? 0
        if let own = kept?.own {
            try kept?.keys.catchUp(with: table, except: own, check: check)
        } else {
            kept = KeptKeys(keys: try TableKeys(table, check: check))
        }
        let loaded = (kept?.keys.loaded ?? 0) - before
        writer = try KeyedTableWriter(table, keys: kept?.keys)
        kept = nil
        return loaded
    }

    /// The keys for the next generation, once everything is committed; nil for a table without a key.
    func keys() -> KeptKeys? {
        guard let writer = writer as? KeyedTableWriter else { return nil }
        self.writer = nil
        return KeptKeys(keys: writer.keys, own: ownCommits())
    }

    /// Sequence numbers of the row commits made here that are above the given one.
    func ownCommits(above start: Int64 = 0) -> RangeSet<Int64> {
        committed.withLock { state in
            if start <= 0 { return state.own }
            // With other processes between them they are many, and most are known.
            let first = start.addingClamped(1)
            let newer = state.own.ranges.reversed().prefix { $0.upperBound > first }
            return RangeSet(newer.reversed().map { max($0.lowerBound, first)..<$0.upperBound })
        }
    }

    /// Waits until no commit is under way, so that `ownCommits` is complete.
    func awaitCommit() { commitGate.withLock { _ in } }

    /// The id under which the LogStore is written; nil when the table has none.
    var logStoreUpstream: UpstreamID? { logStore?.upstream }

    /// Whether the writer needs the keys of the table.
    var needsKeys: Bool { isKeyed && route != nil }

    var hasLogStore: Bool { logStore != nil }

    /// The table after the last commit of this run.
    var table: MixedTable { committed.withLock { $0.table } }

    /// Converts changes to the table's columns, and drops those the table already has; `changes` is nil when none are
    /// left. `rejected` holds the changes that do not fit the table, by source offset, including those before the
    /// table's position: a topic of the table may not have reached that position.
    func take(
        _ batch: ChangeBatch,
        topic: String,
        partition: Int
    ) throws(WeirError) -> (changes: ChangeBatch?, rejected: [(offset: Int64, reason: String)]) {
        let source = TopicPartition(topic: topic, partition: partition)
        taken.insert(source)
        var columns: [ColumnVector] = []
        for (field, index) in zip(schema.fields, sourceColumns) {
            guard let index else {
                columns.append(.nulls(field.type, count: batch.count))
                continue
            }
            let given = batch.rows.columns[index]
            // Another engine may have made the column wider since the run began.
            guard let column = given.promoted(to: field.type) else { throw Self.mismatch(field, given.type, name) }
            columns.append(column)
        }
        let changes = batch.replacing(rows: ColumnBatch(schema: schema, columns: columns, count: batch.count))
        let rejected = RejectedChange.all(in: changes, schema: schema, isKeyed: isKeyed)
        let kept = changes.without(rejected).dropping(before: start.next(source))
        return (kept, rejected.map { (batch.offset($0.row), $0.reason) })
    }

    /// Notes the timestamp of a source record, milliseconds since 1970.
    func observe(_ timestamp: Int64) { logStore?.observe(timestamp) }

    /// Sends changes to the LogStore, if the table has one.
    func mirror(_ changes: ChangeBatch) throws(WeirError) { try logStore?.write(changes) }

    /// Ends the epoch of the LogStore: its records are acknowledged when this returns.
    func cutLogStore() throws(WeirError) -> LogStoreProgress? {
        try logStore?.cut(now: WallClock.milliseconds())
    }

    /// Updates the writer with other engines' changes to the base store, before the first row of an epoch.
    ///
    /// - Parameter drain: waits until every epoch so far is committed.
    /// - Returns: a message for the user, if there is one.
    func followBase(_ drain: () throws(WeirError) -> Void) throws(WeirError) -> String? {
        guard let keyed = writer as? KeyedTableWriter, keyed.isBetweenEpochs, try keyed.baseHasMoved() else {
            return nil
        }
        // All keys in the index must be committed before it is compared with the table.
        try drain()
        let doubled = try keyed.follow(try table.refreshed())
        guard doubled > 0 else { return nil }
        return "another engine has added rows to the base store of \(name) whose keys were there already: \(doubled) "
            + "of them have two rows now, until they change again"
    }

    func writeFiles(_ changes: ChangeBatch) throws(WeirError) {
        guard let writer else { preconditionFailure("rows are written before the keys are loaded") }
        let rejected = try writer.write(changes)
        precondition(rejected.isEmpty, "changes that do not fit the table were left out before")
    }

    /// Approximate bytes of the current epoch's files so far.
    var pendingFileBytes: Int64 { writer?.pendingBytes ?? 0 }

    /// Ends the epoch of the files: they are durable when this returns.
    func cutFiles() throws(WeirError) -> Epoch {
        guard let writer else { preconditionFailure("an epoch ends before the keys are loaded") }
        return try writer.cut()
    }

    /// Abandons the current epoch's files.
    func abandonFiles() { writer?.abandon() }

    /// What an epoch commits to the table.
    struct Cut: Sendable {
        let epoch: Epoch
        let progress: LogStoreProgress?
    }

    /// Takes back from the LogStore what is not committed. Called when no commit is under way and none can follow.
    func takeBack() throws(WeirError) {
        try logStore?.takeBack(committed: committed.withLock { $0.logStoreEpoch })
    }

    /// Commits an epoch of several tables on top of the last one: all of it becomes visible at once, or nothing. Called
    /// by the committing thread.
    ///
    /// - Returns: how often the commit was tried again because others had changed one of the tables.
    static func commit(_ cuts: [(sink: SinkTable, cut: Cut)], at position: EpochPosition) throws(WeirError) -> Int {
        var retries = 0
        try holdingGates(of: cuts.map(\.sink)[...]) { () throws(WeirError) in
            var sinks: [SinkTable] = []
            var epochs: [TableEpoch] = []
            for (index, (sink, cut)) in cuts.enumerated() {
                do throws(WeirError) {
                    guard let epoch = try sink.prepare(cut, at: position, taken: position.taken[index]) else {
                        continue
                    }
                    sinks.append(sink)
                    epochs.append(epoch)
                } catch {
                    // Nothing of the epoch can become visible.
                    for (sink, cut) in cuts { cut.epoch.discard(from: sink.table.ingestStore) }
                    for epoch in epochs { epoch.epoch.discard(from: epoch.table.ingestStore) }
                    throw error.located(at: "commit to \(sink.name)")
                }
            }
            if epochs.isEmpty { return }
            let committed = try MixedTable.commit(epochs) { retries += 1 }
            for ((sink, epoch), result) in zip(zip(sinks, epochs), committed) {
                sink.note(epoch, committedAs: result, read: position.ledger)
            }
        }
        return retries
    }

    /// Runs a block during which `awaitCommit` waits for each of the tables.
    private static func holdingGates(
        of sinks: ArraySlice<SinkTable>,
        _ body: () throws(WeirError) -> Void
    ) throws(WeirError) {
        guard let first = sinks.first else { return try body() }
        try first.commitGate.withLock { (_) throws(WeirError) in
            try holdingGates(of: sinks.dropFirst(), body)
        }
    }

    /// What the table contributes to the commit of an epoch; nil when it has nothing to commit.
    ///
    /// - Parameters:
    ///   - position: how far the run has read; the table's own positions may be further already. If it records all
    ///     positions, the table commits even if nothing else has changed. Positions of partitions that have brought no
    ///     row are valid for the current route.
    ///   - taken: the partitions that have brought rows by then.
    private func prepare(
        _ cut: Cut,
        at position: EpochPosition,
        taken: Set<TopicPartition>
    ) throws(WeirError) -> TableEpoch? {
        // A table that is only used for lookups belongs to another topology.
        guard let route else { return nil }
        let (read, recordsPositions) = (position.ledger, position.recordsAll)
        let (table, expected) = committed.withLock { ($0.table, $0.ledger) }
        let last = position.last.reached(by: read, from: expected)
        var ledger = expected
        ledger.merge(read)
        var epoch = cut.epoch
        // Deletes that found no row may have one now, since other engines may have added rows.
        if epoch.isEmpty { epoch = try table.following(epoch) }
        // Without files a commit has only positions.
        let isWorthIt = (recordsPositions || (!writesFiles && !taken.isEmpty)) && ledger != expected
        // Readers of the LogStore start at the ends in the table; a writer without rows must move its ends forward as
        // well.
        let movesLog =
            recordsPositions && cut.progress.map { $0.state.ends != committed.withLock { $0.logStoreEnds } } ?? false
        if epoch.isEmpty && !isWorthIt && !movesLog && cut.progress?.caughtUpAt == nil { return nil }
        var prepared = TableEpoch(epoch, of: table, topology: topology, from: expected, to: ledger)
        prepared.last = last
        prepared.claim = claim
        prepared.progress = cut.progress
        prepared.note = PositionRoutes.Note(route: route, taken: taken, isStart: position.isStart)
        prepared.sharing = sharing
        prepared.holdsKeys = needsKeys && writesFiles
        prepared.times = position.times
        prepared.title = "commit to \(name)"
        return prepared
    }

    private func note(_ epoch: TableEpoch, committedAs result: MixedTable, read: PositionLedger) {
        committed.withLock { state in
            state.table = result
            // Positions alone make no snapshot, and another process's snapshot may have the same positions by chance.
            if epoch.epoch.mayChangeKeys, let made = Self.snapshotMade(by: result, on: epoch.table, topology) {
                state.own.insert(contentsOf: made..<made.addingClamped(1))
            }
            state.ledger = epoch.ledger
            state.last.merge(epoch.last, of: read)
            if let progress = epoch.progress {
                (state.logStoreEpoch, state.logStoreEnds) = (progress.state.epoch, progress.state.ends)
            }
        }
    }

    /// The sequence number of the snapshot that a commit has made, which is identified by the mark in its summary.
    /// Nil when the commit has stored only positions.
    private static func snapshotMade(by result: MixedTable, on table: MixedTable, _ topology: String) -> Int64? {
        let metadata = result.ingestStore.metadata
        guard let snapshot = metadata.currentSnapshot,
            snapshot.id != table.ingestStore.metadata.currentSnapshot?.id,
            EpochMark.isNewest(of: topology, snapshot, in: metadata)
        else { return nil }
        return snapshot.sequenceNumber
    }

    // MARK: Units

    /// The time units of integer source columns that the table stores now.
    func sourceUnits() throws(WeirError) -> SourceUnits { try table.sourceUnits(topology: topology) }

    /// The units that the catalog's current table stores, which other processes may have changed.
    func storedUnits() throws(WeirError) -> SourceUnits {
        do {
            return try table.refreshed().sourceUnits(topology: topology)
        } catch {
            throw error.located(at: "table \(name)")
        }
    }

    /// Stores units in the table immediately, and returns those that are valid. Row commits may be under way.
    func keep(_ units: SourceUnits, overriding: Bool) throws(WeirError) -> SourceUnits {
        do {
            return try table.keeping(units, overriding: overriding, topology: topology).sourceUnits(topology: topology)
        } catch {
            throw error.located(at: "table \(name)")
        }
    }

    // MARK: Positions

    var positions: PositionLedger { committed.withLock { $0.ledger } }
    var lastRecords: LastRecords { committed.withLock { $0.last } }

    func move(to moves: PositionLedger) throws(WeirError) {
        let (table, ledger) = committed.withLock { ($0.table, $0.ledger) }
        let result: MixedTable
        do {
            result = try table.moving(to: moves, topology: topology, from: ledger, claim: claim)
        } catch {
            throw error.located(at: "table \(name)")
        }
        committed.withLock { state in
            state.table = result
            for (partition, next) in moves.positions {
                state.ledger.move(partition, to: next)
                state.last.remove(partition)
            }
        }
    }
}
