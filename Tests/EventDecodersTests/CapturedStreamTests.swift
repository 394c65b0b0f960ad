import ChangeEvents
import Columnar
import EventLog
import Foundation
import Testing

@testable import EventDecoders

struct CapturedStreamTests {
    /// Applies changes by key and checks each against the existing row.
    private func fold(_ batch: ChangeBatch, into rows: inout [Int64: [Scalar]]) {
        for row in 0..<batch.count {
            guard case .long(let key) = batch.rows.columns[0].scalar(row) else {
                Issue.record("row \(row) has no key")
                continue
            }
            let values = batch.rows.columns.map { $0.scalar(row) }
            switch batch.kind(row) {
            case .insert:
                #expect(rows[key] == nil, "inserted \(key) twice")
                rows[key] = values
            case .updateBefore: #expect(rows[key] == values, "the old row of \(key)")
            case .updateAfter:
                #expect(rows[key] != nil, "updated \(key), which is not there")
                rows[key] = values
            case .delete: #expect(rows.removeValue(forKey: key) != nil, "deleted \(key), which is not there")
            }
        }
    }

    /// The final rows of a table, as the expected column values.
    private func finalRows(_ name: String, _ schema: Schema) throws -> [Int64: [Scalar]] {
        var rows: [Int64: [Scalar]] = [:]
        for line in try CapturedStream.fixture(name).split(separator: UInt8(ascii: "\n")) {
            let row = try JSONDecoder().decode([String: DatabaseValue].self, from: Data(line))
            let values = try schema.fields.map { try (row[$0.name] ?? .null).scalar($0) }
            guard case .long(let key) = values[0] else { continue }
            rows[key] = values
        }
        return rows
    }

    @Test(arguments: ["plain.ndjson.gz", "schema.ndjson.gz"])
    func `folds a captured stream to the rows of the database`(_ file: String) throws {
        let decoder = DebeziumJSONDecoder(resolve: CapturedStream.target)
        var tables: [[Int64: [Scalar]]] = [[:], [:]]
        var tombstones = 0
        for (topic, events) in try CapturedStream.events(file).sorted(by: { $0.key < $1.key }) {
            // Several batches: the decoder keeps its state between them.
            for start in stride(from: 0, to: events.count, by: 700) {
                let batch = Array(events[start..<min(start + 700, events.count)])
                let decoded = try decoder.decode(RawBatch(batch, topic: topic))
                #expect(decoded.rejected.map(\.reason) == [])
                #expect(decoded.ignored == 0)
                tombstones += decoded.tombstones
                for (table, changes) in decoded.changes { fold(changes, into: &tables[table]) }
            }
        }
        #expect(tombstones > 0)
        let expected = [
            try finalRows("customers.final.ndjson", CapturedStream.customers),
            try finalRows("orders.final.ndjson", CapturedStream.orders),
        ]
        for (rows, final) in zip(tables, expected) {
            #expect(!final.isEmpty)
            #expect(rows.count == final.count)
            for (key, values) in final { #expect(rows[key] == values, "row \(key)") }
        }
    }

    @Test(arguments: ["plain.ndjson.gz", "schema.ndjson.gz"])
    func `ten updates left a long text out, and say so`(_ file: String) throws {
        let schema = Schema(["id": .long, "name": .string, "profile": .string])
        let decoder = DebeziumJSONDecoder { source in
            source.table == "customers" ? TableTarget(index: 0, schema: schema, primaryKey: ["id"]) : nil
        }
        var reasons: [String] = []
        for (topic, events) in try CapturedStream.events(file).sorted(by: { $0.key < $1.key }) {
            reasons += try decoder.decode(RawBatch(events, topic: topic)).rejected.map(\.reason)
        }
        #expect(reasons.count == 10)
        #expect(
            reasons.allSatisfy { $0.hasPrefix("after.profile: expected string") && $0.contains("TOAST") },
            "\(reasons)"
        )
    }

    @Test func `units are derived only where no schema block says them, other columns are named`() throws {
        for (file, units) in [("plain.ndjson.gz", ["placed", "at_time"]), ("schema.ndjson.gz", [])] {
            let decoder = DebeziumJSONDecoder(resolve: CapturedStream.target)
            var derived: [String] = []
            var extra: [String] = []
            for (topic, events) in try CapturedStream.events(file).sorted(by: { $0.key < $1.key }) {
                for notice in try decoder.decode(RawBatch(events, topic: topic)).notices {
                    switch notice {
                    case .derivedUnit(let column, let unit, _):
                        derived.append(column.name)
                        #expect(unit == .microseconds)
                    case .extraColumn(let source, let name): extra.append("\(source.table ?? "").\(name)")
                    default: Issue.record("\(notice)")
                    }
                }
            }
            #expect(Set(derived) == Set(units) && derived.count == units.count, "\(file): \(derived)")
            #expect(extra.contains("customers.profile") && Set(extra).count == extra.count, "\(extra)")
        }
    }

    @Test
    func `reads no byte behind an arena without padding`() throws {
        let events = try #require(try CapturedStream.events("plain.ndjson.gz")["shop.public.orders"])
        let decoder = DebeziumJSONDecoder(resolve: CapturedStream.target)
        let padded = try decoder.decode(RawBatch(Array(events.prefix(50))))
        let bare = try decoder.decode(RawBatch(Array(events.prefix(50)), padding: 0))
        #expect(bare.rejected.isEmpty)
        #expect(bare.changes[0].batch.lines == padded.changes[0].batch.lines)
    }
}

/// A value as PostgreSQL's `row_to_json` writes it.
private enum DatabaseValue: Decodable {
    case null
    case flag(Bool)
    case number(Decimal)
    case text(String)
    case list([String])
    case other

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? container.decode(Decimal.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let list = try? container.decode([String].self) {
            self = .list(list)
        } else {
            self = .other
        }
    }

    struct Unexpected: Error {
        let field: Field
    }

    func scalar(_ field: Field) throws -> Scalar {
        switch (self, field.type) {
        case (.null, _): return .null
        case (.flag(let flag), .boolean): return .boolean(flag)
        case (.number(let number), .int): return .int(Int32(truncating: number as NSNumber))
        case (.number(let number), .long): return .long(Int64(truncating: number as NSNumber))
        case (.number(let number), .float): return .float(try #require(Float("\(number)")))
        case (.number(let number), .double): return .double(try #require(Double("\(number)")))
        case (.number(let number), .decimal(_, let scale)):
            var scaled = number
            for _ in 0..<scale { scaled *= 10 }
            return .decimal(Int128(Int64(truncating: scaled as NSNumber)), scale: scale)
        case (.text(let text), .string): return .string(text)
        case (.list(let list), .string):
            return .string("[" + list.map { "\"\($0)\"" }.joined(separator: ",") + "]")
        case (.text(let text), .uuid):
            return .uuid(try #require(UInt128(text.filter { $0 != "-" }, radix: 16)))
        case (.text(let text), .binary):
            let digits = Array(text.dropFirst(2))
            return .binary(
                try stride(from: 0, to: digits.count, by: 2).map {
                    try #require(UInt8(String(digits[$0...($0 + 1)]), radix: 16))
                }
            )
        case (.text(let text), .date):
            return .date(Int32(try micros(text + "T00:00:00") / 86_400_000_000))
        case (.text(let text), .timestamp): return .timestamp(try micros(text))
        case (.text(let text), .timestamptz): return .timestamptz(try micros(text))
        case (.text(let text), .time): return .time(try micros("1970-01-01T" + text))
        case (.text(let text), .long):
            // An interval below a day or of whole days and a time: "1 day 02:03:04" never occurs in the load.
            return .long(try interval(text))
        default: throw Unexpected(field: field)
        }
    }

    /// Parses a text in UTC or without a zone to microseconds since 1970.
    private func micros(_ text: String) throws -> Int64 {
        let body = text.hasSuffix("+00:00") ? String(text.dropLast(6)) : text
        let parts = body.split(separator: ".")
        let date = try Date(String(parts[0]) + "Z", strategy: .iso8601)
        let fraction = parts.count > 1 ? parts[1].padding(toLength: 6, withPad: "0", startingAt: 0) : "0"
        return Int64(date.timeIntervalSince1970) * 1_000_000 + (try #require(Int64(fraction)))
    }

    private func interval(_ text: String) throws -> Int64 {
        let parts = text.split(separator: ":").map { Int64($0) }
        guard parts.count == 3, let hours = parts[0], let minutes = parts[1], let seconds = parts[2] else {
            throw CocoaError(.formatting)
        }
        return ((hours * 60 + minutes) * 60 + seconds) * 1_000_000
    }
}
