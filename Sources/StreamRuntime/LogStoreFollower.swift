import Bytes
import ChangeEvents
import EventLog
import Foundation
import IcebergFormat
import LogStores
import MixedTables

/// Follows a table through its LogStore, starting exactly after what its change store holds at one commit.
///
/// The table's commits record, for every writer, the last epoch they hold and where the records of later ones begin.
/// Records of committed epochs are skipped, so nothing is repeated; reading begins before all others, so nothing is
/// missed. Rows that no commit holds yet are remembered until one does: if the log is trimmed before the reader gets
/// there, they are taken back, and the change store is read from the last commit that was delivered completely.
public final class LogStoreFollower {
    public enum Step {
        /// Rows to apply in order; empty when what was read had none.
        case changes([ChangeBatch])
        /// The log holds no more yet.
        case idle
        /// The log no longer has the next records: apply `undo`, which takes back the rows after `sequence`, and read
        /// the change store from that sequence on.
        case trimmed(undo: [ChangeBatch], sequence: Int64)
        /// All changes up to a commit were given. Only for a reader in the order of commits.
        case committed(CommitMark)
    }

    private static let settleEvery = Duration.seconds(1)
    /// For a reader in the order of commits, whose rows wait for them.
    private static let settleInOrderEvery = Duration.milliseconds(50)
    private static let tailPatience = Duration.seconds(60)

    private let readers: [LogStoreReader]
    private var table: MixedTable
    /// Changes that are delivered and not known to be committed, oldest first.
    private var unsettled: [LogStoreChanges] = []
    /// The last commit that is delivered completely.
    public private(set) var settled: ChangePosition
    /// For a reader in the order of commits.
    private var order: CommitOrder?
    /// What comes before anything else.
    private var ready: [Step] = []
    private var isGoingBack = false
    /// Without files there is no change store to fall back to, so `unsettled` stays empty.
    private let hasFiles: Bool
    private let clock: RunClock
    /// Nil when it is due.
    private var lastSettling: RunClock.Instant?
    /// Writers whose rows the reader gets from elsewhere.
    private var excluded: Set<UpstreamID>
    private let wakeup = Wakeup()

    /// Starts after what the table holds. Nil when no live writer's commit says where that is in the log, or when the
    /// log no longer has it: then the change store must be read.
    ///
    /// - Parameters:
    ///   - log: the log that holds the topic of the settings.
    ///   - excluded: writers whose rows are left out.
    ///   - inCommitOrder: gives all changes of a commit, and its end, before those of the next one. Rows may wait for the
    ///     commit before theirs; with several writers, for their own.
    public init?(
        _ table: MixedTable,
        log: any PartitionedLog,
        settings: LogStoreSettings,
        clock: RunClock = .system,
        excluding excluded: Set<UpstreamID> = [],
        inCommitOrder: Bool = false
    ) throws(WeirError) {
        let ledger = try table.logStoreLedger()
        guard let topic = settings.topic, ledger.upstreams.values.contains(where: \.live) else { return nil }
        var startAfter: [UpstreamID: Int64] = [:]
        for (name, upstream) in ledger.upstreams { startAfter[try UpstreamID(name)] = upstream.epoch }
        var readers: [LogStoreReader] = []
        for number in try log.partitions(of: topic) {
            let start = ledger.start(partition: number)
            guard try log.offsets(topic: topic, partition: number).earliest <= start else { return nil }
            readers.append(
                try LogStoreReader(
                    log,
                    topic: topic,
                    partition: number,
                    schema: table.schema,
                    state: LogStoreReaderState(offset: start, startAfter: startAfter),
                    isConsistent: settings.isConsistent
                )
            )
        }
        self.readers = readers
        self.table = table
        self.clock = clock
        self.excluded = excluded
        lastSettling = clock.now
        hasFiles = try EmitMode(table.properties, hasLogStore: true).writesFiles
        settled = table.newestChange
        order = inCommitOrder ? CommitOrder(mayLead: ledger.hasOneWriter) : nil
    }

    /// The next step of what was read already; nil when there is none. A reader that ends takes these before `undo`.
    public func waiting() -> Step? { ready.isEmpty ? nil : ready.removeFirst() }

    public func next() throws(WeirError) -> Step {
        if !ready.isEmpty { return ready.removeFirst() }
        if isGoingBack { return goingBack }
        var found = false
        var batches: [ChangeBatch] = []
        for reader in readers {
            do throws(WeirError) {
                guard let read = try reader.next() else { continue }
                found = true
                let changes = excluded.isEmpty ? read : read.filter { !excluded.contains($0.upstream) }
                if let released = order?.take(changes) {
                    batches += released
                } else {
                    if hasFiles { unsettled += changes }
                    batches += changes.map(\.batch)
                }
            } catch {
                // Return what other partitions gave first; this one fails again in the next call.
                if !batches.isEmpty { break }
                guard hasFiles, error.code == .notFound else { throw error }
                _ = try settle()
                return goBack(after: [])
            }
        }
        let every = order == nil ? Self.settleEvery : Self.settleInOrderEvery
        if hasFiles, lastSettling.map({ clock.now - $0 > every }) ?? true, try !settle() {
            return goBack(after: batches)
        }
        if !found, !ready.isEmpty { return ready.removeFirst() }
        return found ? .changes(batches) : .idle
    }

    /// Returns what is there first.
    private func goBack(after batches: [ChangeBatch]) -> Step {
        isGoingBack = true
        if !batches.isEmpty { return .changes(batches) }
        return ready.isEmpty ? goingBack : ready.removeFirst()
    }

    private var goingBack: Step { .trimmed(undo: undo, sequence: settled.sequence) }

    /// What takes back all rows that were given and that no commit is known to have.
    public var undo: [ChangeBatch] { order?.undo ?? unsettled.reversed().map { $0.inverted() } }

    /// Blocks until `next` may have something, or the time has passed.
    public func wait(milliseconds: Int) throws(WeirError) {
        _ = try wakeup.wait(milliseconds: milliseconds) { (watched) throws(WeirError) in
            for reader in readers where try reader.mayHaveRecords(waking: wakeup, &watched) { return true }
            return false
        }
    }

    /// What the log holds now after the table's commits, in order. Excludes rows whose writer has ended without
    /// committing them; includes rows that may still be committed.
    public func tail(of log: any PartitionedLog) throws(WeirError) -> [ChangeBatch] {
        let ends = try ends(of: log)
        var kept: [LogStoreChanges] = []
        let deadline = clock.now + Self.tailPatience
        for (reader, end) in zip(readers, ends) {
            var own: [LogStoreChanges] = []
            while reader.state.next < end || reader.state.isRetracting {
                guard let changes = try reader.next() else {
                    guard clock.now < deadline else {
                        throw WeirError(
                            .storage,
                            "the LogStore has sent nothing up to offset \(end) for \(Self.tailPatience.components.seconds) s",
                            at: "topic \(reader.topic), partition \(reader.partition)",
                            advice: "is the broker well? 'weir scan' without --fresh needs none"
                        )
                    }
                    try wait(milliseconds: 20)
                    continue
                }
                for change in changes {
                    if change.isRetraction {
                        own.removeAll { $0.upstream == change.upstream && $0.epoch == change.epoch }
                    } else {
                        own.append(change)
                    }
                }
            }
            kept += own
        }
        return kept.map(\.batch)
    }

    /// Whether everything the log held when this was called is delivered.
    public func isAtEnd(of log: any PartitionedLog) throws(WeirError) -> Bool { isPast(try ends(of: log)) }

    /// Where the log ends for each reader, with one request. The caller can compare them with `isPast` later.
    func ends(of log: any PartitionedLog) throws(WeirError) -> [Int64] {
        guard let topic = readers.first?.topic else { return [] }
        let ends = try log.endsAtOnce(topic: topic, partitions: readers.map(\.partition))
        return readers.map { ends[$0.partition] ?? 0 }
    }

    /// Whether everything up to those ends is delivered.
    func isPast(_ ends: [Int64]) -> Bool {
        zip(readers, ends).allSatisfy { !$0.state.isRetracting && $0.state.next >= $1 }
    }

    /// Skips the rows of a writer from now on; the writer must not have started yet.
    func exclude(_ upstream: UpstreamID) { excluded.insert(upstream) }

    /// Makes the next call of `next` look for new commits.
    func settleNext() { lastSettling = nil }

    /// Finds the commits that are delivered completely, and forgets their rows. False when a commit is not in the log
    /// at all, so that it must be read from the change store.
    private func settle() throws(WeirError) -> Bool {
        lastSettling = clock.now
        table = try table.refreshed()
        // Commits that have expired since the last look may not be in the log.
        if case .expired = table.ingestStore.metadata.history(aboveSequence: settled.sequence).beginning {
            return false
        }
        var ended = LogStoreLedger()
        var isMirrored = true
        for snapshot in table.ingestStore.metadata.mainAncestors.reversed()
        where snapshot.sequenceNumber > settled.sequence {
            // Compaction and other maintenance add no row.
            if snapshot.isMaintenance { continue }
            let ledger = try LogStoreLedger(summary: snapshot.summary)
            isMirrored = !ledger.upstreams.isEmpty
            let isWhole = readers.allSatisfy { reader in
                !reader.state.isRetracting
                    && ledger.upstreams.values.allSatisfy { $0.end(partition: reader.partition) <= reader.state.next }
            }
            guard isWhole, isMirrored else { break }
            settled = ChangePosition(behind: snapshot)
            ended.upstreams.merge(ledger.upstreams) { $1 }
            order(snapshot, ended)
        }
        order?.mayLead = try table.logStoreLedger().hasOneWriter
        if let leading = order?.lead(), !leading.isEmpty { ready.append(.changes(leading)) }
        if ended.upstreams.isEmpty { return isMirrored }
        unsettled.removeAll { changes in
            guard let upstream = ended.upstreams[changes.upstream.description] else { return false }
            return changes.epoch <= upstream.epoch || !upstream.live
        }
        return isMirrored
    }

    private func order(_ snapshot: Snapshot, _ ledger: LogStoreLedger) {
        guard
            let (batches, changes) = order?.commit(
                covers: { name, epoch in ledger.upstreams[name.description].map { epoch <= $0.epoch } ?? false },
                hasEnded: { ledger.upstreams[$0.description]?.live == false }
            )
        else { return }
        if !batches.isEmpty { ready.append(.changes(batches)) }
        ready.append(.committed(CommitMark(snapshot, changes: changes)))
    }
}

extension LogStoreLedger {
    fileprivate var hasOneWriter: Bool { upstreams.values.lazy.filter(\.live).count == 1 }

    /// The part of the ledger that a snapshot's summary repeats.
    fileprivate init(summary: [String: String]) throws(WeirError) {
        self.init()
        for (name, text) in summary where name.hasPrefix(Self.propertyPrefix) {
            upstreams.merge(try LogStoreLedger(json: text).upstreams) { $1 }
        }
    }
}
