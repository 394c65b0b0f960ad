import Bytes
import EventLog
import Foundation
import StreamRuntime
import Testing
import WeirTesting

/// The content of a dead letter.
@Suite struct DeadLetterTests {
    private static let topology = """
        name: test
        source: { name: visits, type: file-log, topics: [visits], format: debezium-json }
        tables:
          - { name: shop.visits, columns: { id: long, who: string } }
          - { name: shop.people, columns: { id: long, ratio: int }, primary-key: [id] }
        transform: [{ source-table: shop.people, projection: "id, CAST(100 / ratio AS int) AS ratio" }]
        route: [{ source-table: shop.public.(.*), sink-table: shop.$1 }]
        sink: { type: mixed-iceberg }
        """

    /// The dead letters of the records, by offset.
    private static func letters(_ values: [[UInt8]], _ topology: String = topology) throws -> [Int64: DeadLetter] {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("visits")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            for value in values {
                var builder = RecordBatchBuilder()
                try value.withUnsafeBytes { try builder.append(key: nil, value: $0, timestamp: 1) }
                _ = try writer.append(topic: "visits", partition: 0, records: builder.finish())
            }
            try fixture.run(topology)
            let text = try String(contentsOfFile: fixture.deadLetters, encoding: .utf8)
            let letters = try text.split(separator: "\n").map {
                try JSONDecoder().decode(DeadLetter.self, from: Data($0.utf8))
            }
            return Dictionary(letters.map { ($0.offset, $0) }) { first, _ in first }
        }
    }

    private static func event(_ table: String, _ operation: String, before: String, after: String) -> [UInt8] {
        let source = "{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"\(table)\"}"
        return [UInt8]("{\"before\":\(before),\"after\":\(after),\"source\":\(source),\"op\":\"\(operation)\"}".utf8)
    }

    @Test func `bytes that are no text are kept as they are`() throws {
        let found = try Self.letters([[0x00, 0xff, 0xc3, 0x28], [UInt8]("no JSON ü".utf8)])
        #expect(found[0]?.value == nil && found[0]?.valueBase64 == "AP/DKA==")
        #expect(found[1]?.value == "no JSON ü" && found[1]?.valueBase64 == nil)
        #expect(found[1]?.valueBytes == nil)
    }

    @Test func `of a long value the beginning is kept, to a whole character, with its length`() throws {
        let long = [UInt8](("x" + String(repeating: "ü", count: 40_000)).utf8)
        let letter = try #require(try Self.letters([long])[0])
        #expect(letter.valueBytes == long.count)
        #expect(letter.value == "x" + String(repeating: "ü", count: 32_767))
    }

    @Test func `a change that a table refuses is told with its kind and row`() throws {
        let old = "{\"id\":1,\"who\":\"ada\"}"
        let new = "{\"id\":1,\"who\":\"eve\"}"
        let found = try Self.letters([
            Self.event("visits", "c", before: "null", after: old), Self.event("visits", "u", before: old, after: new),
            Self.event("visits", "d", before: new, after: "null"),
        ])
        #expect(found[0] == nil)
        #expect(found[1]?.op == "+U" && found[1]?.row == new && found[1]?.table == "shop.visits")
        #expect(found[2]?.op == "-D" && found[2]?.row == new)
        #expect(found[2]?.reason.contains("a delete cannot be applied") == true)
    }

    @Test func `a record whose expressions have no value is kept whole`() throws {
        let event = Self.event("people", "c", before: "null", after: "{\"id\":1,\"ratio\":0}")
        let letter = try #require(try Self.letters([event])[0])
        #expect(letter.value == String(decoding: event, as: UTF8.self) && letter.table == "shop.people", "\(letter)")
    }

    @Test func `a record whose expressions have no value keeps to 64 KiB, and so does a refused row`() throws {
        let text = String(repeating: "ü", count: 40_000)
        let failing = Self.event("people", "c", before: "null", after: "{\"id\":1,\"ratio\":0,\"more\":\"\(text)\"}")
        let row = "{\"id\":1,\"who\":\"\(text)\"}"
        let found = try Self.letters([failing, Self.event("visits", "d", before: row, after: "null")])
        #expect(found[0]?.valueBytes == failing.count && (found[0]?.value?.utf8.count ?? 0) <= 64 << 10)
        #expect(found[1]?.rowBytes == row.utf8.count && (found[1]?.row?.utf8.count ?? 0) <= 64 << 10)
    }

    @Test func `a letter has a time and its table`() throws {
        let found = try Self.letters([
            [UInt8]("no JSON".utf8), Self.event("visits", "c", before: "null", after: "{\"id\":\"x\"}"),
        ])
        for letter in found.values {
            #expect(try letter.time.map { try Date($0, strategy: .iso8601) } != nil, "\(letter)")
        }
        #expect(found[0]?.table == nil && found[1]?.table == "shop.visits")
    }

    @Test func `a record that several tables refuse has a letter of each`() throws {
        let two = Self.topology.replacing(
            "route: [",
            with: "route: [{ source-table: shop.public.visits, sink-table: shop.people }, "
        )
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("visits")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            var builder = RecordBatchBuilder()
            let value = Self.event("visits", "c", before: "null", after: "{\"id\":\"x\"}")
            try value.withUnsafeBytes { try builder.append(key: nil, value: $0, timestamp: 1) }
            _ = try writer.append(topic: "visits", partition: 0, records: builder.finish())
            let progress = try fixture.run(two)
            #expect(progress.deadLetters == 2 && progress.refused == 1 && progress.isAllRefused)
            let text = try String(contentsOfFile: fixture.deadLetters, encoding: .utf8)
            #expect(text.contains("\"table\":\"shop.people\"") && text.contains("\"table\":\"shop.visits\""))
        }
    }
}
