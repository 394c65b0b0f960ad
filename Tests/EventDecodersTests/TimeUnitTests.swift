import Bytes
import ChangeEvents
import Columnar
import EventLog
import Testing

@testable import EventDecoders

/// Units of integers in time columns without a schema block.
struct TimeUnitTests {
    private static func events(_ values: [String], column: String = "at") -> RawBatch {
        let source = "{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"orders\"}"
        return RawBatch(
            values.enumerated().map { id, value in
                Event("{\"after\":{\"id\":\(id),\"\(column)\":\(value)},\"source\":\(source),\"op\":\"c\"}")
            }
        )
    }

    private static let table = SourceTable(
        database: "shop",
        schema: "public",
        table: "orders",
        topic: "shop.public.orders"
    )

    private static func column(isTimeOfDay: Bool = false) -> SourceColumn {
        SourceColumn(source: table, name: "at", isTimeOfDay: isTimeOfDay)
    }

    private static func decoder(
        _ type: FieldType = .timestamp,
        _ options: DebeziumJSONOptions = DebeziumJSONOptions(),
        units: MemoryUnits? = nil
    ) -> DebeziumJSONDecoder {
        let target = TableTarget(index: 0, schema: Schema(["id": .long, "at": type]), primaryKey: ["id"])
        return DebeziumJSONDecoder(options, units: units) { _ in [target] }
    }

    /// The reason of the only doubt of a batch without other results.
    private static func reason(_ decoded: DecodedBatch) throws -> UnitDoubt.Reason {
        #expect(decoded.changes.isEmpty && decoded.doubts.count == 1)
        return try #require(decoded.doubts.first).reason
    }

    private static func values(_ decoded: DecodedBatch) -> [String] {
        decoded.changes.first.map { $0.batch.lines.map { String($0.split(separator: "|").last ?? "") } } ?? []
    }

    @Test(arguments: [
        ("1711961000000", TimeUnit.milliseconds, "1711961000000000"),
        ("1711961000123456", .microseconds, "1711961000123456"),
        ("1711961000123456789", .nanoseconds, "1711961000123456"),
        ("-2208988800000", .milliseconds, "-2208988800000000"),
        // The end of the year 9999, which as microseconds would be in 1978.
        ("253402300799000", .milliseconds, "253402300799000000"),
        ("253402300799000000", .microseconds, "253402300799000000"),
    ])
    func `the value tells its unit, once`(
        _ value: String,
        _ unit: TimeUnit,
        _ micros: String
    ) throws {
        let decoder = Self.decoder()
        let decoded = try decoder.decode(Self.events([value, "null", "0", value]))
        #expect(Self.values(decoded) == [micros, "-", "0", micros])
        let number = try #require(Int64(value))
        #expect(decoded.notices == [.derivedUnit(Self.column(), unit, value: number)])
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

    @Test func `a value that tells nothing waits for one of its batch, and is in doubt without`() throws {
        let decoder = Self.decoder()
        let early = try decoder.decode(Self.events(["0", "1500"]))
        #expect(try Self.reason(early) == .unclear && early.rejected.isEmpty)
        #expect(early.doubts[0].value == 1500 && early.doubts[0].offset == 101)
        let told = try decoder.decode(Self.events(["1500", "1711961000000", "-62135596800000"]))
        #expect(Self.values(told) == ["1500000", "1711961000000000", "-62135596800000000"])
        #expect(told.rejected.isEmpty && told.notices.count == 1)
        #expect(Self.values(try decoder.decode(Self.events(["1500"]))) == ["1500000"])
    }

    @Test(arguments: [
        // A birthday near the epoch in microseconds, which as milliseconds would be in 1973, and Oracle's maximum time.
        "100000000000", "-90000000000", "86549126400000", "9223372036854775807", "1",
    ])
    func `no value far from today says what its column counts`(_ value: String) throws {
        #expect(try Self.reason(Self.decoder().decode(Self.events([value]))) == .unclear)
    }

    @Test func `zero is zero whatever it counts`() throws {
        let decoder = Self.decoder()
        #expect(Self.values(try decoder.decode(Self.events(["0", "null", "0"]))) == ["0", "-", "0"])
        #expect(Self.values(try Self.decoder(.time).decode(Self.events(["0", "null"]))) == ["0", "-"])
    }

    @Test func `values of two units in one batch tell neither`() throws {
        let decoder = Self.decoder()
        let mixed = try decoder.decode(Self.events(["1711961000000", "1711961000123456", "1711961000001"]))
        #expect(try Self.reason(mixed) == .mixed(.milliseconds, earlier: 1_711_961_000_000, .microseconds))
        #expect(mixed.doubts[0].offset == 101)
        // The same if one of them alone does not determine the unit.
        let weak = try decoder.decode(Self.events(["1711961000000", "64000000000000"]))
        #expect(try Self.reason(weak) == .mixed(.milliseconds, earlier: 1_711_961_000_000, .microseconds))
        #expect(Self.values(try decoder.decode(Self.events(["1711961000123456"]))) == ["1711961000123456"])
    }

    @Test func `a value of another unit is in doubt, not another date, also behind a restart`() throws {
        let units = MemoryUnits()
        let decoder = Self.decoder(units: units)
        #expect(Self.values(try decoder.decode(Self.events(["1711961000000"]))) == ["1711961000000000"])
        for decoder in [decoder, Self.decoder(units: units)] {
            let decoded = try decoder.decode(Self.events(["1711961000001", "1711961000123456"]))
            #expect(try Self.reason(decoded) == .contradicted(.milliseconds, .microseconds))
            #expect(decoded.doubts[0].offset == 101 && decoded.notices.isEmpty)
            let values = ["1711961000001", "253402300799000", "-62135596800000", "1500"]
            // Oracle's maximum time, which read as microseconds is in 1972.
            let far = try decoder.decode(Self.events(["86549126400000"]))
            #expect(try Self.reason(far) == .contradicted(.milliseconds, .microseconds))
            // The year 800, which is before the range of milliseconds.
            let early = try decoder.decode(Self.events(["-36901814137009251"]))
            #expect(try Self.reason(early) == .contradicted(.milliseconds, .microseconds))
            let fine = try decoder.decode(Self.events(values))
            #expect(fine.doubts.isEmpty && Self.values(fine) == values.map { $0 + "000" })
        }
        var options = DebeziumJSONOptions()
        options.timestampUnit = .milliseconds
        let told = try Self.decoder(.timestamp, options, units: units).decode(Self.events(["1711961000123456"]))
        #expect(Self.values(told) == ["1711961000123456000"])
    }

    @Test func `records that are no rows say nothing of units`() throws {
        let source = "{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"orders\"}"
        let good = "{\"after\":{\"id\":1,\"at\":1711961000000},\"source\":\(source),\"op\":\"c\"}"
        let bad = "{\"after\":{\"at\":1711961000123456,\"id\":\"one\"},\"source\":\(source),\"op\":\"c\"}"
        let decoded = try Self.decoder().decode(RawBatch([Event(bad), Event(good), Event(bad)]))
        #expect(decoded.doubts.isEmpty && decoded.rejected.count == 2)
        #expect(Self.values(decoded) == ["1711961000000000"])
    }

    @Test func `a record that is refused says nothing of units in any pass`() throws {
        let schema = Schema(["id": .long, "n": .long, "at": .timestamp, "later": .timestamp])
        let target = TableTarget(index: 0, schema: schema, primaryKey: ["id"])
        let decoder = DebeziumJSONDecoder { _ in target }
        let source = "\"source\":{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"orders\"},\"op\":\"c\""
        let decoded = try decoder.decode(
            RawBatch([
                Event("{\"after\":{\"id\":1,\"N\":\"abc\",\"later\":1711961000000},\(source)}"),
                Event("{\"after\":{\"id\":2,\"N\":5,\"n\":6,\"at\":1711961000000},\(source)}"),
            ])
        )
        #expect(decoded.doubts.isEmpty && decoded.rejected.map(\.offset) == [100])
        #expect(decoded.changes[0].batch.lines == ["101 +I 2|6|1711961000000000|-"])
        #expect(decoded.notices.count { if case .derivedUnit = $0 { true } else { false } } == 1)
    }

    @Test func `whoever keeps a unit first has it, and other values are in doubt`() throws {
        let units = MemoryUnits()
        units.others = .microseconds
        let decoder = Self.decoder(units: units)
        let late = try decoder.decode(Self.events(["1711961000000"]))
        #expect(try Self.reason(late) == .contradicted(.microseconds, .milliseconds))
        #expect(late.notices.isEmpty)
        #expect(Self.values(try decoder.decode(Self.events(["1711961000123456"]))) == ["1711961000123456"])
    }

    @Test func `a unit that another process stores meanwhile settles values that tell none`() throws {
        let units = MemoryUnits()
        let decoder = Self.decoder(units: units)
        // The column is known from here on, without a unit.
        _ = try decoder.decode(Self.events(["0"]))
        #expect(try Self.reason(decoder.decode(Self.events(["1500"]))) == .unclear)
        _ = try Self.decoder(units: units).decode(Self.events(["1711961000000"]))
        let decoded = try decoder.decode(Self.events(["1500", "-62135596800000"]))
        #expect(Self.values(decoded) == ["1500000", "-62135596800000000"] && decoded.notices.isEmpty)
        // Values that look like two units are compared with the stored one.
        let late = Self.decoder(units: MemoryUnits(later: units))
        let mixed = try late.decode(Self.events(["1711961000000", "64000000000000"]))
        #expect(try Self.reason(mixed) == .contradicted(.milliseconds, .microseconds))
    }

    // MARK: January 1970

    @Test(arguments: [
        (TimeUnit.milliseconds, "1711961001", LargerUnit.seconds), (.microseconds, "1711961001", .seconds),
        (.nanoseconds, "1711961001", .seconds),
    ])
    func `seconds instead of the derived unit are in doubt where a batch has nothing else`(
        _ unit: TimeUnit,
        _ value: String,
        _ larger: LargerUnit
    ) throws {
        let usual = "1711961000" + (unit == .milliseconds ? "000" : unit == .microseconds ? "000000" : "000000000")
        let units = MemoryUnits()
        let decoder = Self.decoder(units: units)
        _ = try decoder.decode(Self.events([usual]))
        // Also as the first batch of a later run, and with values that say nothing.
        for decoder in [decoder, Self.decoder(units: units)] {
            let decoded = try decoder.decode(Self.events(["0", value, "null", "1711961002", "5"]))
            #expect(try Self.reason(decoded) == .early(unit, larger))
            #expect(decoded.doubts[0].value == 1_711_961_001 && decoded.doubts[0].offset == 101)
            #expect(Self.values(try decoder.decode(Self.events([usual, value, "0"]))).count == 3)
        }
    }

    @Test(arguments: [
        (TimeUnit.milliseconds, "1711961001", LargerUnit.seconds), (.microseconds, "1711961001", .seconds),
        (.microseconds, "1711961000123", .unit(.milliseconds)), (.nanoseconds, "1711961000123", .unit(.milliseconds)),
        (.nanoseconds, "1711961000123456", .unit(.microseconds)),
    ])
    func `a told unit that puts a whole batch into January 1970 is told once, and holds`(
        _ unit: TimeUnit,
        _ value: String,
        _ larger: LargerUnit
    ) throws {
        var options = DebeziumJSONOptions()
        options.timestampUnit = unit
        let decoder = Self.decoder(.timestamp, options, units: MemoryUnits())
        let decoded = try decoder.decode(Self.events([value, "0", value]))
        let number = try #require(Int64(value))
        #expect(decoded.notices == [.earlyTimes(Self.column(), unit, larger: larger, value: number, offset: 100)])
        #expect(Self.values(decoded).count == 3 && decoded.doubts.isEmpty)
        #expect(try decoder.decode(Self.events([value])).notices.isEmpty)
    }

    @Test func `true times of January 1970 raise no alarm among others, nor as days and hours`() throws {
        var told = DebeziumJSONOptions()
        told.timestampUnit = .milliseconds
        let day = 86_400_000
        for options in [DebeziumJSONOptions(), told] {
            let decoder = Self.decoder(.timestamp, options)
            #expect(try decoder.decode(Self.events(["1711961000000"])).doubts.isEmpty)
            // Few among others, whatever comes first; birthdays; a time that no larger unit makes usual; the end of time.
            let batches = [
                ["1711961001", "1711961000000", "1711961002"], ["1711961001", "-1000000000000"],
                (4..<31).map { "\($0 * day)" }, (4..<31).map { "\($0 * day - 19_800_000)" },
                ["1500", "0", "-1711961001"],
                ["1711961001", "253402214400000"], ["2700000000"],
            ]
            for values in batches {
                let decoded = try decoder.decode(Self.events(values))
                #expect(decoded.doubts.isEmpty && decoded.notices.isEmpty, "\(values)")
                #expect(Self.values(decoded) == values.map { $0 == "0" ? "0" : $0 + "000" })
            }
            let refused = try decoder.decode(
                RawBatch(
                    [Event("{\"after\":{\"id\":\"no\",\"at\":1711961001},\"op\":\"c\"}")],
                    topic: "shop.public.orders"
                )
            )
            #expect(refused.doubts.isEmpty && refused.notices.isEmpty)
        }
        // Another source table's times say nothing about these.
        let options = told
        let target = TableTarget(index: 0, schema: Schema(["id": .long, "at": .timestamp]), primaryKey: ["id"])
        let both = try DebeziumJSONDecoder(options) { _ in [target] }.decode(
            RawBatch(
                ["a", "b"].enumerated().map { id, name in
                    let at = name == "a" ? "1711961000000" : "1711961001"
                    return Event(
                        "{\"after\":{\"id\":\(id),\"at\":\(at)},\"source\":{\"table\":\"\(name)\"},\"op\":\"c\"}"
                    )
                }
            )
        )
        #expect(both.notices.count == 1)
        if case .earlyTimes(let column, _, _, _, _)? = both.notices.first { #expect(column.source.table == "b") }
    }

    @Test func `nothing is kept of a batch that cannot be read`() throws {
        let units = MemoryUnits()
        let schema = Schema(["id": .long, "a": .timestamp, "b": .timestamp])
        let decoder = DebeziumJSONDecoder(DebeziumJSONOptions(), units: units) { _ in
            [TableTarget(index: 0, schema: schema, primaryKey: ["id"])]
        }
        let row = "{\"id\":1,\"a\":1711961000000,\"b\":7}"
        let decoded = try decoder.decode(RawBatch([Event("{\"after\":\(row),\"op\":\"c\"}")]))
        #expect(decoded.doubts.map(\.column.name) == ["b"] && units.kept.isEmpty)
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
        #expect(Self.values(decoded) == ["30000", "36000000000"])
        #expect(decoded.notices == [.derivedUnit(Self.column(isTimeOfDay: true), .microseconds, value: 36_000_000_000)])
        let early = try Self.decoder(.time).decode(Self.events(["30000", "0"]))
        #expect(try Self.reason(early) == .unclear)
        var options = DebeziumJSONOptions()
        options.timeUnits = ["at": .milliseconds]
        #expect(Self.values(try Self.decoder(.time, options).decode(Self.events(["30000"]))) == ["30000000"])
    }

    @Test func `times beyond a day of microseconds are nanoseconds, unless they may be MySQL's long ones`() throws {
        let nanos = ["36000000000000", "3600000000", "90000000000"]
        let decoded = try Self.decoder(.time).decode(Self.events(nanos))
        #expect(Self.values(decoded) == ["36000000000", "3600000", "90000000"])
        #expect(try Self.reason(Self.decoder(.time).decode(Self.events(["90000000000"]))) == .unclear)
        let both = ["36000000000", "90000000000"]
        #expect(
            try Self.reason(Self.decoder(.time).decode(Self.events(both)))
                == .mixed(.microseconds, earlier: 36_000_000_000, .nanoseconds)
        )
        let micros = Self.decoder(.time)
        #expect(Self.values(try micros.decode(Self.events(["36000000000"]))) == ["36000000000"])
        #expect(
            try Self.reason(micros.decode(Self.events(["36000000000000"])))
                == .contradicted(.microseconds, .nanoseconds)
        )
        // A value that is not a time of day in any unit only rejects its record.
        let wrong = try micros.decode(Self.events(["-1", "86400000000000", "1"]))
        #expect(wrong.doubts.isEmpty && wrong.rejected.count == 2 && Self.values(wrong) == ["1"])
        #expect(try Self.decoder(.time).decode(Self.events(["-36000000000", "86400000000000"])).rejected.count == 2)
    }
}
