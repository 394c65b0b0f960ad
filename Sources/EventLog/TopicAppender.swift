import Bytes

/// Appends records to one topic: of the file log or of Kafka brokers.
///
/// Batches are `RawBatch` values whose `partition` is the target partition; their topic and offsets are ignored, and a
/// timestamp of −1 means now. Used by one thread at a time. Calls may block.
public protocol TopicAppender: AnyObject, Sendable {
    var topic: String { get }
    /// Partition numbers, ascending.
    var partitions: [Int] { get }
    /// Submits records. They are sent at once and keep their order within a partition.
    func append(_ batch: RawBatch) throws(WeirError)
    /// Waits until all submitted records are acknowledged. Fails when any of them could not be appended.
    func flush() throws(WeirError)
    /// The offset after the last acknowledged record of each partition this appender wrote to.
    var ends: [Int: Int64] { get }
    /// Flushes and closes the appender.
    func close() throws(WeirError)
}

/// Appends in transactions: readers with isolation level read-committed see all records of a transaction or none.
public protocol TransactionalAppender: TopicAppender {
    /// The state that the last committed transaction stored with its records; nil before the first.
    func committedState() throws(WeirError) -> String?
    /// A stable id of the writer of this appender across restarts; nil if it has none.
    var writer: String? { get }
    /// Fences another writer of this appender's states, which may be about to commit.
    ///
    /// - Parameter writer: its id as stored in a state; nil if the state has none.
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
