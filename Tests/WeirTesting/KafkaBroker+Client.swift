import Foundation

/// A record as librdkafka's client reads it.
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

/// What happens to the records of one `produce`.
public enum KafkaTransaction: String, Sendable {
    case committed = "--transactional"
    case aborted = "--abort"
    /// As of a writer that died.
    case leftOpen = "--open"
}

/// Topics as a client sees them that shares no code with ours.
extension KafkaBroker {
    public func create(_ topic: String, partitions: Int = 1) throws {
        _ = try client("create", [topic, "\(partitions)"])
    }

    public func delete(_ topic: String) throws { _ = try client("delete", [topic]) }

    /// Adds partitions until there are so many; only noida does.
    public func widen(_ topic: String, to partitions: Int) throws {
        _ = try client("widen", [topic, "\(partitions)"])
    }

    /// Removes the records before an offset, as retention does; only noida does.
    public func trim(_ topic: String, partition: Int, before offset: Int64) throws {
        _ = try client("trim", [topic, "\(partition)", "\(offset)"])
    }

    /// Writes records without a tab or line break in them; a key of nil is none, a value of nil a tombstone.
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

    /// Writes one record to each partition, in their order.
    public func deal(_ records: [(key: String?, value: String?)], to topic: String) throws {
        let lines = records.map { "\($0.key ?? "")\t\($0.value ?? "")\n" }
        _ = try client("produce", [topic, "--deal"], input: lines.joined())
    }

    /// Writes records with their times, milliseconds since 1970, to one partition.
    public func produce(
        _ records: [(timestamp: Int64, key: String, value: String)],
        to topic: String,
        partition: Int
    ) throws {
        let lines = records.map { "\($0.timestamp)\t\($0.key)\t\($0.value)\n" }
        let options = ["--timestamps", "--partition=\(partition)"]
        _ = try client("produce", [topic] + options, input: lines.joined())
    }

    /// All records, or the first `count` as soon as they are there; those of one partition in their order.
    public func consume(_ topic: String, readsCommitted: Bool = false, count: Int? = nil) throws -> [KafkaRecord] {
        let options = [readsCommitted ? "--read-committed" : nil, count.map { "--count=\($0)" }].compactMap(\.self)
        return try decoded(try client("consume", [topic] + options))
    }

    /// The offset behind the last one that a group has committed, by partition.
    public func committed(group: String, topic: String) throws -> [Int: Int64] {
        struct Position: Decodable {
            let partition: Int
            let offset: Int64
        }
        let positions: [Position] = try decoded(try client("committed", [group, topic]))
        return Dictionary(positions.map { ($0.partition, $0.offset) }) { _, last in last }
    }

    private func client(_ command: String, _ arguments: [String], input: String? = nil) throws -> String {
        try Peers.run("kafka_peer.py", ["--servers", address, command] + arguments, input: input)
    }

    private func decoded<Line: Decodable>(_ text: String) throws -> [Line] {
        try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    }
}
