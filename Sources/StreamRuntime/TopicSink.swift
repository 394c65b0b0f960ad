import Bytes
import ChangeEvents
import EventEncoders
import EventLog
import Foundation

/// A topic that gets the changes of a table or a join, exactly once.
///
/// The transaction that appends an epoch's records also stores how far the sources are read, so a restart knows what the
/// topic holds. Written by the thread of the files, committed by the committing thread.
final class TopicSink: @unchecked Sendable {
    /// Records of one epoch.
    struct Cut: Sendable {
        let batches: [RawBatch]
    }

    /// What the topic got already when the run began.
    let start: PositionLedger
    private let output: TopicOutput
    private let encoder: EventEncoder
    // Used by the thread of the files.
    private var batches: [RawBatch] = []
    private(set) var pendingBytes: Int64 = 0
    // Used by the committing thread.
    private var committed: PositionLedger

    init(_ output: TopicOutput) throws(WeirError) {
        self.output = output
        let state = try output.appender.committedState()
        do {
            start = try state.map { (text) throws(WeirError) in try PositionLedger(json: text) } ?? PositionLedger()
        } catch {
            throw error.located(at: "topic \(output.appender.topic)")
        }
        committed = start
        encoder = try EventEncoder(
            output.format,
            schema: output.schema,
            primaryKey: output.primaryKey,
            table: output.table,
            topic: output.appender.topic,
            partitions: output.appender.partitions
        )
    }

    /// The place among the run's tables whose changes go here.
    var sink: Int { output.sink }

    func write(_ batch: ChangeBatch, topic: String, partition: Int) throws(WeirError) {
        guard let new = batch.dropping(before: start.next(topic: topic, partition: partition)) else { return }
        let encoded = try encoder.encode(new, nowMilliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        batches += encoded
        pendingBytes += encoded.reduce(0) { $0 + Int64($1.arena.count) }
    }

    func cut() -> Cut {
        defer {
            batches = []
            pendingBytes = 0
        }
        return Cut(batches: batches)
    }

    /// Appends an epoch and the positions it covers, all or nothing.
    ///
    /// - Parameter recordsPositions: whether positions alone are worth a transaction.
    func commit(_ cut: Cut, read: PositionLedger, recordsPositions: Bool) throws(WeirError) {
        var ledger = committed
        ledger.merge(read)
        if cut.batches.isEmpty && !(recordsPositions && ledger != committed) { return }
        do {
            try output.appender.commit(cut.batches, state: ledger.json)
        } catch {
            throw error.located(at: "commit to topic \(output.appender.topic)")
        }
        committed = ledger
    }
}

extension ChangeBatch {
    /// The changes from a source offset on; nil when there are none.
    func dropping(before next: Int64?) -> ChangeBatch? {
        guard let next, count > 0, offset(0) < next else { return count > 0 ? self : nil }
        guard let first = (0..<count).first(where: { offset($0) >= next }) else { return nil }
        return gathered((first..<count).map { Int32($0) })
    }
}
