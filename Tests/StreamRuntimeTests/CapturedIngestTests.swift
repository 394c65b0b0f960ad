import Bytes
import Columnar
import EventLog
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import StreamRuntime
import Testing
import WeirTesting

/// Debezium's output for two PostgreSQL tables under load, from the file log to other engines.
@Suite struct CapturedIngestTests {
    private static let topology = """
        name: test
        pipeline: { commit.interval: 1h, commit.bytes: 64kb }
        source:
          name: shop
          type: file-log
          topics: [shop.public.customers, shop.public.orders]
          format: debezium-json
        tables:
          - name: shop.customers
            columns:
              { id: long, name: string, country: string, tier: string, balance: "decimal(14,2)", born: date,
                joined: timestamptz, tags: string, photo: binary, active: boolean, score: float, rating: double,
                visits: int, token: uuid }
            primary-key: [id]
            partition-by: [country]
          - name: shop.orders
            columns:
              { order_id: long, customer_id: long, status: string, amount: "decimal(12,2)", note: string,
                placed: timestamp, updated: timestamptz, items: int, wait: long, at_time: time }
            primary-key: [order_id]
            partition-by: [hour(placed), "bucket(2, customer_id)"]
        route: [{ source-table: postgres.public.(.*), sink-table: shop.$1 }]
        sink: { type: mixed-iceberg }
        """

    private struct Line: Decodable {
        let topic: String
        let key: String?
        let value: String?
    }

    private static let fixtures = Peers.checkout + "/Tests/EventDecodersTests/Fixtures/"

    /// The captured records by topic, in order.
    private static func records(_ name: String) throws -> [String: [DebeziumHistory.Record]] {
        let packed = try [UInt8](Data(contentsOf: URL(fileURLWithPath: fixtures + name)))
        var target = GrowableBuffer()
        try packed.withUnsafeBytes { try Gzip.decompress($0, into: &target, limit: 64 << 20) }
        let unpacked = target.finish()
        let text = UnsafeRawBufferPointer(start: unpacked.base, count: unpacked.count)
        var records: [String: [DebeziumHistory.Record]] = [:]
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let record = try JSONDecoder().decode(Line.self, from: Data(line))
            records[record.topic, default: []].append(.init(key: record.key, value: record.value))
        }
        return records
    }

    /// The final rows of the database, spelled as Weir writes them.
    private static func finalRows(_ name: String, _ schema: Schema) throws -> [String] {
        let comparable = ComparableRows(schema)
        let text = try String(contentsOfFile: fixtures + name + ".final.ndjson", encoding: .utf8)
        return try text.split(separator: "\n").map { line in
            let object = try #require(try JSONValue.parse(String(line)).asObject)
            var row = JSONObject()
            for field in schema.fields { row[field.name] = spelled(object[field.name] ?? .null, field.type) }
            return comparable.text(.object(row))
        }.sorted()
    }

    /// Converts a value of PostgreSQL's `row_to_json` to Iceberg's single-value serialization.
    private static func spelled(_ value: JSONValue, _ type: FieldType) -> JSONValue {
        func padded(_ text: String) -> String {
            let parts = text.split(separator: ".")
            let fraction = parts.count > 1 ? String(parts[1]) : ""
            return "\(parts[0]).\(fraction.padding(toLength: 6, withPad: "0", startingAt: 0))"
        }
        switch (value, type) {
        case (.integer, .decimal), (.number, .decimal):
            let parts = value.text.split(separator: ".")
            let fraction = parts.count > 1 ? String(parts[1]) : ""
            return .string("\(parts[0]).\(fraction.padding(toLength: 2, withPad: "0", startingAt: 0))")
        case (.string(let text), .timestamp), (.string(let text), .time): return .string(padded(text))
        case (.string(let text), .timestamptz): return .string(padded(String(text.dropLast(6))) + "+00:00")
        case (.string(let text), .binary): return .string(String(text.dropFirst(2)))
        case (.string(let text), .long):
            let parts = text.split(separator: ":").compactMap { Int64($0) }
            return .integer(((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 1_000_000)
        case (.array, .string): return .string(value.text)
        default: return value
        }
    }

    @Test(arguments: ["plain.ndjson.gz", "schema.ndjson.gz"])
    func `tables equal the database's final rows, for us and for other engines`(_ capture: String) throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            let records = try Self.records(capture)
            #expect(records.count == 2)
            for topic in records.keys { try log.createTopic(topic) }
            let writer = FileLogWriter(log)
            defer { writer.close() }
            // Two runs with an optimizing commit between them, then another optimizing commit.
            for half in 0..<2 {
                for (topic, all) in records {
                    let middle = all.count / 2
                    let part = half == 0 ? all[..<middle] : all[middle...]
                    try DebeziumHistory.append(Array(part), to: writer, topic: topic)
                }
                let progress = try fixture.run(Self.topology)
                #expect(progress.deadLetters == 0)
                for name in ["shop.customers", "shop.orders"] {
                    _ = try FullOptimize(fixture.table(name), nowMilliseconds: 1_700_000_000_000).run()
                }
            }
            for name in ["customers", "orders"] {
                let table = try fixture.table("shop." + name)
                let expected = try Self.finalRows(name, table.schema)
                let comparable = ComparableRows(table.schema)
                var rows: [String] = []
                try MergeOnReadScan(table).forEachInOrder { (batch) throws(WeirError) in
                    rows += (try? comparable.texts(batch)) ?? []
                    return true
                }
                #expect(ComparableRows.difference(rows.sorted(), expected) == "", "\(name) of \(capture)")
                guard Peers.shouldRun else { continue }
                let database = folder + "/catalog.db"
                let output = try Peers.run("engine_rows.py", [database, folder, "shop." + name])
                var found: [String: [String]] = [:]
                for line in output.split(separator: "\n") {
                    let object = try #require(try JSONValue.parse(String(line)).asObject)
                    let row = try #require(object["row"], "\(line)")
                    found[try object.string("engine"), default: []].append(comparable.text(row))
                }
                for engine in ["pyiceberg", "duckdb"] {
                    let difference = ComparableRows.difference(expected, (found[engine] ?? []).sorted())
                    #expect(difference == "", "\(engine) on \(name) of \(capture)")
                }
            }
        }
    }
}
