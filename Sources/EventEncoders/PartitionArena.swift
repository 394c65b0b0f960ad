import Bytes
import EventLog

/// The records that go to one partition.
final class PartitionArena {
    let partition: Int
    /// Keys and values, back to back.
    var bytes = GrowableBuffer()
    private var records = GrowableBuffer()
    private var keyStart = 0
    private var keyCount = -1
    private var valueStart = 0

    init(partition: Int) { self.partition = partition }

    var isEmpty: Bool { records.count == 0 }

    /// Starts a record with its key. The caller then appends the value to `bytes` and calls `end`.
    func begin(key: UnsafeRawBufferPointer?) {
        keyStart = bytes.count
        keyCount = key.map { $0.count } ?? -1
        if let key { bytes.append(key) }
        valueStart = bytes.count
    }

    func end(offset: Int64, timestamp: Int64, isTombstone: Bool = false) throws(WeirError) {
        guard bytes.count <= Int(Int32.max) - RawBatch.padding else {
            throw WeirError(
                .invalid,
                "a batch of changes makes more than 2 GiB of records for partition \(partition)",
                advice: "commit smaller batches"
            )
        }
        records.append(
            RawBatch.Record(
                offset: offset,
                timestamp: timestamp,
                keyStart: Int32(keyStart),
                keyCount: Int32(keyCount),
                valueStart: Int32(valueStart),
                valueCount: isTombstone ? -1 : Int32(bytes.count - valueStart)
            )
        )
    }

    /// Returns the records and resets the arena.
    func finish(topic: String) -> RawBatch {
        bytes.append(repeating: 0, count: RawBatch.padding)
        return RawBatch(topic: topic, partition: partition, arena: bytes.finish(), table: records.finish())
    }

    func removeAll() {
        bytes.removeAll()
        records.removeAll()
    }
}
