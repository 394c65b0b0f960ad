import Columnar
import EventLog
import Testing

@testable import EventDecoders

/// What integers count in time columns that no schema block describes.
struct TimeUnitTests {
    private static func events(_ values: [String], column: String = "at") -> RawBatch {
        let source = "{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"orders\"}"
        return RawBatch(
            values.enumerated().map { id, value in
                Event("{\"after\":{\"id\":\(id),\"\(column)\":\(value)},\"source\":\(source),\"op\":\"c\"}")
            }
        )
    }

    private static func decoder(
        _ type: FieldType = .timestamp,
        _ options: DebeziumJSONOptions = DebeziumJSONOptions()
    ) -> DebeziumJSONDecoder {
        let target = TableTarget(index: 0, schema: Schema(["id": .long, "at": type]), primaryKey: ["id"])
        return DebeziumJSONDecoder(options: options) { _ in target }
    }

    private static func values(_ decoded: DecodedBatch) -> [String] {
        decoded.changes.first.map { $0.batch.lines.map { String($0.split(separator: "|").last ?? "") } } ?? []
    }

    @Test(arguments: [
        ("1711961000000", DebeziumJSONOptions.TimeUnit.milliseconds, "1711961000000000"),
        ("1711961000123456", .microseconds, "1711961000123456"),
        ("1711961000123456789", .nanoseconds, "1711961000123456"),
        ("-2208988800000", .milliseconds, "-2208988800000000"),
        // The end of the year 9999, which as microseconds would be in 1978.
        ("253402300799000", .milliseconds, "253402300799000000"),
        ("253402300799000000", .microseconds, "253402300799000000"),
    ])
    func `the value tells its unit, once`(
        _ value: String,
        _ unit: DebeziumJSONOptions.TimeUnit,
        _ micros: String
    ) throws {
        let decoder = Self.decoder()
        let decoded = try decoder.decode(Self.events([value, "null", "0", value]))
        #expect(Self.values(decoded) == [micros, "-", "0", micros])
        let table = SourceTable(database: "shop", schema: "public", table: "orders", topic: "shop.public.orders")
        let number = try #require(Int64(value))
        #expect(decoded.notices == [.derivedUnit(table, column: "at", unit, isTimeOfDay: false, value: number)])
        #expect(try decoder.decode(Self.events([value])).notices.isEmpty)
    }

    @Test func `two columns of one table may have two units`() throws {
        let schema = Schema(["id": .long, "a": .timestamp, "b": .timestamptz])
        let target = TableTarget(index: 0, schema: schema, primaryKey: ["id"])
        let decoder = DebeziumJSONDecoder { _ in target }
        let row = "{\"id\":1,\"a\":1711961000000,\"b\":1711961000123456}"
        let decoded = try decoder.decode(RawBatch([Event("{\"after\":\(row),\"op\":\"c\"}")]))
        #expect(decoded.changes[0].batch.lines == ["100 +I 1|1711961000000000|1711961000123456"])
        #expect(decoded.notices.count == 2)
    }

    @Test func `a value that tells nothing waits for one of its batch, and is refused without`() throws {
        let decoder = Self.decoder()
        let early = try decoder.decode(Self.events(["1500", "0"]))
        #expect(early.rejected.count == 1 && Self.values(early) == ["0"])
        #expect(early.rejected.first?.reason.contains("debezium-json.timestamp-unit.at says it") == true)
        let told = try decoder.decode(Self.events(["1500", "1711961000000", "-62135596800000"]))
        #expect(Self.values(told) == ["1500000", "1711961000000000", "-62135596800000000"])
        #expect(told.rejected.isEmpty && told.notices.count == 1)
        #expect(Self.values(try decoder.decode(Self.events(["1500"]))) == ["1500000"])
    }

    @Test func `a value of another unit is refused, not stored as another date`() throws {
        let decoder = Self.decoder()
        let decoded = try decoder.decode(Self.events(["1711961000000", "1711961000123456", "1711961000001"]))
        #expect(Self.values(decoded) == ["1711961000000000", "1711961000001000"])
        let reason = try #require(decoded.rejected.first?.reason)
        #expect(reason.contains("count milliseconds, this one looks like microseconds"), "\(reason)")
        let other = Self.decoder()
        let second = try other.decode(Self.events(["1711961000123456", "1711961000000"]))
        #expect(Self.values(second) == ["1711961000123456"] && second.rejected.count == 1)
    }

    @Test func `options settle it, the most exact one first, and no value is questioned then`() throws {
        var options = DebeziumJSONOptions()
        options.timestampUnit = .milliseconds
        let values = ["1500", "1711961000123456"]
        let all = try Self.decoder(.timestamp, options).decode(Self.events(values))
        #expect(Self.values(all) == ["1500000", "1711961000123456000"] && all.notices.isEmpty)
        options.timestampUnits = ["at": .microseconds]
        #expect(Self.values(try Self.decoder(.timestamp, options).decode(Self.events(values))) == values)
        options.timestampUnits["orders.at"] = .nanoseconds
        #expect(Self.values(try Self.decoder(.timestamp, options).decode(Self.events(["1500"]))) == ["1"])
        options.timestampUnits["shop.public.orders.at"] = .microseconds
        #expect(Self.values(try Self.decoder(.timestamp, options).decode(Self.events(["1500"]))) == ["1500"])
        options.timestampUnits = ["other.at": .nanoseconds, "t": .nanoseconds]
        #expect(Self.values(try Self.decoder(.timestamp, options).decode(Self.events(["1500"]))) == ["1500000"])
    }

    @Test func `times of day tell when milliseconds cannot be that many`() throws {
        let decoder = Self.decoder(.time)
        let decoded = try decoder.decode(Self.events(["30000", "36000000000"]))
        #expect(Self.values(decoded) == ["30000", "36000000000"] && decoded.notices.count == 1)
        let early = try Self.decoder(.time).decode(Self.events(["30000", "0"]))
        #expect(early.rejected.first?.reason.contains("debezium-json.time-unit.at says it") == true)
        var options = DebeziumJSONOptions()
        options.timeUnits = ["at": .milliseconds]
        #expect(Self.values(try Self.decoder(.time, options).decode(Self.events(["30000"]))) == ["30000000"])
    }
}
