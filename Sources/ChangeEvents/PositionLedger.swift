import Bytes
import Foundation

/// How far a table has ingested its sources: the next offset to read, by topic and partition.
///
/// Stored as the table property `weir.positions.<topology>` in the commit that makes the rows visible:
/// `{"shop.public.orders":{"0":12345}}`.
public struct PositionLedger: Sendable, Equatable {
    public private(set) var positions: [String: [Int: Int64]]

    public init(_ positions: [String: [Int: Int64]] = [:]) { self.positions = positions }

    public static let propertyPrefix = "weir.positions."

    /// The property that holds a topology's ledger.
    public static func propertyName(topology: String) -> String { propertyPrefix + topology }

    public var isEmpty: Bool { positions.isEmpty }

    /// The next offset to read; nil if nothing of the partition was ingested yet.
    public func next(topic: String, partition: Int) -> Int64? { positions[topic]?[partition] }

    /// Moves a position forward; it never moves back.
    public mutating func advance(topic: String, partition: Int, to next: Int64) {
        let current = positions[topic]?[partition] ?? Int64.min
        if next > current { positions[topic, default: [:]][partition] = next }
    }

    /// Sets a position, possibly to a lower offset: the offsets of a recreated topic start again at its beginning.
    public mutating func move(topic: String, partition: Int, to next: Int64) {
        positions[topic, default: [:]][partition] = next
    }

    /// Removes the position of a partition, as if nothing of it was ingested.
    public mutating func remove(topic: String, partition: Int) {
        positions[topic]?[partition] = nil
        if positions[topic]?.isEmpty == true { positions[topic] = nil }
    }

    /// Advances every position to at least that of the other ledger.
    public mutating func merge(_ other: PositionLedger) {
        for (topic, partitions) in other.positions {
            for (partition, next) in partitions { advance(topic: topic, partition: partition, to: next) }
        }
    }

    /// The positions of the partitions that the other ledger contains.
    public func restricted(to other: PositionLedger) -> PositionLedger {
        PositionLedger(
            positions.reduce(into: [:]) { kept, entry in
                let named = entry.value.filter { other.positions[entry.key]?[$0.key] != nil }
                if !named.isEmpty { kept[entry.key] = named }
            }
        )
    }

    /// The positions of one topic.
    public func restricted(to topic: String) -> PositionLedger {
        PositionLedger(positions.filter { $0.key == topic })
    }

    public var json: String {
        let topics = positions.sorted { $0.key < $1.key }.map { topic, partitions in
            let list = partitions.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }
            return "\(Self.quoted(topic)):{\(list.joined(separator: ","))}"
        }
        return "{\(topics.joined(separator: ","))}"
    }

    public init(json: String) throws(WeirError) {
        let parsed = try? JSONDecoder().decode([String: [String: Int64]].self, from: Data(json.utf8))
        guard let parsed else {
            throw WeirError(.corrupt, "a position ledger is not of the form {topic: {partition: offset}}")
        }
        try self.init(texts: parsed)
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
