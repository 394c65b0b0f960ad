import Bytes
import CRdKafka
import EventLog
import Foundation
import Synchronization

/// Topics of brokers that speak Kafka.
///
/// Connecting is left to the first question; every call blocks, at most about `timeoutMilliseconds`. Readers share one
/// client, and with it one connection per broker. Questions go another way: a broker answers what comes on a connection
/// in its order, and keeps a fetch that finds nothing for `fetch.wait.max.ms`.
public final class KafkaLog: SharedLog {
    public let settings: KafkaSettings
    let timeoutMilliseconds: Int32
    /// How brokers that are written to are waited for; nil for not at all.
    let patience: KafkaPatience?
    /// Answers questions.
    let client: KafkaHandle
    private let reading: Mutex<Reading>
    /// Memory of batches, which all readers share: what is kept for later must not grow with the partitions.
    let arenas = ArenaPool()
    let tables = ArenaPool()
    private let groups = Mutex<[String: KafkaHandle]>([:])
    /// Producers of transactions that are in use, by their id.
    let producers = Mutex<[String: KafkaTransactionalClient.Weak]>([:])

    private struct Reading {
        /// Of the clients.
        var prefetch: KafkaPrefetch
        /// The first serves the first reader of each partition, and so on.
        var clients: [KafkaDataClient]
    }

    /// Fails with `invalid` for properties that do not fit together.
    public init(
        _ settings: KafkaSettings,
        timeoutMilliseconds: Int = 15_000,
        patience: KafkaPatience? = nil
    ) throws(WeirError) {
        self.settings = settings
        self.patience = patience
        self.timeoutMilliseconds = Int32(clamping: timeoutMilliseconds)
        let prefetch = KafkaPrefetch(settings)
        client = try KafkaHandle(.data(prefetch), settings)
        reading = Mutex(Reading(prefetch: prefetch, clients: []))
    }

    // MARK: PartitionedLog

    /// Without the names that begin with "__", which brokers use themselves.
    public func topics() throws(WeirError) -> [String] {
        try KafkaMetadata.topics(client, timeoutMilliseconds).filter { !$0.hasPrefix("__") }
    }

    public func partitions(of topic: String) throws(WeirError) -> [Int] {
        try KafkaMetadata.partitions(client, topic, timeoutMilliseconds)
    }

    /// The end is where readers of committed records stop: before the first transaction that is still open.
    public func offsets(topic: String, partition: Int) throws(WeirError) -> (earliest: Int64, end: Int64) {
        try offsets(topic, partition, timeoutMilliseconds)
    }

    private func offsets(
        _ topic: String,
        _ partition: Int,
        _ timeout: Int32
    ) throws(WeirError) -> (earliest: Int64, end: Int64) {
        let deadline = ContinuousClock.now + .milliseconds(Int(timeout))
        while true {
            var (low, high): (Int64, Int64) = (0, 0)
            let code = rd_kafka_query_watermark_offsets(client.raw, topic, Int32(partition), &low, &high, timeout)
            if code == RD_KAFKA_RESP_ERR_NO_ERROR { return (low, high) }
            let error = try failure(code, topic, partition)
            // A client that has lost its brokers may have forgotten what the topic consists of.
            guard KafkaFailure.isUnknown(code), ContinuousClock.now < deadline else { throw error }
            usleep(50_000)
        }
    }

    /// Asks each broker once for all of its partitions. Waits for brokers that are away as long as the log's patience
    /// goes.
    public func ends(topic: String, partitions: [Int]) throws(WeirError) -> [Int: Int64] {
        guard let patience else { return try endsAtOnce(topic: topic, partitions: partitions) }
        var wait = patience.begin()
        let what = "topic \(topic)"
        while true {
            switch try endsNow(topic, partitions, patience.step(most: timeoutMilliseconds)) {
            case .success(let ends):
                patience.end(wait, what: what)
                return ends
            case .failure(let error):
                if client.notes.takePermanent() != nil { throw error }
                let bound = settings.deliveryMilliseconds
                if patience.ending(&wait, bound: bound, what: what, cause: { client.outage }) != nil { throw error }
                patience.pause(&wait)
            }
        }
    }

    public func endsAtOnce(topic: String, partitions: [Int]) throws(WeirError) -> [Int: Int64] {
        try endsNow(topic, partitions, timeoutMilliseconds).get()
    }

    /// Fails with the failure where no broker has answered, which may help to repeat; throws others.
    private func endsNow(
        _ topic: String,
        _ partitions: [Int],
        _ timeout: Int32
    ) throws(WeirError) -> Result<[Int: Int64], WeirError> {
        let list = KafkaPartitionList()
        for partition in partitions { list.add(topic, partition, offset: Int64(RD_KAFKA_OFFSET_END)) }
        let code = list.with { rd_kafka_offsets_for_times(client.raw, $0, timeout) }
        var ends: [Int: Int64] = [:]
        if code == RD_KAFKA_RESP_ERR_NO_ERROR, list.failure == code {
            for (partition, offset) in list.offsets where offset >= 0 { ends[partition.partition] = offset }
            if ends.count == partitions.count { return .success(ends) }
        }
        let failed = code == RD_KAFKA_RESP_ERR_NO_ERROR ? list.failure : code
        if failed != RD_KAFKA_RESP_ERR_NO_ERROR {
            let error = client.failure(failed, "ask for the end of topic \(topic)")
            if KafkaFailure.isPassing(failed) { return .failure(error) }
        }
        // One by one, which tells what is wrong with which, and is understood by every broker.
        do throws(WeirError) {
            for partition in partitions { ends[partition] = try offsets(topic, partition, timeout).end }
        } catch  where error.code == .storage {
            // Newer clients name brokers that are away otherwise in the first question.
            return .failure(error)
        }
        return .success(ends)
    }

    public func offset(topic: String, partition: Int, notBefore timestamp: Int64) throws(WeirError) -> Int64 {
        // Asked first: a record that arrives between the two answers must not be taken for an earlier one.
        let end = try offsets(topic: topic, partition: partition).end
        let list = KafkaPartitionList()
        // Negative times are librdkafka's names for beginning and end.
        list.add(topic, partition, offset: max(timestamp, 0))
        var code = list.with { rd_kafka_offsets_for_times(client.raw, $0, timeoutMilliseconds) }
        if code == RD_KAFKA_RESP_ERR_NO_ERROR { code = list.failure }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw try failure(code, topic, partition) }
        let found = list.first.offset
        return found >= 0 ? found : end
    }

    public func reader(topic: String, partition: Int, from offset: Int64) throws(WeirError) -> any PartitionReader {
        let (earliest, end) = try offsets(topic: topic, partition: partition)
        guard offset >= earliest else { throw KafkaLostOffsets.error(topic, partition, offset, earliest: earliest) }
        let lease = try lease(TopicPartition(topic: topic, partition: partition))
        let reader = try KafkaPartitionReader(self, lease, from: offset)
        // Some brokers tell an end that lies before their last records: what they deliver decides.
        if offset > end { try reader.probe(end: end) }
        return reader
    }

    // MARK: SharedLog

    public func join(
        group: String,
        topics: [String],
        pattern: String?,
        instance: String?
    ) throws(WeirError) -> any GroupMembership {
        try KafkaMembership(settings, group: group, topics: topics, pattern: pattern, instance: instance)
    }

    public var sessionMilliseconds: Int { settings.sessionMilliseconds }

    public func willRead(partitions: Int, aheadBytes: Int) {
        let prefetch = KafkaPrefetch(settings, partitions: partitions, aheadBytes: aheadBytes)
        // A client's bound is set for good when it is made: those with another one are left to the readers they have.
        let idle = reading.withLock { reading in
            defer { if reading.prefetch != prefetch { reading = Reading(prefetch: prefetch, clients: []) } }
            return reading.clients
        }
        // Ending a client takes time, which the lock is not held for.
        withExtendedLifetime(idle) {}
    }

    public func trouble(since moment: ContinuousClock.Instant) -> String? {
        let clients = reading.withLock { $0.clients }
        return clients.lazy.compactMap { $0.handle.notes.outage(since: moment) }.first.map { KafkaFailure.words($0) }
    }

    public func committedOffset(group: String, topic: String, partition: Int) throws(WeirError) -> Int64? {
        let list = try committed(group: group, topic: topic, partition: partition)
        let offset = list.first.offset
        return offset >= 0 ? offset : nil
    }

    // MARK: Inside

    /// One partition's committed offset and the text with it.
    ///
    /// - Parameters:
    ///   - isKept: whether the client that asks is kept for the next question about the group.
    ///   - isOptional: whether a group that this user may not see counts as one that has committed nothing.
    func committed(
        group: String,
        topic: String,
        partition: Int,
        isKept: Bool = true,
        isOptional: Bool = false
    ) throws(WeirError) -> KafkaPartitionList {
        let known = groups.withLock { $0[group] }
        let handle = if let known { known } else { try KafkaHandle(.offsets(group: group), settings) }
        if isKept { groups.withLock { $0[group] = handle } }
        let list = KafkaPartitionList([TopicPartition(topic: topic, partition: partition)])
        var code = list.with { rd_kafka_committed(handle.raw, $0, timeoutMilliseconds) }
        if code == RD_KAFKA_RESP_ERR_NO_ERROR { code = list.failure }
        // A topic that is not there yet has no offsets.
        if code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART { return list }
        if isOptional, code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED { return list }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw handle.failure(code, "read the offsets of group \(group)")
        }
        return list
    }

    /// The error of a request about one partition. Fails itself where the brokers do not know the partition.
    func failure(
        _ code: rd_kafka_resp_err_t,
        _ topic: String,
        _ partition: Int,
        of handle: KafkaHandle? = nil
    ) throws(WeirError) -> WeirError {
        let handle = handle ?? client
        let doing = "read topic \(topic), partition \(partition)"
        guard KafkaFailure.isUnknown(code) else { return handle.failure(code, doing) }
        let known = try KafkaMetadata.partitions(handle, topic, timeoutMilliseconds)
        guard known.contains(partition) else {
            throw WeirError(
                .notFound,
                "topic '\(topic)' has no partition \(partition)",
                at: client.brokers,
                advice: "its partitions are \(known.map(String.init).joined(separator: ", "))"
            )
        }
        return handle.failure(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, doing)
    }

    /// A client in which nobody reads the partition: librdkafka has one place per partition and client.
    private func lease(_ partition: TopicPartition) throws(WeirError) -> KafkaDataClient.Lease {
        let (known, prefetch) = reading.withLock { reading in
            (reading.clients.lazy.compactMap { $0.lease(partition) }.first, reading.prefetch)
        }
        if let known { return known }
        let another = try KafkaDataClient(settings, prefetch)
        reading.withLock { if $0.prefetch == prefetch { $0.clients.append(another) } }
        guard let lease = another.lease(partition) else {
            throw WeirError(.locked, "the partition is being read already", at: "\(partition)")
        }
        return lease
    }
}
