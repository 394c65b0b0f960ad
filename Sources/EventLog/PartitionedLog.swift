import Bytes

/// A log of topics and partitions that sources read: the built-in file log or Kafka brokers.
public protocol PartitionedLog: Sendable {
    /// Where the topics are, for messages: an absolute path, or the brokers.
    var location: String? { get }
    /// Every topic, sorted.
    func topics() throws(WeirError) -> [String]
    /// Partition numbers of a topic, ascending. Fails with `notFound` when there is no such topic.
    func partitions(of topic: String) throws(WeirError) -> [Int]
    /// The first offset that can still be read, and the offset the next record will get.
    func offsets(topic: String, partition: Int) throws(WeirError) -> (earliest: Int64, end: Int64)
    /// The offsets that the next records of several partitions will get.
    func ends(topic: String, partitions: [Int]) throws(WeirError) -> [Int: Int64]
    /// The same as `ends`, but does not wait for unavailable brokers.
    func endsAtOnce(topic: String, partitions: [Int]) throws(WeirError) -> [Int: Int64]
    /// The offset of the first record not older than the time (milliseconds since 1970); the end if there is none.
    func offset(topic: String, partition: Int, notBefore timestamp: Int64) throws(WeirError) -> Int64
    /// Returns a reader that starts at the offset. Fails with the lost range if retention has removed the offset.
    func reader(topic: String, partition: Int, from offset: Int64) throws(WeirError) -> any PartitionReader
}

extension PartitionedLog {
    public var location: String? { nil }

    /// Default implementation for logs that need no request per partition.
    public func ends(topic: String, partitions: [Int]) throws(WeirError) -> [Int: Int64] {
        var ends: [Int: Int64] = [:]
        for partition in partitions { ends[partition] = try offsets(topic: topic, partition: partition).end }
        return ends
    }

    public func endsAtOnce(topic: String, partitions: [Int]) throws(WeirError) -> [Int: Int64] {
        try ends(topic: topic, partitions: partitions)
    }
}

/// Reads one partition in order. Used by one thread at a time.
public protocol PartitionReader: AnyObject, Sendable {
    /// The offset the next record read will have.
    var position: Int64 { get }
    /// The next records, about `maxBytes` in total but at least one record; nil when the log holds no more yet.
    func next(maxBytes: Int) throws(WeirError) -> RawBatch?
    /// Blocks until `next` may return records or the timeout expires; returns false on timeout.
    func waitForRecords(timeoutMilliseconds: Int) throws(WeirError) -> Bool
    /// Whether `next` may return records. If not, either `wakeup` is signalled or a descriptor added to `watched`
    /// becomes readable once it may. Lost offsets are reported by `next`, which fails.
    func mayHaveRecords(waking wakeup: Wakeup, _ watched: inout [Int32]) throws(WeirError) -> Bool
}
