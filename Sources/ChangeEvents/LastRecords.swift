import Bytes
import Foundation

/// Identifies a source record, so that it can be recognized when it is read again.
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

/// The last record of each source partition that a table has ingested.
///
/// Offsets alone do not show whether a topic was deleted and created again, because the new topic uses the same
/// offsets. Stored as the table property `weir.last-records.<topology>` beside the positions:
/// `{"shop.public.orders":{"0":{"crc32c":2655384713,"offset":12344,"timestamp":1764144000000}}}`.
public struct LastRecords: Sendable, Equatable {
    public private(set) var marks: [String: [Int: RecordMark]]

    public init(_ marks: [String: [Int: RecordMark]] = [:]) { self.marks = marks }

    public var isEmpty: Bool { marks.values.allSatisfy(\.isEmpty) }

    /// The property that holds a topology's last records.
    public static func propertyName(topology: String) -> String { "weir.last-records.\(topology)" }

    public subscript(topic: String, partition: Int) -> RecordMark? { marks[topic]?[partition] }

    /// Sets the last record of a partition. Ignored if a later one is already known.
    public mutating func advance(topic: String, partition: Int, to mark: RecordMark) {
        if let current = self[topic, partition], current.offset > mark.offset { return }
        marks[topic, default: [:]][partition] = mark
    }

    /// Merges the other's records for the partitions in the ledger; the later record of each partition wins.
    public mutating func merge(_ other: LastRecords, of ledger: PositionLedger) {
        for (topic, partitions) in other.marks {
            for (partition, mark) in partitions where ledger.next(topic: topic, partition: partition) != nil {
                advance(topic: topic, partition: partition, to: mark)
            }
        }
    }

    /// The records of partitions that have been read at least up to the ledger's position. In a partition that is
    /// behind, the last record is not the one directly before the ledger's position.
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
        // Strings and integers can always be encoded as JSON.
        let data = try? encoder.encode(texts)
        return String(decoding: data ?? Data("{}".utf8), as: UTF8.self)
    }

    public init(json: String) throws(WeirError) {
        guard let parsed = try? JSONDecoder().decode([String: [String: RecordMark]].self, from: Data(json.utf8)) else {
            throw WeirError(.corrupt, "last records are not of the form {topic: {partition: record}}")
        }
        try self.init(texts: parsed)
    }

    /// The records with partitions as strings, which JSON keys have to be.
    public var texts: [String: [String: RecordMark]] { PartitionTexts.texts(marks.filter { !$0.value.isEmpty }) }

    public init(texts: [String: [String: RecordMark]]) throws(WeirError) {
        self.init(try PartitionTexts.values(texts, "a list of last records"))
    }
}
