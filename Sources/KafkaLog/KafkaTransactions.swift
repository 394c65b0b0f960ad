import Bytes
import CRdKafka
import EventLog

/// Appends to one topic in transactions.
///
/// A transaction's state is the metadata text of the offset that it commits to group `weir-<state id>` for partition 0
/// of the topic. The state id identifies the topic and the table; several states may share the client's transactional
/// id.
public final class KafkaTransactions: TransactionalAppender, @unchecked Sendable {
    // Used by one thread at a time; the client is shared.
    private let client: KafkaTransactionalClient
    private let producer: KafkaProducer
    private let id: String
    private var isOpen = false
    /// Number of transactions that have committed a state; stored as the committed offset.
    public private(set) var count: Int64 = 0
    /// Whether the brokers are known to store the metadata text of an offset: some do not.
    private var isKept = false
    private var committedEnds: [Int: Int64] = [:]

    /// Fails with `notFound` when there is no such topic.
    public init(_ client: KafkaTransactionalClient, topic: String, stateID: String) throws(WeirError) {
        self.client = client
        id = stateID
        producer = try KafkaProducer(client.log, topic: topic, handle: client.handle)
    }

    /// Creates its own client, whose transactional id is also the state id.
    public convenience init(_ log: KafkaLog, topic: String, transactionalID: String) throws(WeirError) {
        let client = try KafkaTransactionalClient(log, transactionalID: transactionalID)
        try self.init(client, topic: topic, stateID: transactionalID)
    }

    deinit { client.release(ObjectIdentifier(self)) }

    private var log: KafkaLog { client.log }
    public var topic: String { producer.topic }
    public var partitions: [Int] { producer.partitions }
    /// Ends of committed transactions.
    public var ends: [Int: Int64] { committedEnds }

    private static func group(_ id: String) -> String { "weir-\(id)" }
    private var group: String { Self.group(id) }

    /// The stored state of transactions with an id and their number, without taking over the id; nil when there is
    /// none. A group that this user may not access counts as having no state.
    public static func storedState(
        _ log: KafkaLog,
        topic: String,
        transactionalID id: String
    ) throws(WeirError) -> (state: String, count: Int64)? {
        let stored = try log.committed(group: group(id), topic: topic, partition: 0, isKept: false, isOptional: true)
            .first
        guard stored.offset >= 0, let text = stored.metadata, !text.isEmpty else { return nil }
        do {
            return (try KafkaTransactionState.decode(text), stored.offset)
        } catch {
            throw error.located(at: "group \(group(id)), topic \(topic)")
        }
    }

    public var writer: String? { client.id }

    /// States without a writer are from versions in which every state had its own producer, with the state id as its
    /// transactional id.
    public func shutOut(writer: String?) throws(WeirError) {
        let earlier = writer ?? id
        if earlier != client.id { try KafkaTransactionalClient.shutOut(log, transactionalID: earlier) }
    }

    public func committedState() throws(WeirError) -> String? {
        try client.makeReady()
        let stored = try log.committed(group: group, topic: topic, partition: 0, isKept: false).first
        guard stored.offset >= 0 else { return nil }
        count = max(count, stored.offset)
        guard let text = stored.metadata, !text.isEmpty else { throw notKept }
        isKept = true
        do {
            return try KafkaTransactionState.decode(text)
        } catch {
            throw error.located(at: "group \(group), topic \(topic)")
        }
    }

    public func fits(state: String) -> Bool { (try? KafkaTransactionState.encode(state)) != nil }

    /// Adds records to the transaction that the next `commit` ends.
    public func append(_ batch: RawBatch) throws(WeirError) {
        try begin()
        try abortingOnFailure { () throws(WeirError) in try producer.send(batch) }
    }

    public func flush() throws(WeirError) {
        guard isOpen else { return }
        try abortingOnFailure { () throws(WeirError) in try producer.flush() }
    }

    /// After an error other than `conflict`, `unknownState` and `unsupported`, none of the records are visible and the
    /// commit can be retried. `unsupported` means that the brokers do not store states.
    public func commit(_ batches: [RawBatch], state: String) throws(WeirError) {
        let metadata = try KafkaTransactionState.encode(state)
        try begin()
        try abortingOnFailure { () throws(WeirError) in
            for batch in batches { try producer.send(batch) }
            try producer.flush()
            try sendState(metadata)
        }
        try finish()
        count += 1
        committedEnds = producer.ends
        try checkKept()
    }

    /// Aborts the open transaction.
    public func close() throws(WeirError) {
        // A fenced producer has no transaction left to abort.
        if isOpen, client.fatalFailure() == nil { try abort() }
        ended()
    }

    // MARK: Steps

    /// Checks once that the state just committed is stored, before others rely on it.
    private func checkKept() throws(WeirError) {
        guard !isKept else { return }
        let stored: (offset: Int64, metadata: String?)
        // The transaction is committed even if this request fails; the next commit checks again.
        do { stored = try log.committed(group: group, topic: topic, partition: 0, isKept: false).first } catch {
            return
        }
        guard stored.offset >= count else { return }
        guard stored.metadata?.isEmpty == false else { throw notKept }
        isKept = true
    }

    private var notKept: WeirError {
        WeirError(
            .unsupported,
            "the brokers do not keep the text beside an offset that a transaction commits",
            at: "group \(group), topic \(topic)",
            advice:
                "without it records would be doubled after a restart: use other brokers, or write without transactions"
        )
    }

    private func begin() throws(WeirError) {
        guard !isOpen else { return }
        try located { () throws(WeirError) in try client.begin(for: ObjectIdentifier(self)) }
        producer.forgetFailure()
        isOpen = true
    }

    private func sendState(_ metadata: String) throws(WeirError) {
        let list = KafkaPartitionList()
        list.add(topic, 0, offset: count + 1, metadata: metadata)
        guard let group = rd_kafka_consumer_group_metadata_new(group) else {
            throw WeirError(.invalid, "'\(group)' is no name of a group", at: client.handle.brokers)
        }
        defer { rd_kafka_consumer_group_metadata_destroy(group) }
        try located { () throws(WeirError) in
            try client.retrying("store the state of a transaction") { timeout in
                list.with { rd_kafka_send_offsets_to_transaction(client.handle.raw, $0, group, timeout) }
            }
        }
    }

    private func finish() throws(WeirError) {
        do {
            try located { () throws(WeirError) in try client.commit() }
            ended()
        } catch {
            guard error.code == .storage else {
                ended()
                throw error
            }
            // A successful abort shows that the commit did not happen; if the abort fails too, the outcome is unknown.
            do { try abort() } catch {
                throw WeirError(
                    .unknownState,
                    "a transaction may or may not be committed: \(error.message)",
                    at: "topic \(topic)",
                    advice: "start again: the state stored with it tells"
                )
            }
            throw error
        }
    }

    private func abort() throws(WeirError) {
        // Release the client even on failure, so that other topics do not wait.
        defer { ended() }
        try located { () throws(WeirError) in try client.abort() }
        producer.forgetFailure()
        producer.ends = committedEnds
    }

    private func abortingOnFailure(_ body: () throws(WeirError) -> Void) throws(WeirError) {
        do { try body() } catch {
            if let fatal = client.fatalFailure() {
                ended()
                throw fatal.located(at: "topic \(topic)")
            }
            // The first error is more specific than an error of the abort that follows.
            do { try abort() } catch let second { if second.code == .conflict { throw second } }
            throw error
        }
    }

    /// Releases the client for other topics after the transaction has ended.
    private func ended() {
        isOpen = false
        client.release(ObjectIdentifier(self))
    }

    private func located<Result>(_ body: () throws(WeirError) -> Result) throws(WeirError) -> Result {
        do { return try body() } catch { throw error.located(at: "topic \(topic)") }
    }
}
