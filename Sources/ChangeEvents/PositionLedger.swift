import Bytes

/// How far a table has ingested its sources: the next offset to read, by topic and partition.
///
/// Stored as the table property `weir.positions.<topology>` in the commit that makes the rows visible:
/// `{"shop.public.orders":{"0":12345}}`.
public struct PositionLedger: TopologyLedger {
    public private(set) var positions: [TopicPartition: Int64]

    public init(_ positions: [TopicPartition: Int64]) { self.positions = positions }
    public init() { positions = [:] }

    public static let propertyPrefix = "weir.positions."

    public static func propertyName(topology: String) -> String { propertyPrefix + topology }

    public var isEmpty: Bool { positions.isEmpty }
    public var topics: Set<String> { Set(positions.keys.map(\.topic)) }

    /// The next offset to read; nil if nothing of the partition was ingested yet.
    public func next(_ partition: TopicPartition) -> Int64? { positions[partition] }

    /// Moves a position forward; it never moves back.
    public mutating func advance(_ partition: TopicPartition, to next: Int64) {
        if next > positions[partition] ?? .min { positions[partition] = next }
    }

    /// Sets a position, possibly to a lower offset: the offsets of a recreated topic start again at its beginning.
    public mutating func move(_ partition: TopicPartition, to next: Int64) { positions[partition] = next }

    /// Removes the position of a partition, as if nothing of it was ingested.
    public mutating func remove(_ partition: TopicPartition) { positions[partition] = nil }

    /// Advances every position to at least that of the other ledger.
    public mutating func merge(_ other: PositionLedger) {
        positions.merge(other.positions) { max($0, $1) }
    }

    /// The positions of the partitions that the other ledger contains.
    public func restricted(to other: PositionLedger) -> PositionLedger {
        PositionLedger(positions.filter { other.positions[$0.key] != nil })
    }

    /// The positions of one topic.
    public func restricted(to topic: String) -> PositionLedger {
        PositionLedger(positions.filter { $0.key.topic == topic })
    }

    /// The position of one partition, if it has one.
    public func restricted(to partition: TopicPartition) -> PositionLedger {
        PositionLedger(positions.filter { $0.key == partition })
    }

    /// Topics and partitions in ascending order.
    public var json: String {
        let topics = Dictionary(grouping: positions, by: \.key.topic).sorted { $0.key < $1.key }
        let members = topics.map { topic, entries in
            let partitions = entries.sorted { $0.key < $1.key }.map { "\"\($0.key.partition)\":\($0.value)" }
            return "\(Self.quoted(topic)):{\(partitions.joined(separator: ","))}"
        }
        return "{\(members.joined(separator: ","))}"
    }

    public init(json: String) throws(WeirError) {
        try self.init(
            texts: LedgerJSON.value(json, "a position ledger is not of the form {topic: {partition: offset}}")
        )
    }

    /// The positions with partitions as strings, which JSON keys have to be.
    public var texts: [String: [String: Int64]] { PartitionTexts.texts(positions) }

    public init(texts: [String: [String: Int64]]) throws(WeirError) {
        self.init(try PartitionTexts.values(texts, "a position ledger"))
    }

    private static func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.map { scalar in
            switch scalar {
            case "\"": "\\\""
            case "\\": "\\\\"
            case let control where control.value < 0x20:
                "\\u" + String(repeating: "0", count: 4 - String(control.value, radix: 16).count)
                    + String(control.value, radix: 16)
            default: String(scalar)
            }
        }
        return "\"\(escaped.joined())\""
    }
}
