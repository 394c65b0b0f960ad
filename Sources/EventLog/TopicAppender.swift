import Bytes

/// Appends records to one topic: the file log's writer, and producers of brokers that speak Kafka.
///
/// Batches are `RawBatch` values whose `partition` says where they go; their topic and offsets are not looked at, a
/// timestamp of −1 stands for now. Used by one thread at a time. Calls may block.
public protocol TopicAppender: AnyObject, Sendable {
    var topic: String { get }
    /// Partition numbers, ascending.
    var partitions: [Int] { get }
    /// Hands records over. They are sent at once and keep their order within a partition.
    func append(_ batch: RawBatch) throws(WeirError)
    /// Waits until everything handed over is acknowledged. Fails when any of it could not be appended.
    func flush() throws(WeirError)
    /// The offset behind the last acknowledged record of each partition this appender wrote to.
    var ends: [Int: Int64] { get }
    /// Waits, and ends the appender.
    func close() throws(WeirError)
}

/// Appends whole transactions: readers that ask for committed records see all of one, or nothing.
public protocol TransactionalAppender: TopicAppender {
    /// The text that the last committed transaction stored with its records; nil before the first.
    func committedState() throws(WeirError) -> String?
    /// What whoever writes with this appender is known by, over restarts; nil where nobody is.
    var writer: String? { get }
    /// Shuts out another writer of this appender's states, which may be about to commit.
    ///
    /// - Parameter writer: as it has named itself in a state; nil for one that has not.
    func shutOut(writer: String?) throws(WeirError)
    /// Whether a state is small enough to be stored.
    func fits(state: String) -> Bool
    /// Appends the batches and stores `state`, all or nothing. Fails with `conflict` when another process has taken over.
    func commit(_ batches: [RawBatch], state: String) throws(WeirError)
}

extension TransactionalAppender {
    public var writer: String? { nil }
    public func shutOut(writer: String?) throws(WeirError) {}
}
