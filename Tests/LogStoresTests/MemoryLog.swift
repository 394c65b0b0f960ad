import Bytes
import EventLog
import Synchronization

/// An in-memory log for appending and reading; batches are returned as they were appended.
final class MemoryLog: TopicAppender, PartitionedLog {
    let topic = "orders-log"
    let partitions: [Int]
    /// By partition.
    private let records: Mutex<[[[UInt8]]]>
    private let flushes = Mutex(0)

    init(partitions: Int = 1) {
        self.partitions = Array(0..<partitions)
        records = Mutex(Array(repeating: [], count: partitions))
    }

    var flushCount: Int { flushes.withLock { $0 } }

    func values(_ partition: Int = 0) -> [[UInt8]] { records.withLock { $0[partition] } }
    func add(_ values: [[UInt8]], partition: Int = 0) { records.withLock { $0[partition] += values } }

    // MARK: TopicAppender

    func append(_ batch: RawBatch) throws(WeirError) {
        for record in batch.records {
            guard record.timestamp == -1, batch.key(record) == nil, let value = batch.value(record) else {
                throw WeirError(.invalid, "a record with a key or a timestamp, or without a value")
            }
            add([Array(value)], partition: batch.partition)
        }
    }

    func flush() throws(WeirError) { flushes.withLock { $0 += 1 } }
    var ends: [Int: Int64] {
        records.withLock { records in
            Dictionary(uniqueKeysWithValues: records.enumerated().map { ($0.offset, Int64($0.element.count)) })
        }
    }
    func close() throws(WeirError) {}

    // MARK: PartitionedLog

    func topics() throws(WeirError) -> [String] { [topic] }
    func partitions(of topic: String) throws(WeirError) -> [Int] { partitions }
    func offsets(topic: String, partition: Int) throws(WeirError) -> (earliest: Int64, end: Int64) {
        (0, Int64(values(partition).count))
    }
    func offset(topic: String, partition: Int, notBefore timestamp: Int64) throws(WeirError) -> Int64 { 0 }
    func reader(topic: String, partition: Int, from offset: Int64) throws(WeirError) -> any PartitionReader {
        MemoryReader(self, partition, offset)
    }
}

private final class MemoryReader: PartitionReader {
    private let log: MemoryLog
    private let partition: Int
    private let next: Mutex<Int64>

    init(_ log: MemoryLog, _ partition: Int, _ offset: Int64) {
        self.log = log
        self.partition = partition
        next = Mutex(offset)
    }

    var position: Int64 { next.withLock { $0 } }

    /// At most seven records, so that batches do not align with windows.
    func next(maxBytes: Int) throws(WeirError) -> RawBatch? {
        let start = position
        let values = log.values(partition).dropFirst(Int(start)).prefix(7)
        guard !values.isEmpty else { return nil }
        next.withLock { $0 += Int64(values.count) }
        return RawBatch(Array(values), topic: log.topic, partition: partition, firstOffset: start)
    }

    func waitForRecords(timeoutMilliseconds: Int) throws(WeirError) -> Bool { false }
    func mayHaveRecords(waking wakeup: Wakeup, _ watched: inout [Int32]) throws(WeirError) -> Bool {
        log.values(partition).count > Int(position)
    }
}

extension RawBatch {
    init(_ values: [[UInt8]], topic: String = "orders-log", partition: Int = 0, firstOffset: Int64 = 0) {
        var arena: [UInt8] = []
        var records: [Record] = []
        for (index, value) in values.enumerated() {
            records.append(
                Record(
                    offset: firstOffset + Int64(index),
                    timestamp: 0,
                    keyStart: 0,
                    keyCount: -1,
                    valueStart: Int32(arena.count),
                    valueCount: Int32(value.count)
                )
            )
            arena += value
        }
        arena += [UInt8](repeating: UInt8(ascii: "}"), count: RawBatch.padding)
        self.init(
            topic: topic,
            partition: partition,
            arena: Buffer(copying: arena),
            table: records.withUnsafeBytes { Buffer(copying: $0) }
        )
    }
}
