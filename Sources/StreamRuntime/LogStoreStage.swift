import Bytes
import ChangeEvents
import EventLog
import LogStores
import MixedTables

/// Mirrors a table's changes to its LogStore the moment they are written (spec section 8.5).
///
/// Every generation of a run writes under its own upstream id. The table's commits record that id and the last epoch
/// they hold, so that a process that takes over can find it and take back, with a flip, what its writer had not
/// committed. Used by the writing thread.
final class LogStoreStage {
    private let output: LogStoreOutput
    let upstream: UpstreamID
    private let writer: LogStoreWriter
    /// The partitions this writer claims; nil when it is the only one.
    private let sources: [String]?
    private var epoch: Int64 = 1
    /// The newest timestamp of a source record, milliseconds since 1970, until the LogStore is started; then nil.
    private var waitingWatermark: Int64?

    /// - Parameter sources: the partitions this writer claims; nil when it is the only one.
    init(_ output: LogStoreOutput, table: MixedTable, sources: Set<TopicPartition>?) throws(WeirError) {
        self.output = output
        self.sources = sources?.map(\.description).sorted()
        var id = UpstreamID.random()
        let known = try table.logStoreLedger().upstreams
        // Once started, the LogStore is written without a gap.
        let hasBegun = !known.isEmpty || table.properties["log-store.catch-up"] == "true"
        while known[id.description] != nil { id = .random() }
        upstream = id
        waitingWatermark = output.watermarkGap == nil || hasBegun ? nil : .min
        writer = try LogStoreWriter(
            output.appender,
            schema: table.schema,
            primaryKey: table.primaryKey.compactMap { table.schema.index(ofField: $0.id) },
            upstream: upstream,
            epoch: epoch,
            format: output.settings.format
        )
    }

    /// What is committed to the table before the first record is written: no epoch is committed, and all records will
    /// come at or after the current ends. Nil while the LogStore is not started.
    func registration() throws(WeirError) -> LogStoreProgress? {
        // A writer without partitions writes nothing, and must not hold back where readers start.
        waitingWatermark == nil && sources != [] ? try progress(epoch: 0) : nil
    }

    /// Notes the timestamp of a source record, milliseconds since 1970.
    func observe(_ timestamp: Int64) {
        if let known = waitingWatermark { waitingWatermark = max(known, timestamp) }
    }

    /// Takes back what fenced writers have not committed, so that readers do not keep it.
    ///
    /// - Parameter table: the table after the claim.
    func endOthers(of table: MixedTable, topology: String) throws(WeirError) -> MixedTable {
        let ledger = try table.logStoreLedger(topology: topology)
        var ended: [String] = []
        for (name, other) in ledger.upstreams where name != upstream.description && other.live {
            let isOver = sources.map { own in other.partitions.contains { own.contains($0) } } ?? true
            guard isOver else { continue }
            try writer.flip(other.epoch, of: UpstreamID(name))
            ended.append(name)
        }
        return try table.endingUpstreams(ended.sorted(), topology: topology)
    }

    /// Takes back what this writer has written and can no longer commit.
    func takeBack(committed epoch: Int64) throws(WeirError) {
        if waitingWatermark == nil && sources != [] { try writer.flip(epoch, of: upstream) }
    }

    func write(_ changes: ChangeBatch) throws(WeirError) {
        if waitingWatermark == nil { try writer.write(changes) }
    }

    /// Waits until the epoch's records are acknowledged and begins the next one. Nil while the LogStore is not started.
    /// It starts between two epochs, so that it has each epoch completely or not at all.
    ///
    /// - Parameter now: milliseconds since 1970.
    func cut(now: Int64) throws(WeirError) -> LogStoreProgress? {
        if let watermark = waitingWatermark {
            guard let gap = output.watermarkGap, watermark >= now - gap else { return nil }
            waitingWatermark = nil
            return LogStoreProgress(
                upstream: upstream.description,
                state: try progress(epoch: 0).state,
                caughtUpAt: now
            )
        }
        guard sources != [] else { return nil }
        do {
            try writer.flush()
        } catch  where error.code == .storage {
            throw WeirError(
                .storage,
                "the LogStore lacks the epoch's changes: \(error.message)",
                at: error.location,
                advice: "the table's files hold everything up to its last commit; the next run reads the rest from the "
                    + "sources again, and takes back what has reached the LogStore of it"
            )
        }
        let done = try progress(epoch: epoch)
        epoch += 1
        writer.beginEpoch(epoch)
        return done
    }

    /// No record of a later epoch is written yet, so later records will be at or after the current ends of the
    /// partitions.
    private func progress(epoch: Int64) throws(WeirError) -> LogStoreProgress {
        // One request for all partitions, since every epoch waits for it.
        let known = output.appender.ends
        var ends = try output.log.ends(topic: output.appender.topic, partitions: output.appender.partitions)
        for (number, end) in known { ends[number] = max(ends[number] ?? 0, end) }
        return LogStoreProgress(
            upstream: upstream.description,
            state: LogStoreLedger.Upstream(epoch: epoch, ends: ends, live: true, partitions: sources ?? [])
        )
    }
}
