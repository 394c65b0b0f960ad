import Bytes
import EventLog

/// Rereads a range of offsets of a partition.
struct LogWindow {
    let log: any PartitionedLog
    let topic: String
    let partition: Int

    /// How many times to wait one second for records of a range that was read before, until reading it fails.
    private static let waitsMax = 30

    /// The batches with the last records of the range, at most `maxBytes` but at least one batch, and the offset from
    /// which they are complete.
    func read(_ range: Range<Int64>, maxBytes: Int) throws(WeirError) -> (batches: [RawBatch], from: Int64) {
        let reader = try log.reader(topic: topic, partition: partition, from: range.lowerBound)
        var batches: [RawBatch] = []
        var from = range.lowerBound
        var bytes = 0
        var waits = 0
        while reader.position < range.upperBound {
            guard let batch = try reader.next(maxBytes: 4 << 20) else {
                waits += 1
                guard waits <= Self.waitsMax else {
                    throw WeirError(
                        .storage,
                        "offsets \(reader.position) to \(range.upperBound) of the log can no longer be read",
                        at: "topic \(topic), partition \(partition)",
                        advice:
                            "the broker does not send what it says it has: look at the partition's leader, then start again"
                    )
                }
                _ = try reader.waitForRecords(timeoutMilliseconds: 1000)
                continue
            }
            waits = 0
            guard batch.count > 0 else { continue }
            batches.append(batch)
            bytes += batch.arena.count
            while bytes > maxBytes, batches.count > 1 {
                bytes -= batches.removeFirst().arena.count
                // A batch of a reader has at least one record.
                from = max(from, batches[0].records[0].offset)
            }
        }
        return (batches, from)
    }
}
