import Bytes
import ChangeEvents
import EventLog

/// A partition whose log is not the one that was read before: its topic was deleted and created again, or its newest
/// records were lost.
struct ReplacedPartition: Sendable, Equatable {
    let topic: String
    let partition: Int
    /// Positions beyond this offset were counted in the old log.
    let lastKnown: Int64
    /// Where reading goes on.
    let next: Int64

    /// Where positions go on that were counted in the old log; empty when none was.
    static func moves(_ replaced: [ReplacedPartition], in ledger: PositionLedger) -> PositionLedger {
        var moves = PositionLedger()
        for one in replaced {
            guard let position = ledger.next(topic: one.topic, partition: one.partition), position > one.lastKnown
            else { continue }
            moves.move(topic: one.topic, partition: one.partition, to: one.next)
        }
        return moves
    }

    /// What tells that a partition is not there any more that was read up to a position.
    static func vanished(_ topic: String, _ partition: Int, _ position: Int64) -> WeirError {
        let what = "topic \(topic) has no partition \(partition) any more, which was read up to offset \(position)"
        return WeirError(.invalid, what)
    }

    /// The error for a source that does not allow it.
    static func error(_ difference: WeirError) -> WeirError {
        WeirError(
            .invalid,
            difference.message,
            at: difference.location,
            advice: "the topic was deleted and created again, or has lost its newest records: run once with --set "
                + "source.scan.on-lost-offsets=earliest to take in all it holds now (latest passes over that); "
                + "rows that are in the tables stay"
        )
    }
}

extension RecordMark {
    init(_ record: RawBatch.Record, in batch: RawBatch) {
        var checksum: UInt32 = 0
        if let key = batch.key(record) { checksum = CRC32C.checksum(key) }
        if let value = batch.value(record) { checksum = CRC32C.checksum(value, continuing: checksum) }
        self.init(offset: record.offset, timestamp: record.timestamp, crc32c: checksum)
    }

    /// What tells that a record is another one than the one that was read at its offset.
    func difference(_ found: RecordMark, _ topic: String, _ partition: Int) -> WeirError? {
        if found == self { return nil }
        return WeirError(
            .invalid,
            "the record at offset \(offset) is not the one that was read before: its time is \(found.timestamp) "
                + "and was \(timestamp), its checksum is \(found.crc32c) and was \(crc32c)",
            at: "topic \(topic), partition \(partition)"
        )
    }
}
