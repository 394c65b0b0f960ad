import Foundation

/// A record as read by librdkafka's client.
public struct KafkaRecord: Sendable, Decodable, Equatable {
    public let partition: Int
    public let offset: Int64
    /// Milliseconds since 1970.
    public let timestamp: Int64
    public let key: Data?
    /// Nil for a tombstone.
    public let value: Data?

    public var keyText: String? { key.map { String(decoding: $0, as: UTF8.self) } }
    public var valueText: String? { value.map { String(decoding: $0, as: UTF8.self) } }
}

/// The outcome of the transaction of one `produce`.
public enum KafkaTransaction: String, Sendable {
    case committed = "--transactional"
    case aborted = "--abort"
    /// Left open, as by a writer that died.
    case leftOpen = "--open"
}

/// Access to topics through a client that shares no code with Weir.
extension KafkaBroker {
    public func create(_ topic: String, partitions: Int = 1) throws {
        _ = try client("create", [topic, "\(partitions)"])
    }

    public func delete(_ topic: String) throws { _ = try client("delete", [topic]) }

    /// Adds partitions up to a count; supported by noida only.
    public func widen(_ topic: String, to partitions: Int) throws {
        _ = try client("widen", [topic, "\(partitions)"])
    }

    /// Deletes the records before an offset, like retention; supported by noida only.
    public func trim(_ topic: String, partition: Int, before offset: Int64) throws {
        _ = try client("trim", [topic, "\(partition)", "\(offset)"])
    }

    /// Writes records that contain no tab or line break. A nil key means none, a nil value a tombstone.
    public func produce(
        _ records: [(key: String?, value: String?)],
        to topic: String,
        partition: Int? = nil,
        transaction: KafkaTransaction? = nil
    ) throws {
        let lines = records.map { ($0.key.map { $0 + "\t" } ?? "") + ($0.value ?? "") + "\n" }
        let options = [transaction?.rawValue, partition.map { "--partition=\($0)" }].compactMap(\.self)
        _ = try client("produce", [topic] + options, input: lines.joined())
    }

    /// Writes one record to each partition, in order.
    public func deal(_ records: [(key: String?, value: String?)], to topic: String) throws {
        let lines = records.map { "\($0.key ?? "")\t\($0.value ?? "")\n" }
        _ = try client("produce", [topic, "--deal"], input: lines.joined())
    }

    /// Writes records with timestamps, in milliseconds since 1970, to one partition.
    public func produce(
        _ records: [(timestamp: Int64, key: String, value: String)],
        to topic: String,
        partition: Int
    ) throws {
        let lines = records.map { "\($0.timestamp)\t\($0.key)\t\($0.value)\n" }
        let options = ["--timestamps", "--partition=\(partition)"]
        _ = try client("produce", [topic] + options, input: lines.joined())
    }

    /// Reads all records, or the first `count` as soon as they are available. Records of one partition are in order.
    public func consume(_ topic: String, readsCommitted: Bool = false, count: Int? = nil) throws -> [KafkaRecord] {
        let options = [readsCommitted ? "--read-committed" : nil, count.map { "--count=\($0)" }].compactMap(\.self)
        return try decoded(try client("consume", [topic] + options))
    }

    /// The committed offsets of a group, by partition.
    public func committed(group: String, topic: String) throws -> [Int: Int64] {
        struct Position: Decodable {
            let partition: Int
            let offset: Int64
        }
        let positions: [Position] = try decoded(try client("committed", [group, topic]))
        return Dictionary(positions.map { ($0.partition, $0.offset) }) { _, last in last }
    }

    private func client(_ command: String, _ arguments: [String], input: String? = nil) throws -> String {
        try Peers.run("kafka_peer.py", ["--servers", address, command] + arguments, input: input, isQuick: true)
    }

    private func decoded<Line: Decodable>(_ text: String) throws -> [Line] {
        try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    }
}
