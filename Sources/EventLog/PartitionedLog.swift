import Bytes

/// A log of topics and partitions, as sources read it: the built-in file log, and brokers that speak Kafka.
public protocol PartitionedLog: Sendable {
    /// Every topic, sorted.
    func topics() throws(WeirError) -> [String]
    /// Partition numbers of a topic, ascending. Fails with `notFound` when there is no such topic.
    func partitions(of topic: String) throws(WeirError) -> [Int]
    /// The first offset that can still be read, and the offset the next record will get.
    func offsets(topic: String, partition: Int) throws(WeirError) -> (earliest: Int64, end: Int64)
    /// The offsets that the next records of several partitions will get.
    func ends(topic: String, partitions: [Int]) throws(WeirError) -> [Int: Int64]
    /// The same for those who can do without: brokers that are away are not waited for.
    func endsAtOnce(topic: String, partitions: [Int]) throws(WeirError) -> [Int: Int64]
    /// The first offset whose record is not older than the time (milliseconds since 1970); the end when none is.
    func offset(topic: String, partition: Int, notBefore timestamp: Int64) throws(WeirError) -> Int64
    /// Reads from an offset on. An offset that retention has removed fails with the range that is lost.
    func reader(topic: String, partition: Int, from offset: Int64) throws(WeirError) -> any PartitionReader
}

extension PartitionedLog {
    /// For logs that need no request for each.
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
    /// The next records, of about `maxBytes` in all (at least one record); nil when the log holds no more yet.
    func next(maxBytes: Int) throws(WeirError) -> RawBatch?
    /// Blocks until `next` may have something, or the time is over; returns false when nothing came.
    func waitForRecords(timeoutMilliseconds: Int) throws(WeirError) -> Bool
    /// Whether `next` may have something. When not, `wakeup` is signalled once it may, or one of the descriptors that
    /// are added to `watched` becomes readable. Lost offsets are left to `next`, which fails.
    func mayHaveRecords(waking wakeup: Wakeup, _ watched: inout [Int32]) throws(WeirError) -> Bool
}
