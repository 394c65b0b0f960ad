import Bytes
import ChangeEvents
import EventLog

/// Tells logs that were made anew from those that tables have positions in.
extension SourcePartitions {
    /// What tables remember of the record in front of a position, by offset.
    func marks(_ topic: String, _ number: Int, earliest: Int64, next: Int64) -> [RecordMark] {
        let known = zip(start, last).compactMap { (ledger, last) -> (position: Int64, mark: RecordMark)? in
            guard let position = ledger.next(topic: topic, partition: number), let mark = last[topic, number],
                mark.offset >= earliest, mark.offset < position
            else { return nil }
            return (position, mark)
        }
        // Between the record and the position right behind it there is nothing to read twice.
        let wanted = known.filter { $0.position == next }
        return Set(wanted.map(\.mark)).sorted { $0.offset < $1.offset }
    }

    /// Whether a table is further than the log goes.
    func isBeyondEnd(
        _ index: Int,
        _ topic: String,
        _ number: Int,
        end: Int64
    ) throws(WeirError) -> Bool {
        let furthest = start.compactMap { $0.next(topic: topic, partition: number) }.max() ?? end
        guard furthest > end else { return false }
        do throws(WeirError) {
            // Some brokers tell an end before their last records: what they deliver decides.
            _ = try plan.sources[index].log.reader(topic: topic, partition: number, from: furthest)
            return false
        } catch {
            guard error.code == .invalid else { throw error }
            suspect(index, topic, number, error)
            return true
        }
    }

    /// Whether the records of tables that are further than a position say that the log is another one. They are looked at
    /// before anything is read: what a table behind them took of another log could not be told from its own any more. Fails
    /// where such a position passes over a record.
    func isAnotherLog(
        _ index: Int,
        _ topic: String,
        _ number: Int,
        beyond next: Int64
    ) throws(WeirError) -> Bool {
        var further: [RecordMark: Int64] = [:]
        for (ledger, last) in zip(start, last) {
            guard let position = ledger.next(topic: topic, partition: number), position > next,
                let mark = last[topic, number]
            else { continue }
            further[mark] = max(position, further[mark] ?? position)
        }
        let place = TopicPartition(topic: topic, partition: number)
        for (mark, position) in further.sorted(by: { $0.value < $1.value }) {
            let verdict = try LogVerdict.of(position, mark, in: plan.sources[index].log, place)
            guard case .stale(let sign) = verdict else { continue }
            suspect(index, topic, number, sign)
            return true
        }
        return false
    }

    /// Takes note of a log that seems not to be the one that was read before. It is not read on.
    func suspect(_ index: Int, _ topic: String, _ number: Int, _ sign: WeirError) {
        let partition = TopicPartition(topic: topic, partition: number)
        suspected.append(SuspectedLog(source: index, partition: partition, sign: sign))
    }

    /// Holds records against what tables remember of them, and leaves those out that are read for that alone. Fails where
    /// a table's position passes over one of them.
    func known(_ raw: RawBatch, _ index: Int) throws(WeirError) -> RawBatch? {
        let partition = all[index]
        let place = TopicPartition(topic: partition.topic, partition: partition.number)
        guard let last = raw.records.last else { return nil }
        for mark in partition.marks where mark.offset <= last.offset {
            // Compaction may have removed it.
            guard let record = raw.records.first(where: { $0.offset == mark.offset }) else { continue }
            if let difference = mark.difference(RecordMark(record, in: raw), place) {
                suspect(partition.source, partition.topic, partition.number, difference)
                return nil
            }
            if all[index].met == nil { all[index].met = mark }
        }
        all[index].marks.removeAll { $0.offset <= last.offset }
        return try unread(raw, index)
    }

    /// The records that are wanted. Those in front of them were read to know the log again, and none of them lies behind the
    /// last record that was taken in: a table whose position says otherwise would never get its row.
    func unread(_ raw: RawBatch, _ index: Int) throws(WeirError) -> RawBatch? {
        let partition = all[index]
        // All but the first batches begin behind them.
        guard let first = raw.records.first, first.offset < partition.first else { return raw }
        if let met = partition.met,
            let passed = raw.records.first(where: { $0.offset > met.offset }), passed.offset < partition.first
        {
            let place = TopicPartition(topic: partition.topic, partition: partition.number)
            throw met.passedOver(passed.offset, by: partition.first, place)
        }
        return raw.dropping(before: partition.first)
    }

    /// Tables have positions of topics and partitions that are not there any more.
    func checkVanished(_ index: Int, existing: [String]) throws(WeirError) {
        let source = plan.sources[index]
        for topic in Set(start.flatMap(\.positions.keys)).sorted() where source.includes(topic) {
            var read = PositionLedger()
            for ledger in start { read.merge(ledger.restricted(to: topic)) }
            guard existing.contains(topic) else {
                onWarning(Self.gone(topic))
                continue
            }
            guard let numbers = try? source.log.partitions(of: topic) else { continue }
            for (number, position) in (read.positions[topic] ?? [:]).sorted(by: { $0.key < $1.key })
            where !numbers.contains(number) && position > 0 {
                suspect(index, topic, number, SuspectedLog.vanished(topic, number, position))
            }
        }
    }

    /// Whether reading failed because the topic of a pattern was deleted, which ends it and nothing else.
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

    /// Whether a topic is there again that was gone.
    func haveReturned() -> Bool {
        let gone = Set(all.filter(\.isGone).map(\.topic)).union(missing)
        if gone.isEmpty { return false }
        return plan.sources.contains { source in
            // Brokers that are away tell nothing of it.
            let topics = (try? source.log.topics()) ?? []
            return topics.contains { gone.contains($0) && source.includes($0) }
        }
    }

    static func gone(_ topic: String) -> String {
        "topic \(topic) is not there any more; rows that tables have of it stay"
    }
}
