import ChangeEvents
import Columnar
import EventLog
import Testing

@testable import EventDecoders

/// Times with digits below a microsecond, in keys and in other columns.
struct TimePrecisionTests {
    private static let nano = "\"type\":\"int64\",\"name\":\"io.debezium.time."

    private static func target(_ type: FieldType, key: [String], index: Int = 0) -> TableTarget {
        TableTarget(index: index, schema: Schema(["id": .long, "at": type]), primaryKey: key)
    }

    private static func event(_ values: String, op: String = "c", before: String = "null", schema: String? = nil)
        -> Event
    {
        let payload = "{\"before\":\(before),\"after\":\(values),\"op\":\"\(op)\"}"
        guard let schema else { return Event(payload) }
        let row = "{\"type\":\"struct\",\"field\":\"after\",\"fields\":[{\(schema),\"field\":\"at\"}]}"
        return Event("{\"schema\":{\"type\":\"struct\",\"fields\":[\(row)]},\"payload\":\(payload)}")
    }

    private static func reason(_ part: String, _ type: FieldType, _ found: String) -> String {
        "\(part).at: expected \(type), found \(found): it has digits below a microsecond, which a column of the primary "
            + "key cannot leave out"
    }

    struct Case: CustomStringConvertible, Sendable {
        let type: FieldType
        /// Two values that differ by a nanosecond, and the microseconds of both.
        let values: [String]
        let micros: String
        var schema: String?
        var unit: TimeUnit?

        var description: String { "\(type) \(values)" }
    }

    @Test(arguments: [
        Case(
            type: .timestamp,
            values: ["\"2024-03-01T10:00:00.123456001\"", "\"2024-03-01T10:00:00.123456002\""],
            micros: "1709287200123456"
        ),
        Case(
            type: .timestamptz,
            values: ["\"2024-03-01T12:00:00.123456001+02:00\"", "\"2024-03-01T10:00:00.1234560020Z\""],
            micros: "1709287200123456"
        ),
        // More digits than any clock has.
        Case(
            type: .timestamptz,
            values: ["\"2024-03-01T10:00:00.00000000000000000001Z\"", "\"2024-03-01T10:00:00.0000000000000000002Z\""],
            micros: "1709287200000000"
        ),
        Case(
            type: .time,
            values: ["\"10:20:30.500000001\"", "\"10:20:30.5000000000002\""],
            micros: "37230500000"
        ),
        Case(
            type: .time,
            values: ["\"10:20:30.500000001Z\"", "\"10:20:30.500000002Z\""],
            micros: "37230500000",
            schema: "\"type\":\"string\",\"name\":\"io.debezium.time.IsoTime\""
        ),
        Case(
            type: .timestamp,
            values: ["1709287200123456001", "1709287200123456999"],
            micros: "1709287200123456",
            schema: nano + "NanoTimestamp\""
        ),
        Case(type: .timestamptz, values: ["-1", "-999"], micros: "-1", schema: nano + "NanoTimestamp\""),
        Case(
            type: .time,
            values: ["37230500000001", "37230500000002"],
            micros: "37230500000",
            schema: nano + "NanoTime\""
        ),
        Case(type: .timestamp, values: ["1709287200123456001", "1709287200123456002"], micros: "1709287200123456"),
        Case(type: .timestamp, values: ["1501", "1502"], micros: "1", unit: .nanoseconds),
        Case(type: .time, values: ["37230500000001", "37230500000002"], micros: "37230500000"),
    ])
    func `keys that differ below a microsecond never become one row`(_ test: Case) throws {
        var options = DebeziumJSONOptions()
        options.timestampUnit = test.unit
        let events = test.values.map { Self.event("{\"id\":1,\"at\":\($0)}", schema: test.schema) }
        let keyed = DebeziumJSONDecoder(options: options) { _ in Self.target(test.type, key: ["id", "at"]) }
        let decoded = try keyed.decode(RawBatch(events))
        #expect(decoded.changes.isEmpty && decoded.doubts.isEmpty)
        let expected = test.values.map { Self.reason("after", test.type, $0) }
        #expect(decoded.rejected.map(\.reason) == expected)
        // Elsewhere the digits are cut.
        let plain = DebeziumJSONDecoder(options: options) { _ in Self.target(test.type, key: ["id"]) }
        let cut = try plain.decode(RawBatch(events))
        #expect(cut.rejected.isEmpty && cut.doubts.isEmpty)
        #expect(cut.changes.flatMap(\.batch.lines) == ["100 +I 1|\(test.micros)", "101 +I 1|\(test.micros)"])
    }

    @Test(arguments: ["\"2024-03-01T10:00:00.123456000Z\"", "\"2024-03-01T10:00:00.1234560000000000Z\""])
    func `zeros below a microsecond lose nothing`(_ value: String) throws {
        let decoder = DebeziumJSONDecoder { _ in Self.target(.timestamptz, key: ["at"]) }
        let decoded = try decoder.decode(RawBatch([Self.event("{\"id\":1,\"at\":\(value)}")]))
        #expect(decoded.changes.first?.batch.lines == ["100 +I 1|1709287200123456"])
    }

    @Test func `old rows and keys of deletes are no other rows, either`() throws {
        let decoder = DebeziumJSONDecoder { _ in Self.target(.timestamp, key: ["at"]) }
        let (exact, fine) = ("\"2024-03-01T10:00:00.123456\"", "\"2024-03-01T10:00:00.123456789\"")
        let row = { (value: String) in "{\"id\":1,\"at\":\(value)}" }
        let delete = "{\"before\":null,\"after\":null,\"op\":\"d\"}"
        let decoded = try decoder.decode(
            RawBatch([
                Self.event(row(exact), op: "u", before: row(fine)), Self.event(row(fine), op: "u", before: row(exact)),
                Self.event("null", op: "d", before: row(fine)), Event(delete, key: "{\"at\":\(fine)}"),
                Event(delete, key: "{\"at\":\(exact)}"),
            ])
        )
        let reasons = ["before", "after", "before", "key"].map { Self.reason($0, .timestamp, fine) }
        #expect(decoded.rejected.map(\.reason) == reasons)
        #expect(decoded.changes.first?.batch.lines == ["104 -D -|1709287200123456"])
    }

    @Test func `only the tables whose key has the column refuse the record`() throws {
        let targets = [
            Self.target(.timestamp, key: ["id"]), Self.target(.timestamp, key: ["at"], index: 1),
            Self.target(.timestamp, key: [], index: 2),
        ]
        let decoder = DebeziumJSONDecoder(DebeziumJSONOptions()) { _ in targets }
        let events = ["123456789", "5"].map { Self.event("{\"id\":1,\"at\":\"2024-03-01T10:00:00.\($0)\"}") }
        let decoded = try decoder.decode(RawBatch(events))
        let cut = ["100 +I 1|1709287200123456", "101 +I 1|1709287200500000"]
        #expect(decoded.changes.map(\.table) == [0, 1, 2])
        #expect(decoded.changes.map(\.batch.lines) == [cut, [cut[1]], cut])
        #expect(decoded.rejected.map(\.tables) == [[1]])
        #expect(decoded.rejected[0].reason == Self.reason("after", .timestamp, "\"2024-03-01T10:00:00.123456789\""))
    }
}
