import Bytes
import Foundation

/// What is remembered of a source record to know it again.
public struct RecordMark: Sendable, Hashable, Codable {
    public let offset: Int64
    /// Milliseconds since 1970.
    public let timestamp: Int64
    /// CRC-32C of the key followed by the value.
    public let crc32c: UInt32

    public init(offset: Int64, timestamp: Int64, crc32c: UInt32) {
        self.offset = offset
        self.timestamp = timestamp
        self.crc32c = crc32c
    }
}

/// The last record a table has taken in of each partition of its sources.
///
/// Offsets alone do not tell whether a log is still the one they were counted in: a topic that is deleted and created
/// again has the same ones. Stored as the table property `weir.last-records.<topology>` beside the positions:
/// `{"shop.public.orders":{"0":{"crc32c":2655384713,"offset":12344,"timestamp":1764144000000}}}`.
public struct LastRecords: Sendable, Equatable {
    public private(set) var marks: [String: [Int: RecordMark]]

    public init(_ marks: [String: [Int: RecordMark]] = [:]) { self.marks = marks }

    public var isEmpty: Bool { marks.values.allSatisfy(\.isEmpty) }

    /// The property that holds a topology's last records.
    public static func propertyName(topology: String) -> String { "weir.last-records.\(topology)" }

    public subscript(topic: String, partition: Int) -> RecordMark? { marks[topic]?[partition] }

    /// Takes note of a record; earlier ones change nothing.
    public mutating func advance(topic: String, partition: Int, to mark: RecordMark) {
        if let current = self[topic, partition], current.offset > mark.offset { return }
        marks[topic, default: [:]][partition] = mark
    }

    /// Takes over every record of the other that is not earlier, as far as the ledger names its partition.
    public mutating func merge(_ other: LastRecords, of ledger: PositionLedger) {
        for (topic, partitions) in other.marks {
            for (partition, mark) in partitions where ledger.next(topic: topic, partition: partition) != nil {
                advance(topic: topic, partition: partition, to: mark)
            }
        }
    }

    /// Only those of partitions in which reading has come at least as far as a ledger: where it is behind, its last record
    /// is not the one in front of the ledger's position.
    public func reached(by read: PositionLedger, from ledger: PositionLedger) -> LastRecords {
        var kept = LastRecords()
        for (topic, partitions) in marks {
            for (partition, mark) in partitions {
                let next = read.next(topic: topic, partition: partition) ?? .min
                guard next >= ledger.next(topic: topic, partition: partition) ?? .min else { continue }
                kept.advance(topic: topic, partition: partition, to: mark)
            }
        }
        return kept
    }

    public mutating func remove(topic: String, partition: Int) { marks[topic]?[partition] = nil }

    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings and integers always have a form in JSON.
        let data = try? encoder.encode(texts)
        return String(decoding: data ?? Data("{}".utf8), as: UTF8.self)
    }

    public init(json: String) throws(WeirError) {
        guard let parsed = try? JSONDecoder().decode([String: [String: RecordMark]].self, from: Data(json.utf8)) else {
            throw WeirError(.corrupt, "last records are not of the form {topic: {partition: record}}")
        }
        try self.init(texts: parsed)
    }

    /// The records with partitions as text, as JSON has them.
    public var texts: [String: [String: RecordMark]] { PartitionTexts.texts(marks.filter { !$0.value.isEmpty }) }

    public init(texts: [String: [String: RecordMark]]) throws(WeirError) {
        self.init(try PartitionTexts.values(texts, "a list of last records"))
    }
}
