import Bytes
import CRdKafka
import ChangeEvents
import EventLog
import Foundation
import Synchronization

/// A log whose topics are on Kafka brokers.
///
/// The first request connects. Every call blocks for at most about `timeoutMilliseconds`. Readers share one client, and
/// so one connection per broker. Other requests use a separate client: a broker answers the requests of a connection in
/// order and holds an empty fetch for `fetch.wait.max.ms`.
public final class KafkaLog: SharedLog {
    public let settings: KafkaSettings
    let timeoutMilliseconds: Int32
    /// How to wait for unavailable brokers of topics that are written; nil for not waiting.
    let patience: KafkaPatience?
    /// The client for requests other than fetches.
    let client: KafkaHandle
    private let reading: Mutex<Reading>
    /// Memory of batches, shared by all readers so that the pooled memory does not grow with the number of partitions.
    let arenas = ArenaPool()
    let tables = ArenaPool()
    private let groups = Mutex<[String: KafkaHandle]>([:])
    /// Transactional producers in use, by transactional id.
    let producers = Mutex<[String: KafkaTransactionalClient.Weak]>([:])

    private struct Reading {
        /// Prefetch limits of the clients.
        var prefetch: KafkaPrefetch
        /// The first client serves the first reader of each partition, and so on.
        var clients: [KafkaDataClient]
    }

    /// Fails with `invalid` for conflicting properties.
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

    public var location: String? { client.brokers }

    /// Excludes internal topics, whose names begin with "__".
    public func topics() throws(WeirError) -> [String] {
        try KafkaMetadata.topics(client, timeoutMilliseconds).filter { !$0.hasPrefix("__") }
    }

    public func partitions(of topic: String) throws(WeirError) -> [Int] {
        try KafkaMetadata.partitions(client, topic, timeoutMilliseconds)
    }

    /// The end is the last stable offset: before the first transaction that is still open.
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
            // A client that has lost its brokers may have dropped the topic's metadata.
            guard KafkaFailure.isUnknown(code), ContinuousClock.now < deadline else { throw error }
            usleep(50_000)
        }
    }

    /// Sends each broker one request for all of its partitions. Waits for unavailable brokers as long as the log's
    /// patience allows.
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

    /// Returns a failure if no broker answered, so that the request may be retried; throws other errors.
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
        // Query the partitions one by one: this shows which one fails and works with every broker.
        do throws(WeirError) {
            for partition in partitions { ends[partition] = try offsets(topic, partition, timeout).end }
        } catch  where error.code == .storage {
            // Newer versions of librdkafka report unavailable brokers differently in the first request.
            return .failure(error)
        }
        return .success(ends)
    }

    public func offset(topic: String, partition: Int, notBefore timestamp: Int64) throws(WeirError) -> Int64 {
        // Query the end first: a record that arrives between the two requests must not be skipped.
        let end = try offsets(topic: topic, partition: partition).end
        let list = KafkaPartitionList()
        // librdkafka treats negative times as special values for beginning and end.
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
        // Some brokers report an end before their last records, so check whether records can be fetched.
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
        // A client's prefetch limit cannot be changed. Clients with another limit only keep their existing readers.
        let idle = reading.withLock { reading in
            defer { if reading.prefetch != prefetch { reading = Reading(prefetch: prefetch, clients: []) } }
            return reading.clients
        }
        // Release the clients outside the lock, because destroying a client takes time.
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

    /// One partition's committed offset and its metadata text.
    ///
    /// - Parameters:
    ///   - isKept: whether to keep the client for the next request about the group.
    ///   - isOptional: whether a group that this user may not access counts as having no committed offsets.
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
        // A topic that does not exist yet has no offsets.
        if code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART { return list }
        if isOptional, code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED { return list }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw handle.failure(code, "read the offsets of group \(group)")
        }
        return list
    }

    /// The error of a failed request about one partition. Throws when the brokers do not know the partition.
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

    /// Leases the partition from a client in which no reader uses it: librdkafka has one position per partition and
    /// client.
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
