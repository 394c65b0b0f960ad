import Bytes
import ChangeEvents
import EventLog

/// Whether a position was counted in the log that is there now.
enum LogVerdict: Sendable {
    /// There is no position.
    case none
    /// The record in front of it is the one that was read.
    case present
    /// It was counted in another log.
    case stale(WeirError)
    /// Nothing is remembered, or left, to know the log by.
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
        // Some brokers tell an end before their last records: what they deliver decides.
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

    /// The offset of the next record in front of a position, of which there is none: the last record that was taken in lies
    /// right before it, but for gaps that compaction and transactions leave.
    private static func firstRecord(
        behind mark: Int64,
        before position: Int64,
        in batch: RawBatch,
        _ reader: any PartitionReader
    ) throws(WeirError) -> Int64? {
        if mark + 1 >= position { return nil }
        let next: Int64?
        if let record = batch.records.first(where: { $0.offset > mark }) {
            next = record.offset
        } else {
            next = try reader.next(maxBytes: 1)?.records.first?.offset
        }
        return next.flatMap { $0 < position ? $0 : nil }
    }

    /// Which of several positions in one partition go back, if any. One that nothing is known of follows the others: it
    /// stays where one of them is known to be counted in the present log.
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
