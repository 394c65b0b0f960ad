import Bytes
import ChangeEvents
import EventLog
import Foundation

/// A partition whose log seems to have been replaced: its topic was deleted and created again, or its newest records
/// were lost.
struct SuspectedLog: Sendable {
    /// The index of the source in the plan.
    let source: Int
    let partition: TopicPartition
    let sign: WeirError

    /// The error for a source whose `onLostOffsets` is `fail`.
    ///
    /// - Parameter source: its name, where a topology has several.
    static func error(_ sign: WeirError, source: String?) -> WeirError {
        let key = (source.map { "source.\($0)" } ?? "source") + ".scan.on-lost-offsets"
        return WeirError(
            .invalid,
            sign.message,
            at: sign.location,
            advice: "the topic was deleted and created again, or has lost its newest records: run once with "
                + "--set \(key)=earliest to take in all it holds now (latest passes over that); "
                + "rows that are in the tables stay"
        )
    }

    /// The error for a partition that was read up to a position and no longer exists.
    static func vanished(_ partition: TopicPartition, _ position: Int64) -> WeirError {
        let (topic, number) = (partition.topic, partition.partition)
        let what = "topic \(topic) has no partition \(number) any more, which was read up to offset \(position)"
        return WeirError(.invalid, what)
    }
}

extension RecordMark {
    init(_ record: RawBatch.Record, in batch: RawBatch) {
        var checksum: UInt32 = 0
        if let key = batch.key(record) { checksum = CRC32C.checksum(key) }
        if let value = batch.value(record) { checksum = CRC32C.checksum(value, continuing: checksum) }
        self.init(offset: record.offset, timestamp: record.timestamp, crc32c: checksum)
    }

    /// In UTC, to the millisecond.
    private var time: String {
        let date = Date(timeIntervalSince1970: Double(timestamp) / 1000)
        return date.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true))
    }

    /// The error when the record found at this offset is not the one that was read; nil when it is.
    func difference(_ found: RecordMark, _ partition: TopicPartition) -> WeirError? {
        if found == self { return nil }
        return WeirError(
            .invalid,
            "the record at offset \(offset) is not the one that was read before: "
                + (found.timestamp == timestamp
                    ? "its content is another" : "it is of \(found.time), and that was of \(time)"),
            at: "topic \(partition.topic), partition \(partition.partition)"
        )
    }

    /// The error for a position that skips records. This record was the last that was taken in, and reading must
    /// continue right after it, since one commit writes both.
    ///
    /// - Parameter passed: the offset of a record between them.
    func passedOver(_ passed: Int64, by position: Int64, _ partition: TopicPartition) -> WeirError {
        WeirError(
            .corrupt,
            "the position \(position) of \(partition) passes over the record at offset \(passed)",
            advice:
                "the last record taken in is the one at offset \(offset): the table's position was changed; set it to "
                + "\(offset + 1)"
        )
    }
}
