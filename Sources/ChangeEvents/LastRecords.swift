import Bytes

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
public struct LastRecords: TopologyLedger {
    public private(set) var marks: [TopicPartition: RecordMark]

    public init(_ marks: [TopicPartition: RecordMark]) { self.marks = marks }
    public init() { marks = [:] }

    public var isEmpty: Bool { marks.isEmpty }

    public static func propertyName(topology: String) -> String { "weir.last-records.\(topology)" }

    public subscript(partition: TopicPartition) -> RecordMark? { marks[partition] }

    /// Sets the last record of a partition. Ignored if a later one is already known.
    public mutating func advance(_ partition: TopicPartition, to mark: RecordMark) {
        if let current = marks[partition], current.offset > mark.offset { return }
        marks[partition] = mark
    }

    /// Merges the other's records for the partitions in the ledger; the later record of each partition wins.
    public mutating func merge(_ other: LastRecords, of ledger: PositionLedger) {
        for (partition, mark) in other.marks where ledger.next(partition) != nil { advance(partition, to: mark) }
    }

    /// The records of partitions that have been read at least up to the ledger's position. In a partition that is
    /// behind, the last record is not the one directly before the ledger's position.
    public func reached(by read: PositionLedger, from ledger: PositionLedger) -> LastRecords {
        LastRecords(
            marks.filter { partition, _ in read.next(partition) ?? .min >= ledger.next(partition) ?? .min }
        )
    }

    public mutating func remove(_ partition: TopicPartition) { marks[partition] = nil }

    public var json: String { LedgerJSON.text(texts) }

    public init(json: String) throws(WeirError) {
        try self.init(
            texts: LedgerJSON.value(json, "last records are not of the form {topic: {partition: record}}")
        )
    }

    /// The records with partitions as strings, which JSON keys have to be.
    public var texts: [String: [String: RecordMark]] { PartitionTexts.texts(marks) }

    public init(texts: [String: [String: RecordMark]]) throws(WeirError) {
        self.init(try PartitionTexts.values(texts, "a list of last records"))
    }
}
