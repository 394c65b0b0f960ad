import Columnar
import EventLog
import Testing

@testable import EventDecoders

/// Debezium's own events contain no row changes.
struct WithoutRowsTests {
    private static func decode(_ values: [String]) throws -> DecodedBatch {
        let target = TableTarget(index: 0, schema: Schema(["id": .long]), primaryKey: ["id"])
        return try DebeziumJSONDecoder { _ in target }.decode(RawBatch(values.map { Event($0) }))
    }

    @Test(arguments: [
        #"{"ts_ms":1711961000000}"#, #"{"ts_ms":1711961000000,"ts_us":1711961000000000,"ts_ns":1}"#,
        #"{"status":"BEGIN","id":"571:1","ts_ms":1,"event_count":null,"data_collections":null}"#,
        #"{"status":"END","id":"571:1","ts_ms":1,"event_count":2,"data_collections":[{"data_collection":"a","event_count":2}]}"#,
        #"{"source":{"db":"shop"},"ts_ms":1,"databaseName":"shop","ddl":"ALTER TABLE orders ADD v int","tableChanges":[]}"#,
        #"{"op":"m","source":{"db":"shop","schema":"","table":""},"message":{"prefix":"p","content":"cA=="}}"#,
    ])
    func `are counted and left out, with and without a schema block`(_ value: String) throws {
        let schema = #"{"type":"struct","fields":[{"type":"int64","field":"ts_ms"}]}"#
        let decoded = try Self.decode([value, #"{"schema":\#(schema),"payload":\#(value)}"#])
        #expect(decoded.withoutRows == 2 && decoded.ignored == 0 && decoded.tombstones == 0)
        #expect(decoded.rejected.isEmpty && decoded.changes.isEmpty, "\(decoded.rejected.map(\.reason))")
    }

    @Test func `a truncate is told each time it happens`() throws {
        let truncate =
            #"{"before":null,"after":null,"source":{"db":"shop","schema":"public","table":"orders"},"op":"t"}"#
        let decoded = try Self.decode([truncate, truncate])
        let table = SourceTable(database: "shop", schema: "public", table: "orders", topic: "shop.public.orders")
        #expect(decoded.withoutRows == 2 && decoded.rejected.isEmpty)
        #expect(decoded.notices == [.truncated(table, offset: 100), .truncated(table, offset: 101)])
    }

    @Test(arguments: [
        "{}", #"{"id":1}"#, #"{"id":1,"status":"BEGIN"}"#, #"{"ts_ms":1,"id":1}"#, #"{"ddl":"text","id":1}"#,
        #"{"after":{"id":1}}"#,
    ])
    func `rows that are no events stay dead letters`(_ value: String) throws {
        let decoded = try Self.decode([value])
        #expect(decoded.withoutRows == 0 && decoded.rejected.count == 1)
    }
}
