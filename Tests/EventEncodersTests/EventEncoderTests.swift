import Bytes
import ChangeEvents
import Columnar
import EventLog
import Testing

@testable import EventEncoders

struct EventEncoderTests {
    private static let schema = Schema(["id": .long, "name": .string, "amount": .decimal(precision: 12, scale: 2)])
    private static let source = "\"source\":{\"db\":\"shop\",\"table\":\"orders\"},\"ts_ms\":7}"

    private func row(_ id: Int64, _ name: String?, _ amount: Int128 = 1050) -> [Scalar] {
        [.long(id), name.map { .string($0) } ?? .null, .decimal(amount, scale: 2)]
    }

    private func encoder(
        _ format: EventFormat,
        key: [String] = ["id"],
        table: String = "shop.orders",
        partitions: [Int] = [0]
    ) throws -> EventEncoder {
        try EventEncoder(
            format,
            schema: Self.schema,
            primaryKey: key,
            table: table,
            topic: "t",
            partitions: partitions
        )
    }

    private func lines(_ encoder: EventEncoder, _ changes: [Change]) throws -> [String] {
        try encoder.encode(ChangeBatch(Self.schema, changes), nowMilliseconds: 7).flatMap(\.lines)
    }

    @Test func `debezium-json tells inserts, updates and deletes`() throws {
        let found = try lines(
            try encoder(.debeziumJSON),
            [
                Change(.insert, row(1, "a")), Change(.updateBefore, row(1, "a")), Change(.updateAfter, row(1, "b\"")),
                Change(.updateAfter, row(2, nil, -5)), Change(.delete, row(1, "b")),
            ]
        )
        let a = "{\"id\":1,\"name\":\"a\",\"amount\":10.50}"
        #expect(
            found == [
                "{\"id\":1} → {\"before\":null,\"after\":\(a),\"op\":\"c\",\(Self.source)",
                "{\"id\":1} → {\"before\":\(a),\"after\":{\"id\":1,\"name\":\"b\\\"\",\"amount\":10.50},\"op\":\"u\",\(Self.source)",
                "{\"id\":2} → {\"before\":null,\"after\":{\"id\":2,\"name\":null,\"amount\":-0.05},\"op\":\"u\",\(Self.source)",
                "{\"id\":1} → {\"before\":{\"id\":1,\"name\":\"b\",\"amount\":10.50},\"after\":null,\"op\":\"d\",\(Self.source)",
            ]
        )
    }

    @Test func `an update to another key is a delete and an insert`() throws {
        let changes = [
            Change(.updateBefore, row(1, "a")), Change(.updateAfter, row(2, "a")), Change(.updateAfter, row(3, "c")),
            Change(.updateBefore, row(4, "d")), Change(.insert, row(5, "e")), Change(.updateBefore, row(6, "f")),
        ]
        let operations = try lines(try encoder(.debeziumJSON), changes).map { line in
            line.prefix(8) + " " + (line.split(separator: "\"op\":\"").last?.prefix(1) ?? "")
        }
        #expect(
            operations == [
                "{\"id\":1} d", "{\"id\":2} c", "{\"id\":3} u", "{\"id\":4} d", "{\"id\":5} c", "{\"id\":6} d",
            ]
        )
    }

    @Test func `neighbours of a table without a key belong together`() throws {
        let found = try lines(
            try encoder(.debeziumJSON, key: [], table: "a.b.\"c\""),
            [Change(.updateBefore, row(1, "a")), Change(.updateAfter, row(2, "b"))]
        )
        #expect(found.count == 1 && found[0].hasPrefix("- → {\"before\":{\"id\":1,"), "\(found)")
        #expect(found[0].contains("\"source\":{\"db\":\"a\",\"schema\":\"b\",\"table\":\"\\\"c\\\"\"}"), "\(found)")
    }

    @Test func `json holds new rows and leaves deletes out`() throws {
        let encoder = try encoder(.json, partitions: [4, 2])
        let changes = [
            Change(.insert, row(1, "a")), Change(.updateBefore, row(1, "a")), Change(.updateAfter, row(1, "b")),
        ]
        let expected = ["a", "b"].map { "{\"id\":1} → {\"id\":1,\"name\":\"\($0)\",\"amount\":10.50}" }
        #expect(try lines(encoder, changes) == expected)
        #expect(!EventFormat.json.hasDeletes && EventFormat.allCases.filter(\.hasDeletes).count == 2)
        #expect(try lines(encoder, changes + [Change(.delete, row(1, "b"))]) == expected)
        #expect(try lines(encoder, [Change(.delete, row(1, "b"))]).isEmpty)
    }

    @Test func `upsert-kafka keeps the newest row by key`() throws {
        let found = try lines(
            try encoder(.upsertKafka, key: ["name", "id"]),
            [
                Change(.insert, row(1, "a")), Change(.updateBefore, row(1, "a")), Change(.updateAfter, row(1, "a", 0)),
                Change(.delete, row(1, "a")),
            ]
        )
        let key = "{\"name\":\"a\",\"id\":1}"
        #expect(
            found == [
                "\(key) → {\"id\":1,\"name\":\"a\",\"amount\":10.50}",
                "\(key) → {\"id\":1,\"name\":\"a\",\"amount\":0.00}",
                "\(key) → -",
            ]
        )
        let error = #expect(throws: WeirError.self) { try encoder(.upsertKafka, key: []) }
        #expect(error?.message == "upsert-kafka needs a primary key, and shop.orders has none")
        #expect(throws: WeirError.self) { try encoder(.json, key: ["idd"]) }
    }

    @Test func `records of a key meet in Kafka's partition, those without take turns`() throws {
        let changes = (0..<200).map { Change(.insert, row(Int64($0 % 20), "x")) }
        let batch = ChangeBatch(Self.schema, changes)
        let keyed = try encoder(.json, partitions: [7, 3, 5]).encode(batch, nowMilliseconds: 7)
        #expect(keyed.map(\.partition) == [3, 5, 7] && keyed.allSatisfy { $0.topic == "t" })
        #expect(keyed.map(\.count).reduce(0, +) == 200)
        for raw in keyed {
            for record in raw.records {
                let key = try #require(raw.key(record))
                #expect([3, 5, 7][KeyPartitioner.partition(of: key, count: 3)] == raw.partition)
                #expect(record.timestamp == 7)
            }
            let offsets = raw.records.map(\.offset)
            #expect(offsets == offsets.sorted())
            #expect(raw.arena.bytes.suffix(RawBatch.padding).allSatisfy { $0 == 0 })
        }
        let unkeyed = try encoder(.json, key: [], partitions: [7, 3, 5])
        #expect(try unkeyed.encode(batch, nowMilliseconds: 7).map(\.count) == [67, 67, 66])
        #expect(try unkeyed.encode(batch, nowMilliseconds: 7).map(\.count) == [67, 66, 67])
        #expect(try unkeyed.encode(ChangeBatch(Self.schema, []), nowMilliseconds: 7).isEmpty)
    }
}
