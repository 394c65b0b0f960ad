import Bytes
import CRdKafka
import Foundation
import Synchronization

/// One producer with a transactional id, which may append to any number of topics, one transaction at a time.
///
/// A client needs connections, threads and broker memory, so the topics that a sink writes for one source partition
/// share a client; their transactions run one after the other. The first transaction takes over the id and fences its
/// previous owner.
public final class KafkaTransactionalClient: Sendable {
    public let id: String
    let log: KafkaLog
    let handle: KafkaHandle
    private let condition = NSCondition()
    private let state = Mutex(State())

    private struct State {
        /// Whether the id has been taken over.
        var isReady = false
        /// The topic whose transaction is open.
        var owner: ObjectIdentifier?
        /// A transaction could not be aborted; it must be aborted before another begins.
        var mustAbort = false
    }

    public init(_ log: KafkaLog, transactionalID id: String) throws(WeirError) {
        self.id = id
        self.log = log
        handle = try KafkaHandle(.transactions(id: id), log.settings)
    }

    /// Takes over the transactional id, once. This aborts the uncommitted transaction of another producer with this id.
    func makeReady() throws(WeirError) {
        condition.lock()
        defer { condition.unlock() }
        if state.withLock({ $0.isReady }) { return }
        try retrying("take over transactional id \(id)") { rd_kafka_init_transactions(handle.raw, $0) }
        state.withLock { $0.isReady = true }
    }

    /// Waits until no other topic's transaction is open and begins one.
    func begin(for owner: ObjectIdentifier) throws(WeirError) {
        try makeReady()
        condition.lock()
        while state.withLock({ $0.owner != nil && $0.owner != owner }) { condition.wait() }
        state.withLock { $0.owner = owner }
        condition.unlock()
        do throws(WeirError) {
            if state.withLock({ $0.mustAbort }) { try abort() }
            if let error = rd_kafka_begin_transaction(handle.raw) { throw failure(error, "begin a transaction") }
        } catch {
            release(owner)
            throw error
        }
    }

    func commit() throws(WeirError) {
        try retrying("commit a transaction") { rd_kafka_commit_transaction(handle.raw, $0) }
    }

    func abort() throws(WeirError) {
        state.withLock { $0.mustAbort = true }
        try retrying("abort a transaction") { rd_kafka_abort_transaction(handle.raw, $0) }
        state.withLock { $0.mustAbort = false }
    }

    /// Lets other topics begin transactions.
    func release(_ owner: ObjectIdentifier) {
        condition.lock()
        state.withLock { if $0.owner == owner { $0.owner = nil } }
        condition.broadcast()
        condition.unlock()
    }

    /// Retries a call while librdkafka reports a retriable error, as long as the log's patience allows; without
    /// patience, for at most four times the log's timeout.
    func retrying(_ doing: String, _ call: (Int32) -> OpaquePointer?) throws(WeirError) {
        let deadline = ContinuousClock.now + .milliseconds(4 * Int(log.timeoutMilliseconds))
        var wait = log.patience?.begin()
        let what = "transactional id \(id)"
        while let error = call(log.patience?.step(most: log.timeoutMilliseconds) ?? log.timeoutMilliseconds) {
            guard rd_kafka_error_is_retriable(error) != 0, goesOn(&wait, what, deadline) else {
                throw failure(error, doing)
            }
            rd_kafka_error_destroy(error)
            rd_kafka_poll(handle.raw, 50)
        }
        if let wait { log.patience?.end(wait, what: what) }
    }

    private func goesOn(_ wait: inout KafkaPatience.Wait?, _ what: String, _ deadline: ContinuousClock.Instant) -> Bool
    {
        guard let patience = log.patience, var current = wait else { return ContinuousClock.now < deadline }
        defer { wait = current }
        let bound = log.settings.deliveryMilliseconds
        return patience.ending(&current, bound: bound, what: what, cause: { handle.outage }) == nil
    }

    /// Consumes and frees the error.
    private func failure(_ error: OpaquePointer, _ doing: String) -> WeirError {
        defer { rd_kafka_error_destroy(error) }
        if let fatal = fatalFailure() { return fatal }
        let text = rd_kafka_error_string(error).map { String(cString: $0) }
        return handle.failure(rd_kafka_error_code(error), doing, text: text, at: "transactional id \(id)")
    }

    /// The fatal error of this producer, if any; usually it was fenced by another producer with its transactional id.
    func fatalFailure() -> WeirError? {
        var said = KafkaText()
        let code = said.fill { rd_kafka_fatal_error(handle.raw, $0, $1) }
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return KafkaFailure.error(code, "append in transactions", text: said.text, at: "transactional id \(id)")
    }

    /// The log's client for an id. A new one is created when there is none, or when another producer has taken over the
    /// id.
    public static func shared(_ log: KafkaLog, transactionalID id: String) throws(WeirError)
        -> KafkaTransactionalClient
    {
        try log.producers.withLock { (producers) throws(WeirError) in
            if let known = producers[id]?.client, known.fatalFailure() == nil { return known }
            let client = try KafkaTransactionalClient(log, transactionalID: id)
            producers = producers.filter { $0.value.client != nil }
            producers[id] = Weak(client: client)
            return client
        }
    }

    struct Weak: Sendable {
        weak let client: KafkaTransactionalClient?
    }

    /// Fences other producers with a transactional id and aborts their uncommitted transactions. If this process
    /// already owns the id, taking it over has done that.
    public static func shutOut(_ log: KafkaLog, transactionalID id: String) throws(WeirError) {
        try shared(log, transactionalID: id).makeReady()
    }
}
