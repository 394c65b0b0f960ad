import Bytes
import CRdKafka
import EventLog
import Glibc
import Synchronization
import Testing

@testable import KafkaLog

/// librdkafka's mock brokers in this process, on the loopback address.
final class MockKafka: @unchecked Sendable {
    // librdkafka locks for itself.
    let cluster: OpaquePointer
    private let client: OpaquePointer
    /// Sockets on the ports of brokers that are down.
    private let held = Mutex<[Int32: Int32]>([:])

    init(brokers: Int32 = 1) throws {
        let configuration = rd_kafka_conf_new()
        rd_kafka_conf_set_log_cb(configuration) { _, _, _, _ in }
        client = try #require(rd_kafka_new(RD_KAFKA_PRODUCER, configuration, nil, 0))
        cluster = try #require(rd_kafka_mock_cluster_new(client, brokers))
    }

    deinit {
        rd_kafka_mock_cluster_destroy(cluster)
        rd_kafka_destroy(client)
        for socket in held.withLock({ $0.values.map(\.self) }) { close(socket) }
    }

    /// Takes a broker down. Its port stays its own meanwhile: a connection of another test could get it, and a mock broker
    /// that does not get its port back ends the process.
    func setDown(_ broker: Int32 = 1) throws {
        try #require(rd_kafka_mock_broker_set_down(cluster, broker) == RD_KAFKA_RESP_ERR_NO_ERROR)
        let port = try #require(
            brokers.split(separator: ",")[Int(broker) - 1].split(separator: ":").last.flatMap { UInt16($0) }
        )
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        held.withLock { $0[broker] = socket }
        var isReused: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &isReused, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(code == 0, "port \(port) of broker \(broker) cannot be held: \(errno)")
    }

    func setUp(_ broker: Int32 = 1) throws {
        try #require(rd_kafka_mock_broker_set_up(cluster, broker) == RD_KAFKA_RESP_ERR_NO_ERROR)
        if let socket = held.withLock({ $0.removeValue(forKey: broker) }) { close(socket) }
    }

    var brokers: String { String(cString: rd_kafka_mock_cluster_bootstraps(cluster)) }

    func createTopic(_ name: String, partitions: Int32 = 1) throws {
        try #require(rd_kafka_mock_topic_create(cluster, name, partitions, 1) == RD_KAFKA_RESP_ERR_NO_ERROR)
    }

    func log(_ properties: [String: String] = [:], timeout: Int = 10_000) throws -> KafkaLog {
        let all = properties.merging(["bootstrap.servers": brokers]) { $1 }
        return try KafkaLog(try KafkaSettings(properties: all), timeoutMilliseconds: timeout)
    }
}

/// A record as tests write and compare it.
struct TestRecord: Equatable {
    var offset: Int64 = 0
    var timestamp: Int64
    var key: String?
    var value: String?
}

func encode(_ records: [TestRecord], partition: Int = 0) -> RawBatch {
    var arena = GrowableBuffer()
    var table = GrowableBuffer()
    func append(_ text: String?) -> (start: Int32, count: Int32) {
        guard let text else { return (0, -1) }
        let start = arena.count
        Array(text.utf8).withUnsafeBytes { arena.append($0) }
        return (Int32(start), Int32(arena.count - start))
    }
    for record in records {
        let key = append(record.key)
        let value = append(record.value)
        table.append(
            RawBatch.Record(
                offset: record.offset,
                timestamp: record.timestamp,
                keyStart: key.start,
                keyCount: key.count,
                valueStart: value.start,
                valueCount: value.count
            )
        )
    }
    arena.append(repeating: 0, count: RawBatch.padding)
    return RawBatch(topic: "", partition: partition, arena: arena.finish(), table: table.finish())
}

func decode(_ batch: RawBatch) -> [TestRecord] {
    batch.records.map { record in
        TestRecord(
            offset: record.offset,
            timestamp: record.timestamp,
            key: batch.key(record).map { String(decoding: $0, as: UTF8.self) },
            value: batch.value(record).map { String(decoding: $0, as: UTF8.self) }
        )
    }
}

/// Reads until the position reaches the end, or until nothing arrives for five seconds.
func readToEnd(_ reader: any PartitionReader, _ end: Int64, maxBytes: Int = 1 << 20) throws -> [TestRecord] {
    var found: [TestRecord] = []
    while reader.position < end {
        if let batch = try reader.next(maxBytes: maxBytes) {
            found += decode(batch)
        } else if try !reader.waitForRecords(timeoutMilliseconds: 5000) {
            break
        }
    }
    return found
}

/// Runs a body that must fail and returns its error.
func failure(_ body: () throws -> Void) -> WeirError? {
    do {
        try body()
    } catch {
        return error as? WeirError
    }
    return nil
}
