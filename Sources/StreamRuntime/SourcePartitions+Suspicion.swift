import Bytes
import ChangeEvents
import EventLog

/// Detects logs that were recreated since tables stored positions in them.
extension SourcePartitions {
    /// What tables remember of the records right before a position, by offset.
    func marks(_ partition: TopicPartition, earliest: Int64, next: Int64) -> [RecordMark] {
        let known = zip(start, last).compactMap { (ledger, last) -> (position: Int64, mark: RecordMark)? in
            guard let position = ledger.next(partition), let mark = last[partition],
                mark.offset >= earliest, mark.offset < position
            else { return nil }
            return (position, mark)
        }
        // Only records right before the position: nothing between the two has to be read twice.
        let wanted = known.filter { $0.position == next }
        return Set(wanted.map(\.mark)).sorted { $0.offset < $1.offset }
    }

    /// Whether the position of a table is past the end of the log, which is then suspected.
    func isBeyondEnd(
        _ index: Int,
        _ partition: TopicPartition,
        end: Int64
    ) throws(WeirError) -> Bool {
        let furthest = start.compactMap { $0.next(partition) }.max() ?? end
        guard furthest > end else { return false }
        do throws(WeirError) {
            // Some brokers report an end before their last records, so try to read at the position.
            let log = plan.sources[index].log
            _ = try log.reader(topic: partition.topic, partition: partition.partition, from: furthest)
            return false
        } catch {
            guard error.code == .invalid else { throw error }
            suspect(index, partition, error)
            return true
        }
    }

    /// Whether the records remembered by tables that are further than a position show that the log was replaced. This
    /// is checked before anything is read: once a table behind them has taken records of the new log, these cannot be
    /// distinguished from the old ones. Fails when such a position skips a record.
    func isAnotherLog(
        _ index: Int,
        _ partition: TopicPartition,
        beyond next: Int64
    ) throws(WeirError) -> Bool {
        var further: [RecordMark: Int64] = [:]
        for (ledger, last) in zip(start, last) {
            guard let position = ledger.next(partition), position > next, let mark = last[partition] else { continue }
            further[mark] = max(position, further[mark] ?? position)
        }
        for (mark, position) in further.sorted(by: { $0.value < $1.value }) {
            let verdict = try LogVerdict.of(position, mark, in: plan.sources[index].log, partition)
            guard case .stale(let sign) = verdict else { continue }
            suspect(index, partition, sign)
            return true
        }
        return false
    }

    /// Notes a log that seems to have been replaced. It is not read further.
    func suspect(_ index: Int, _ partition: TopicPartition, _ sign: WeirError) {
        suspected.append(SuspectedLog(source: index, partition: partition, sign: sign))
    }

    /// Compares records with what tables remember of them, and drops those that were read only for that. Fails when a
    /// table's position skips one of them.
    func known(_ raw: RawBatch, _ index: Int) throws(WeirError) -> RawBatch? {
        let partition = all[index]
        guard let last = raw.records.last else { return nil }
        for mark in partition.marks where mark.offset <= last.offset {
            // Compaction may have removed it.
            guard let record = raw.records.first(where: { $0.offset == mark.offset }) else { continue }
            if let difference = mark.difference(RecordMark(record, in: raw), partition.id) {
                suspect(partition.source, partition.id, difference)
                return nil
            }
            if all[index].met == nil { all[index].met = mark }
        }
        all[index].marks.removeAll { $0.offset <= last.offset }
        return try unread(raw, index)
    }

    /// The records that are wanted. Earlier ones were read only to identify the log. None of them may be after the last
    /// record that was taken in: the table would never get its row.
    func unread(_ raw: RawBatch, _ index: Int) throws(WeirError) -> RawBatch? {
        let partition = all[index]
        // Only the first batches begin before the wanted records.
        guard let first = raw.records.first, first.offset < partition.first else { return raw }
        if let met = partition.met,
            let passed = raw.records.first(where: { $0.offset > met.offset }), passed.offset < partition.first
        {
            throw met.passedOver(passed.offset, by: partition.first, partition.id)
        }
        return raw.dropping(before: partition.first)
    }

    /// Warns about topics and suspects partitions that no longer exist although tables have positions in them.
    func checkVanished(_ index: Int, existing: [String]) throws(WeirError) {
        let source = plan.sources[index]
        for topic in Set(start.flatMap(\.topics)).sorted() where source.includes(topic) {
            var read = PositionLedger()
            for ledger in start { read.merge(ledger.restricted(to: topic)) }
            guard existing.contains(topic) else {
                onWarning(Self.gone(topic))
                continue
            }
            guard let numbers = try? source.log.partitions(of: topic) else { continue }
            for (partition, position) in read.positions.sorted(by: { $0.key < $1.key })
            where !numbers.contains(partition.partition) && position > 0 {
                suspect(index, partition, SuspectedLog.vanished(partition, position))
            }
        }
    }

    /// Whether reading failed because a topic of the pattern was deleted, which does not end the run.
    func isGone(_ error: WeirError, _ index: Int) throws(WeirError) -> Bool {
        let source = plan.sources[all[index].source]
        let topic = all[index].topic
        guard error.code == .notFound, !source.topics.contains(topic), try !source.log.topics().contains(topic) else {
            return false
        }
        all[index].isGone = true
        onWarning(Self.gone(topic))
        return true
    }

    /// Whether a topic that was gone exists again.
    func haveReturned() -> Bool {
        let gone = Set(all.filter(\.isGone).map(\.topic)).union(missing)
        if gone.isEmpty { return false }
        return plan.sources.contains { source in
            // Unreachable brokers do not list their topics.
            let topics = (try? source.log.topics()) ?? []
            return topics.contains { gone.contains($0) && source.includes($0) }
        }
    }

    static func gone(_ topic: String) -> String {
        "topic \(topic) is not there any more; rows that tables have of it stay"
    }
}
