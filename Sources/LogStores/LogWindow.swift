import Bytes
import EventLog

/// Reads a range of offsets of a partition once more.
struct LogWindow {
    let log: any PartitionedLog
    let topic: String
    let partition: Int

    /// Times the log is waited for, a second each, before a range that was read once is given up.
    private static let waitsMax = 30

    /// The batches that hold the range's records, of which only the last `maxBytes` (and always the last batch); and
    /// the offset from which on they are complete.
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
