import Bytes
import ChangeEvents
import EventLog

extension SourcePartitions {
    /// The next records of a partition. If retention has overtaken the reader, or the log was replaced, the source's
    /// rule applies.
    func next(_ index: Int, maxBytes: Int) throws(WeirError) -> RawBatch? {
        let partition = all[index]
        if partition.isGone { return nil }
        if suspected.contains(where: { $0.partition == partition.id }) { return nil }
        do throws(WeirError) {
            while let raw = try partition.reader.next(maxBytes: maxBytes) {
                let new = all[index].marks.isEmpty ? try unread(raw, index) : try known(raw, index)
                if let new { return new }
                if !suspected.isEmpty { break }
            }
            return nil
        } catch {
            try goOn(after: error, index)
            return nil
        }
    }

    /// Handles a read error of a partition; rethrows it when the partition cannot be read on.
    func goOn(after error: WeirError, _ index: Int) throws(WeirError) {
        let (id, source) = (all[index].id, plan.sources[all[index].source])
        let (topic, number) = (id.topic, id.partition)
        guard error.code == .invalid || error.code == .notFound else { throw error }
        if try isGone(error, index) { return }
        guard try source.log.partitions(of: topic).contains(number) else {
            let position = all[index].reader.position
            return suspect(all[index].source, id, SuspectedLog.vanished(id, position))
        }
        let (earliest, end) = try source.log.offsets(topic: topic, partition: number)
        let (position, first) = (all[index].reader.position, all[index].first)
        if error.code == .invalid {
            guard position > end else { throw error }
            return suspect(all[index].source, id, error)
        }
        // The records at the position still exist: the topic was missing for a moment.
        guard position < earliest else { return suspect(all[index].source, id, error) }
        // Retention may have removed only records that were to be read again.
        let next =
            position < first && earliest <= first
            ? first : passOver(source, id, from: position, earliest: earliest, end: end)
        guard let next else { throw error }
        all[index].marks = []
        all[index].reader = try source.log.reader(topic: topic, partition: number, from: next)
    }

    /// Whether every partition is read to its current end. For brokers the end is looked up: that no record has arrived
    /// yet does not mean that there is none.
    func areAtEnd() throws(WeirError) -> Bool {
        guard suspected.isEmpty else { return false }
        for partition in all where plan.sources[partition.source].group != nil && !partition.isGone {
            let log = plan.sources[partition.source].log
            if try partition.reader.position < log.offsets(topic: partition.topic, partition: partition.number).end {
                return false
            }
        }
        return true
    }

    /// Where to continue when the offsets from `next` on are gone; nil when that is not allowed.
    func passOver(
        _ source: IngestPlan.Source,
        _ partition: TopicPartition,
        from next: Int64,
        earliest: Int64,
        end: Int64
    ) -> Int64? {
        let target: Int64
        switch source.onLostOffsets {
        case .fail: return nil
        case .earliest: target = earliest
        case .latest:
            // Other tables may need records that still exist.
            let others = start.compactMap { $0.next(partition) }.filter { $0 >= earliest }
            target = min(end, others.min() ?? end)
        }
        let range = "offsets \(next) to \(target - 1) of \(partition)"
        onWarning("\(range) were not in the log any more and have been passed over")
        return target
    }
}
