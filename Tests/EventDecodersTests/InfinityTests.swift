import ChangeEvents
import Columnar
import EventLog
import Testing

@testable import EventDecoders

/// PostgreSQL's infinity, which is a number in some of Debezium's forms and text in others.
struct InfinityTests {
    private static func events(_ values: [String]) -> RawBatch {
        RawBatch(values.map { Event("{\"after\":{\"id\":1,\"at\":\($0)},\"op\":\"c\"}") })
    }

    private static func decoder(_ type: FieldType, units: MemoryUnits? = nil) -> DebeziumJSONDecoder {
        let target = TableTarget(index: 0, schema: Schema(["id": .long, "at": type]), primaryKey: ["id"])
        return DebeziumJSONDecoder(DebeziumJSONOptions(), units: units) { _ in [target] }
    }

    private static func told(_ unit: TimeUnit) -> DebeziumJSONDecoder {
        let target = TableTarget(index: 0, schema: Schema(["id": .long, "at": .timestamp]), primaryKey: ["id"])
        var options = DebeziumJSONOptions()
        options.timestampUnit = unit
        return DebeziumJSONDecoder(options, units: MemoryUnits()) { _ in [target] }
    }

    private static func values(_ decoded: DecodedBatch) -> [String] {
        decoded.changes.first.map { $0.batch.lines.map { String($0.split(separator: "|").last ?? "") } } ?? []
    }

    private static let ends = ["9223372036825200000", "-9223372036832400000"]
    private static let endsInMillis = ["9223372036825200", "-9223372036832400"]

    @Test(arguments: [FieldType.timestamp, .timestamptz])
    func `tells no unit and waits for none`(_ type: FieldType) throws {
        for values in [Self.ends, Self.endsInMillis] {
            let units = MemoryUnits()
            let decoder = Self.decoder(type, units: units)
            let decoded = try decoder.decode(Self.events(values + ["null", "0"]))
            #expect(decoded.doubts.isEmpty && decoded.rejected.isEmpty && decoded.notices.isEmpty)
            #expect(Self.values(decoded) == Self.ends + ["-", "0"] && units.kept.isEmpty)
        }
    }

    @Test func `is the same where other values tell the unit, before and after`() throws {
        let cases: [(unit: TimeUnit, value: String, ends: [String])] = [
            (.milliseconds, "1711961000000", Self.endsInMillis), (.milliseconds, "1711961000000", Self.ends),
            (.microseconds, "1711961000000000", Self.ends),
        ]
        for (unit, value, ends) in cases {
            let units = MemoryUnits()
            let decoder = Self.decoder(.timestamp, units: units)
            #expect(Self.values(try decoder.decode(Self.events(ends))) == Self.ends)
            for values in [ends + [value], ends, [value] + ends] {
                let decoded = try decoder.decode(Self.events(values))
                #expect(decoded.doubts.isEmpty && decoded.rejected.isEmpty, "\(unit) \(values)")
                let expected = values.map { value in
                    ends.firstIndex(of: value).map { Self.ends[$0] } ?? "1711961000000000"
                }
                #expect(Self.values(decoded) == expected)
            }
            #expect(units.kept.map(\.value) == [unit])
        }
    }

    @Test func `is the same under a told unit, whatever comes before it in a batch`() throws {
        for (unit, value) in [(TimeUnit.milliseconds, "1711961000000"), (.microseconds, "1711961000000000")] {
            for values in [Self.ends, Self.ends + [value], [value] + Self.ends] {
                let decoded = try Self.told(unit).decode(Self.events(values))
                #expect(decoded.rejected.isEmpty && decoded.doubts.isEmpty, "\(unit) \(values)")
                #expect(Self.values(decoded) == values.map { $0 == value ? "1711961000000000" : $0 })
            }
        }
    }

    @Test func `does not hide that other values tell nothing`() throws {
        let decoded = try Self.decoder(.timestamp).decode(Self.events(Self.ends + ["1500"]))
        #expect(decoded.doubts.map(\.reason) == [.unclear] && decoded.doubts.first?.value == 1500)
    }

    @Test(arguments: [FieldType.timestamp, .timestamptz, .date], ["infinity", "-infinity", "Infinity"])
    func `has a reason of its own as text`(_ type: FieldType, _ text: String) throws {
        let decoded = try Self.decoder(type).decode(Self.events(["\"\(text)\""]))
        #expect(
            decoded.rejected.map(\.reason) == [
                "after.at: expected \(type), found \"\(text)\": it is PostgreSQL's infinity, which is no point in time"
            ]
        )
    }

    @Test func `has that reason where the schema block's unit does not reach it`() throws {
        let schema = "\"type\":\"int64\",\"name\":\"io.debezium.time.Timestamp\",\"field\":\"at\""
        let row = "{\"type\":\"struct\",\"field\":\"after\",\"fields\":[{\(schema)}]}"
        let payload = "{\"after\":{\"id\":1,\"at\":\(Self.ends[0])},\"op\":\"c\"}"
        let event = Event("{\"schema\":{\"type\":\"struct\",\"fields\":[\(row)]},\"payload\":\(payload)}")
        let decoded = try Self.decoder(.timestamp).decode(RawBatch([event]))
        #expect(decoded.rejected.first?.reason.hasSuffix("PostgreSQL's infinity, which is no point in time") == true)
    }

    @Test func `is not what other wrong text is`() throws {
        let date = try Self.decoder(.date).decode(Self.events(["\"soon\""]))
        #expect(
            date.rejected.map(\.reason) == ["after.at: expected date, found \"soon\": it must be an ISO 8601 date"]
        )
        let time = try Self.decoder(.time).decode(Self.events(["\"infinity\""]))
        #expect(time.rejected.first?.reason.contains("without a zone offset") == true)
    }
}
