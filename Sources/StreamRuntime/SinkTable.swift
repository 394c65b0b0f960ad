import Bytes
import ChangeEvents
import Columnar
import EventLog
import Foundation
import IcebergFormat
import IcebergTables
import LogStores
import MixedTables
import Synchronization

/// A table that a run writes: its writer, and how far it has got in every source.
///
/// The LogStore belongs to the writing thread, the files to their stage, commits to the committing thread; what several
/// look at is behind the lock.
final class SinkTable: PositionKeeper, @unchecked Sendable {
    let name: String
    /// Used by the thread of the files only, from when the keys are loaded.
    private var writer: (any TableWriter)?
    /// The mirror of the table's changes; nil when the table has none.
    private let logStore: LogStoreStage?
    /// Whether changes go to the table's files at all, or to its LogStore alone.
    let writesFiles: Bool
    /// Positions that were committed when the run began: earlier rows are in the table already.
    let start: PositionLedger
    private let topology: String
    /// Who may write the table besides.
    private let sharing: TableSharing
    /// What decides which records come here; nil for a table that this topology does not write.
    private let route: String?
    /// The partitions that have brought rows in this run, by topic. Used by the writing thread.
    private(set) var taken: [String: Set<Int>] = [:]
    /// The partitions that belong to this process; nil when it is the only one.
    private let claim: PartitionClaim?

    /// Where the table's columns stand in the rows it gets; nil for a column they do not have.
    private let places: [Int?]
    private let schema: Schema
    private let isKeyed: Bool

    private struct Committed {
        var table: MixedTable
        /// The sequence numbers of the commits of rows that were made here, in order.
        var own: [Int64] = []
        var ledger: PositionLedger
        var last: LastRecords
        /// The last epoch of the LogStore that is committed.
        var logStoreEpoch: Int64 = 0
        /// Where the table says that readers find what follows in the LogStore.
        var logStoreEnds: [String: Int64] = [:]
    }

    private let committed: Mutex<Committed>
    /// Held while a commit is under way.
    private let commitGate = Mutex(())

    /// Takes the partitions over. Before rows are written, `load` has to read the table's keys.
    ///
    /// - Parameters:
    ///   - rows: the columns of the rows the table gets, matched by name.
    ///   - partitions: those to take over from whichever process had them; nil when this process is the only one.
    ///   - sharing: who else may write the table.
    ///   - route: what decides which records come here; nil for a table that is only looked up in, which is left as it is.
    ///   - keepsStart: whether a topic whose route has changed is read from where the topology began with it.
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
        // An earlier generation of the run has committed since the plan was made, and maybe somebody else.
        let known = table
        var table = try table.refreshed()
        // Keys and positions are those of the table that was there.
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
            let places = (partitions ?? []).sorted().map { (topic: $0.topic, partition: $0.partition) }
            let claimed = try table.claiming(places, topology: topology, logStore: stage?.registration())
            table = claimed.table
            claim = partitions == nil ? nil : claimed.claim
        } else {
            claim = nil
        }
        // The claim has shut the writers before this one out; what they had not committed is taken back.
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
        places = table.schema.fields.map { rows.index(named: $0.name) }
        for (field, place) in zip(table.schema.fields, places) where route != nil {
            let type = place.map { rows.fields[$0].type }
            if type?.canPromote(to: field.type) ?? field.type.isPrimitive { continue }
            throw Self.mismatch(field, type, name)
        }
        start = try table.ledger(topology: topology)
        let last = try table.lastRecords(topology: topology)
        committed = Mutex(Committed(table: table, ledger: start, last: last))
    }

    /// Another engine has changed a column since the rows' types were settled.
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

    /// Reads the keys the table holds, or what has come to those that are known.
    ///
    /// - Parameters:
    ///   - kept: keys of the table; taken, so that there is one copy, and left as far as it got when this fails.
    ///   - check: called now and then; what it throws ends the loading.
    /// - Returns: how many were read.
    func load(_ kept: inout KeptKeys?, check: () throws(WeirError) -> Void = {}) throws(WeirError) -> Int {
        let table = self.table
        // What is only looked up in gets no rows.
        guard table.isKeyed, route != nil else {
            writer = UnkeyedTableWriter(table)
            return 0
        }
        let before = kept?.keys.loaded ?? 0
        if let own = kept?.own {
            try kept?.keys.catchUp(with: table, except: own, check: check)
        } else {
            kept = KeptKeys(keys: try TableKeys(table, check: check), own: [])
        }
        let loaded = (kept?.keys.loaded ?? 0) - before
        writer = try KeyedTableWriter(table, keys: kept?.keys)
        kept = nil
        return loaded
    }

    /// What the next generation goes on with, once everything is committed; nil for a table without a key.
    func keys() -> KeptKeys? {
        guard let writer = writer as? KeyedTableWriter else { return nil }
        self.writer = nil
        return KeptKeys(keys: writer.keys, own: Set(ownCommits()))
    }

    /// Sequence numbers of the commits of rows that were made here, without so many of the first.
    func ownCommits(after count: Int = 0) -> ArraySlice<Int64> { committed.withLock { $0.own.dropFirst(count) } }

    /// Returns when no commit is under way; those that were are known.
    func awaitCommit() { commitGate.withLock { _ in } }

    /// Who writes the LogStore; nil when the table has none.
    var logStoreUpstream: UpstreamID? { logStore?.upstream }

    /// Whether keys decide what is written.
    var needsKeys: Bool { isKeyed && route != nil }

    var hasLogStore: Bool { logStore != nil }

    /// The table after the last commit of this run.
    var table: MixedTable { committed.withLock { $0.table } }

    /// What the table takes of the changes, of which it may have some already, in its own columns; nil when that is
    /// nothing. Beside it those that do not fit it, by source offset, those behind the table's position, too: a topic of
    /// the table may be behind it.
    func take(
        _ batch: ChangeBatch,
        topic: String,
        partition: Int
    ) throws(WeirError) -> (changes: ChangeBatch?, rejected: [(offset: Int64, reason: String)]) {
        if taken[topic]?.contains(partition) != true { taken[topic, default: []].insert(partition) }
        var columns: [ColumnVector] = []
        for (field, place) in zip(schema.fields, places) {
            guard let place else {
                columns.append(.nulls(field.type, count: batch.count))
                continue
            }
            let given = batch.rows.columns[place]
            // Another engine may have made the column wider since the run began.
            guard let column = given.promoted(to: field.type) else { throw Self.mismatch(field, given.type, name) }
            columns.append(column)
        }
        let changes = batch.replacing(rows: ColumnBatch(schema: schema, columns: columns, count: batch.count))
        let rejected = RejectedChange.all(in: changes, schema: schema, isKeyed: isKeyed)
        let kept = changes.without(rejected).dropping(before: start.next(topic: topic, partition: partition))
        return (kept, rejected.map { (batch.offset($0.row), $0.reason) })
    }

    /// Takes note of the time of a source record, milliseconds since 1970.
    func observe(_ timestamp: Int64) { logStore?.observe(timestamp) }

    /// Sends changes to the LogStore, if the table has one.
    func mirror(_ changes: ChangeBatch) throws(WeirError) { try logStore?.write(changes) }

    /// Ends the epoch of the LogStore: its records are acknowledged when this returns.
    func cutLogStore() throws(WeirError) -> LogStoreProgress? {
        try logStore?.cut(now: Int64(Date().timeIntervalSince1970 * 1000))
    }

    /// Tells the writer what other engines have done to the base store, before the first row of an epoch.
    ///
    /// - Parameter drain: waits until every epoch so far is committed.
    /// - Returns: what somebody should know of it, in words.
    func followBase(_ drain: () throws(WeirError) -> Void) throws(WeirError) -> String? {
        guard let keyed = writer as? KeyedTableWriter, keyed.isBetweenEpochs, try keyed.baseHasMoved() else {
            return nil
        }
        // What the index knows must be in the table it is held against.
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

    /// Bytes of the current epoch's files so far, about.
    var pendingFileBytes: Int64 { writer?.pendingBytes ?? 0 }

    /// Ends the epoch of the files: they are durable when this returns.
    func cutFiles() throws(WeirError) -> Epoch {
        guard let writer else { preconditionFailure("an epoch ends before the keys are loaded") }
        return try writer.cut()
    }

    /// Gives the current epoch's files up.
    func abandonFiles() { writer?.abandon() }

    /// What an epoch leaves behind for the table.
    struct Cut: Sendable {
        let epoch: Epoch
        let progress: LogStoreProgress?
    }

    /// Takes back from the LogStore what is not committed, once no commit is under way and none can follow.
    func takeBack() throws(WeirError) {
        try logStore?.takeBack(committed: committed.withLock { $0.logStoreEpoch })
    }

    /// Commits an epoch on top of the last one. Called by the committing thread.
    ///
    /// - Parameters:
    ///   - read: how far the run has read; the table's own positions may be further already.
    ///   - last: the records right before.
    ///   - recordsPositions: whether positions alone are worth a commit, as once in a while and at the end. Those of
    ///     partitions that have brought no row hold for the route of now.
    ///   - taken: the partitions that have brought rows by then, by topic.
    ///   - isStart: the positions are where the run begins, which every table has to know.
    func commit(
        _ cut: Cut,
        read: PositionLedger,
        last: LastRecords,
        recordsPositions: Bool,
        taken: [String: Set<Int>],
        isStart: Bool
    ) throws(WeirError) {
        // What is only looked up in belongs to others.
        if route == nil { return }
        try commitGate.withLock { (_) throws(WeirError) in
            try commitAlone(
                cut,
                read: read,
                last: last,
                recordsPositions: recordsPositions,
                taken: taken,
                isStart: isStart
            )
        }
    }

    private func commitAlone(
        _ cut: Cut,
        read: PositionLedger,
        last: LastRecords,
        recordsPositions: Bool,
        taken: [String: Set<Int>],
        isStart: Bool
    ) throws(WeirError) {
        guard let route else { return }
        let (table, expected) = committed.withLock { ($0.table, $0.ledger) }
        let last = last.reached(by: read, from: expected)
        var ledger = expected
        ledger.merge(read)
        var epoch = cut.epoch
        // Deletes that found nothing may find something by now.
        if epoch.isEmpty { epoch = try table.following(epoch) }
        // Without files the positions are all there is to commit.
        let isWorthIt = (recordsPositions || (!writesFiles && !taken.isEmpty)) && ledger != expected
        // Readers begin where the table says; a writer without rows must not leave that far behind.
        let movesLog =
            recordsPositions && cut.progress.map { $0.state.ends != committed.withLock { $0.logStoreEnds } } ?? false
        if epoch.isEmpty && !isWorthIt && !movesLog && cut.progress?.caughtUpAt == nil { return }
        let result = try table.commit(
            epoch,
            topology: topology,
            from: expected,
            to: ledger,
            last: last,
            claim: claim,
            logStore: cut.progress,
            routed: PositionRoutes.Note(route: route, taken: taken, isStart: isStart),
            sharing: sharing
        )
        committed.withLock { state in
            state.table = result
            // Positions alone make no snapshot, and may stand in another process's by chance.
            if epoch.mayChangeKeys, let made = Self.snapshotMade(by: result, on: table, topology) {
                state.own.append(made)
            }
            state.ledger = ledger
            state.last.merge(last, of: read)
            if let progress = cut.progress {
                (state.logStoreEpoch, state.logStoreEnds) = (progress.state.epoch, progress.state.ends)
            }
        }
    }

    /// The sequence number of the snapshot that a commit has made: it carries the positions that the commit has stored. Nil
    /// when it has stored nothing else.
    private static func snapshotMade(by result: MixedTable, on table: MixedTable, _ topology: String) -> Int64? {
        let name = PositionLedger.propertyName(topology: topology)
        guard let snapshot = result.ingestStore.metadata.currentSnapshot,
            snapshot.id != table.ingestStore.metadata.currentSnapshot?.id,
            snapshot.summary[name] == result.ingestStore.properties[name]
        else { return nil }
        return snapshot.sequenceNumber
    }

    // MARK: Units

    /// What the integers of source columns count, as the table says now.
    func sourceUnits() throws(WeirError) -> SourceUnits { try table.sourceUnits(topology: topology) }

    /// Keeps units with the table, at once, and returns those that hold. Commits of rows may be under way.
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
            for (topic, partitions) in moves.positions {
                for (partition, next) in partitions {
                    state.ledger.move(topic: topic, partition: partition, to: next)
                    state.last.remove(topic: topic, partition: partition)
                }
            }
        }
    }
}
