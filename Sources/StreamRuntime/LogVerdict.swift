import Bytes
import ChangeEvents
import EventLog

/// Whether a position refers to the log that exists now.
enum LogVerdict: Sendable {
    /// There is no position.
    case none
    /// The record before the position is the one that was read.
    case present
    /// The position refers to another log.
    case stale(WeirError)
    /// There is no record mark, or its record is no longer in the log.
    case unknown

    /// - Parameters:
    ///   - waitMilliseconds: how long a broker may take to send a record.
    static func of(
        _ position: Int64?,
        _ mark: RecordMark?,
        in log: any PartitionedLog,
        _ partition: TopicPartition,
        waitMilliseconds: Int = 5000
    ) throws(WeirError) -> LogVerdict {
        guard let position else { return .none }
        let (topic, number) = (partition.topic, partition.partition)
        let (earliest, end) = try log.offsets(topic: topic, partition: number)
        // Some brokers report an end before their last records, so try to read at the position.
        if position > end {
            do throws(WeirError) {
                _ = try log.reader(topic: topic, partition: number, from: position)
            } catch {
                guard error.code == .invalid else { throw error }
                return .stale(error)
            }
        }
        guard let mark, mark.offset >= earliest, mark.offset < position else { return .unknown }
        do throws(WeirError) {
            let reader = try log.reader(topic: topic, partition: number, from: mark.offset)
            var batch = try reader.next(maxBytes: 1)
            if batch == nil, mark.offset < end, try reader.waitForRecords(timeoutMilliseconds: waitMilliseconds) {
                batch = try reader.next(maxBytes: 1)
            }
            // Compaction may have removed it.
            guard let batch, let record = batch.records.first(where: { $0.offset == mark.offset }) else {
                return .unknown
            }
            if let difference = mark.difference(RecordMark(record, in: batch), partition) { return .stale(difference) }
            let passed = try firstRecord(behind: mark.offset, before: position, in: batch, reader)
            if let passed { throw mark.passedOver(passed, by: position, partition) }
            return .present
        } catch {
            // Retention has just removed it.
            guard error.code == .notFound else { throw error }
            return .unknown
        }
    }

    /// The offset of a record between the mark and the position. Normally nil: the last record that was taken in is
    /// right before the position, except for gaps that compaction and transactions leave.
    private static func firstRecord(
        behind mark: Int64,
        before position: Int64,
        in batch: RawBatch,
        _ reader: any PartitionReader
    ) throws(WeirError) -> Int64? {
        if mark + 1 >= position { return nil }
        // `records` points into its batch, so the batch must outlive every use of them.
        let next: Int64?
        if let record = batch.records.first(where: { $0.offset > mark }) {
            next = record.offset
        } else {
            let following = try reader.next(maxBytes: 1)
            next = withExtendedLifetime(following) { following?.records.first?.offset }
        }
        return next.flatMap { $0 < position ? $0 : nil }
    }

    /// Which of several positions in one partition must be reset. An unknown one is reset if another is stale and none
    /// is known to refer to the present log.
    static func goBack(_ verdicts: [LogVerdict]) -> [Bool] {
        let hasStale = verdicts.contains { if case .stale = $0 { true } else { false } }
        let hasPresent = verdicts.contains { if case .present = $0 { true } else { false } }
        return verdicts.map { verdict in
            switch verdict {
            case .none, .present: false
            case .stale: true
            case .unknown: hasStale && !hasPresent
            }
        }
    }
}
