import Bytes
import EventLog
import Foundation
import WeirTesting

/// A seeded stream of Debezium records with the irregularities of real connectors, and the expected final rows.
struct DebeziumHistory {
    struct Record {
        let key: String?
        let value: String?
    }

    struct Row: Equatable {
        var name: String?
        var amountCents: Int
        var country: String?
    }

    let table: String
    var random: SeededGenerator
    private(set) var rows: [Int: Row] = [:]
    private(set) var records: [Record] = []
    /// The number of records that cannot be decoded.
    private(set) var poisoned = 0
    private let keySpace: UInt64

    init(table: String = "people", seed: UInt64, keySpace: UInt64 = 40) {
        self.table = table
        self.keySpace = keySpace
        random = SeededGenerator(seed: seed)
    }

    private mutating func newRow() -> Row {
        let names: [String?] = ["ada", "ü \u{1F600} \"quoted\"", "", nil, "line\nbreak\\", "日本語"]
        let countries: [String?] = ["DE", "FR", nil, "U S/A"]
        return Row(
            name: names[Int(random.next() % 6)],
            amountCents: Int(random.next() % 200_000) - 100_000,
            country: countries[Int(random.next() % 4)]
        )
    }

    static func json(_ text: String?) -> String {
        guard let text else { return "null" }
        let data = (try? JSONEncoder().encode([text])) ?? Data("[null]".utf8)
        return String(String(decoding: data, as: UTF8.self).dropFirst().dropLast())
    }

    static func json(_ id: Int, _ row: Row?) -> String {
        guard let row else { return "null" }
        let sign = row.amountCents < 0 ? "-" : ""
        let cents = abs(row.amountCents)
        let amount = "\(sign)\(cents / 100).\(cents % 100 < 10 ? "0" : "")\(cents % 100)"
        return """
            {"id":\(id),"name":\(json(row.name)),"amount":"\(amount)","country":\(json(row.country))}
            """
    }

    private mutating func emit(_ id: Int, before: String, after: Row?, operation: String) {
        let value = """
            {"before":\(before),"after":\(Self.json(id, after)),"source":{"db":"shop","schema":"public",\
            "table":"\(table)","ts_ms":1},"op":"\(operation)","ts_ms":2}
            """
        records.append(Record(key: "{\"id\":\(id)}", value: value))
    }

    /// Adds about `count` records.
    mutating func extend(_ count: Int) {
        let end = records.count + count
        while records.count < end {
            let id = Int(random.next() % keySpace)
            let old = rows[id]
            switch random.next() % 12 {
            case 0..<3:
                let row = newRow()
                emit(id, before: "null", after: row, operation: random.next() % 2 == 0 ? "c" : "r")
                rows[id] = row
            case 3..<6:
                let row = newRow()
                emit(id, before: Self.json(id, old), after: row, operation: "u")
                rows[id] = row
            case 6..<8:
                let row = newRow()
                emit(id, before: "null", after: row, operation: "u")
                rows[id] = row
            case 8:
                emit(id, before: Self.json(id, old ?? newRow()), after: nil, operation: "d")
                records.append(Record(key: "{\"id\":\(id)}", value: nil))
                rows[id] = nil
            case 9:
                emit(id, before: random.next() % 2 == 0 ? "null" : "{\"id\":\(id)}", after: nil, operation: "d")
                rows[id] = nil
            case 10:
                // A key change: the connector sends a delete and an insert.
                guard let old else { continue }
                let moved = Int(random.next() % keySpace)
                emit(id, before: Self.json(id, old), after: nil, operation: "d")
                rows[id] = nil
                emit(moved, before: "null", after: old, operation: "c")
                rows[moved] = old
            default:
                let bad = [
                    "{\"before\":null,\"after\":{\"id\":\(id),\"na", "", "[1,2]",
                    "{\"before\":null,\"after\":{\"id\":\"x\"},\"source\":{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"\(table)\"},\"op\":\"c\"}",
                ]
                records.append(Record(key: "{\"id\":\(id)}", value: bad[Int(random.next() % 4)]))
                poisoned += 1
            }
        }
    }

    /// Appends records to a topic, in several batches.
    func append(_ range: Range<Int>, to writer: FileLogWriter, topic: String) throws {
        try Self.append(Array(records[range]), to: writer, topic: topic)
    }

    static func append(_ records: [Record], to writer: FileLogWriter, topic: String) throws {
        for start in stride(from: 0, to: records.count, by: 25) {
            var builder = RecordBatchBuilder()
            for record in records[start..<min(start + 25, records.count)] {
                try withBytes(record.key) { key in
                    try withBytes(record.value) { value in
                        try builder.append(key: key, value: value, timestamp: 1_700_000_000_000)
                    }
                }
            }
            _ = try writer.append(topic: topic, partition: 0, records: builder.finish())
        }
    }

    private static func withBytes(_ text: String?, _ body: (UnsafeRawBufferPointer?) throws -> Void) throws {
        guard var text else { return try body(nil) }
        try text.withUTF8 { try body(UnsafeRawBufferPointer($0)) }
    }
}
