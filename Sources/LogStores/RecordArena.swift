import Bytes
import EventLog

/// Builds the records of one partition: consecutive values, without keys, timestamps or headers.
struct RecordArena: ~Copyable {
    /// The arena; a record's value is appended to it.
    var bytes: GrowableBuffer
    private var table = GrowableBuffer()
    private var start = 0
    private var count: Int64 = 0

    init(capacity: Int = 64 << 10) { bytes = GrowableBuffer(capacity: capacity) }

    var isEmpty: Bool { count == 0 }

    /// Ends the record appended after the previous one. Fails with `invalid` when it exceeds the maximum record size.
    @inline(__always)
    mutating func endRecord() throws(WeirError) {
        guard bytes.count <= Int(Int32.max) - RawBatch.padding else {
            throw WeirError(
                .invalid,
                "a log store record of \(bytes.count - start) bytes",
                advice: "write smaller batches"
            )
        }
        table.append(
            RawBatch.Record(
                offset: count,
                timestamp: -1,
                keyStart: Int32(truncatingIfNeeded: start),
                keyCount: -1,
                valueStart: Int32(truncatingIfNeeded: start),
                valueCount: Int32(truncatingIfNeeded: bytes.count - start)
            )
        )
        start = bytes.count
        count += 1
    }

    /// Returns the records and empties the arena.
    mutating func finish(topic: String, partition: Int) -> RawBatch {
        bytes.append(repeating: 0, count: RawBatch.padding)
        start = 0
        count = 0
        return RawBatch(topic: topic, partition: partition, arena: bytes.finish(), table: table.finish())
    }
}
