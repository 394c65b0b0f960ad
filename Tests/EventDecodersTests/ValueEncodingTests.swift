import Columnar
import EventLog
import Testing

@testable import EventDecoders

/// One value for one column type: accepted as exactly this, or rejected.
struct ValueEncodingTests {
    struct Case: CustomStringConvertible, Sendable {
        let type: FieldType
        let json: String
        /// The value's `Scalar.text`; nil when the record must be rejected.
        let expected: String?
        /// The column's Connect schema; nil without a schema block.
        var schema: String?

        init(_ type: FieldType, _ json: String, _ expected: String?, schema: String? = nil) {
            self.type = type
            self.json = json
            self.expected = expected
            self.schema = schema
        }

        var description: String { "\(type) \(json)" }
    }

    private func decode(
        _ type: FieldType,
        _ json: String,
        schema: String? = nil,
        options: DebeziumJSONOptions = DebeziumJSONOptions()
    ) throws -> (value: String?, reason: String?) {
        let target = TableTarget(index: 0, schema: Schema(["id": .long, "v": type]), primaryKey: ["id"])
        let decoder = DebeziumJSONDecoder(options: options) { _ in target }
        let payload = "{\"before\":null,\"after\":{\"id\":1,\"v\":\(json)},\"op\":\"c\"}"
        var value = payload
        if let schema {
            let columns = "[{\"type\":\"int64\",\"field\":\"id\"},{\(schema),\"field\":\"v\"}]"
            let row = "{\"type\":\"struct\",\"field\":\"after\",\"fields\":\(columns)}"
            value = "{\"schema\":{\"type\":\"struct\",\"fields\":[\(row)]},\"payload\":\(payload)}"
        }
        // Twice, so that a remembered schema block is used too.
        let decoded = try decoder.decode(RawBatch([Event(value), Event(value)]))
        if let rejected = decoded.rejected.first {
            #expect(decoded.rejected.count == 2 && decoded.changes.isEmpty)
            #expect(decoded.rejected[1].reason == rejected.reason)
            return (nil, rejected.reason)
        }
        let rows = decoded.changes[0].batch.rows
        #expect(rows.count == 2 && rows.columns[1].scalar(0).text == rows.columns[1].scalar(1).text)
        return (rows.columns[1].scalar(1).text, nil)
    }

    private func check(_ test: Case) throws {
        var options = DebeziumJSONOptions()
        options.timeUnit = .microseconds
        options.timestampUnit = .microseconds
        let result = try decode(test.type, test.json, schema: test.schema, options: options)
        #expect(result.value == test.expected, "\(result.reason ?? "")")
        if test.expected == nil { #expect(result.reason?.hasPrefix("after.v: expected \(test.type), found") == true) }
    }

    @Test(arguments: [
        Case(.boolean, "true", "true"), Case(.boolean, "false", "false"), Case(.boolean, "1", "true"),
        Case(.boolean, "0", "false"), Case(.boolean, "null", "-"), Case(.boolean, "2", nil),
        Case(.boolean, "\"true\"", nil), Case(.boolean, "truex", nil), Case(.boolean, "1.0", nil),
        Case(.int, "2147483647", "2147483647"), Case(.int, "-2147483648", "-2147483648"), Case(.int, "2147483648", nil),
        Case(.int, "-2147483649", nil), Case(.int, "1.0", nil), Case(.int, "1e3", nil), Case(.int, "\"1\"", nil),
        Case(.int, "01", nil), Case(.int, "-", nil), Case(.int, "true", nil), Case(.int, "{}", nil),
        Case(.int, "-0", "0"),
        Case(.long, "9223372036854775807", "9223372036854775807"),
        Case(.long, "-9223372036854775808", "-9223372036854775808"), Case(.long, "9223372036854775808", nil),
        Case(.long, "-9223372036854775809", nil), Case(.long, "99999999999999999999999999", nil),
        Case(.long, "12345678901234567", "12345678901234567"), Case(.long, "[1]", nil), Case(.long, "1\\u0030", nil),
        Case(.long, "\"__debezium_unavailable_value\"", nil),
    ])
    func `reads whole numbers and flags`(_ test: Case) throws { try check(test) }

    @Test(arguments: [
        Case(.double, "0.1", "0.1"), Case(.double, "-2", "-2.0"), Case(.double, "1e308", "1e+308"),
        Case(.double, "0.30000000000000004", "0.30000000000000004"), Case(.double, "1e309", nil),
        Case(.double, "5e-324", "5e-324"), Case(.double, "123456789012345678", "1.2345678901234568e+17"),
        Case(.double, "\"NaN\"", "nan"), Case(.double, "\"Infinity\"", "inf"), Case(.double, "\"-Infinity\"", "-inf"),
        Case(.double, "\"0.1\"", nil), Case(.double, ".5", nil), Case(.double, "1.", nil), Case(.double, "NaN", nil),
        Case(.double, "1.5x", nil), Case(.double, "-0.0", "-0.0"), Case(.float, "0.1", "0.1"),
        Case(.float, "0.33333334", "0.33333334"), Case(.float, "1e39", nil), Case(.float, "\"NaN\"", "nan"),
        Case(.float, "16777217", "16777216.0"),
    ])
    func `reads floating-point numbers`(_ test: Case) throws { try check(test) }

    static let money = FieldType.decimal(precision: 12, scale: 2)
    static let connectDecimal =
        "\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{\"scale\":\"2\"}"

    @Test(arguments: [
        Case(money, "\"14.20\"", "1420e-2"), Case(money, "\"-14.2\"", "-1420e-2"), Case(money, "\"+3\"", "300e-2"),
        Case(money, "14.20", "1420e-2"), Case(money, "0.01", "1e-2"), Case(money, "14.200000", "1420e-2"),
        Case(money, "14.2000000000000010", nil), Case(money, "14.205", nil), Case(money, "\"14.205\"", nil),
        Case(money, "\"1.5E+3\"", "150000e-2"), Case(money, "\"150E-2\"", "150e-2"), Case(money, "15e-3", nil),
        Case(money, "\"0E-10\"", "0e-2"), Case(money, "\"0.000\"", "0e-2"),
        Case(money, "9999999999.99", "999999999999e-2"),
        Case(money, "10000000000", nil), Case(money, "1e400", nil), Case(money, "\"1e99999999999\"", nil),
        Case(money, "\"\"", nil), Case(money, "\"1.2.3\"", nil), Case(money, "\"--1\"", nil), Case(money, "true", nil),
        Case(money, "\"NaN\"", nil), Case(money, "\"__debezium_unavailable_value\"", nil),
        // Text is decoded as base64 only if the schema says so, since a word may look like base64.
        Case(money, "\"Hu8=\"", nil), Case(money, "\"free\"", nil), Case(money, "\"1234\"", "123400e-2"),
        Case(money, "\"Hu8=\"", "7919e-2", schema: connectDecimal),
        // With the schema block it is base64 even where it looks like a number.
        Case(money, "\"1234\"", "-2658824e-2", schema: connectDecimal),
        Case(money, "\"14.20\"", nil, schema: connectDecimal), Case(money, "14.20", "1420e-2", schema: connectDecimal),
        Case(money, "\"Hu8=\"", nil, schema: "\"type\":\"string\""),
        Case(.decimal(precision: 12, scale: 3), "\"Hu8=\"", "79190e-3", schema: connectDecimal),
        Case(.decimal(precision: 12, scale: 1), "\"Hu8=\"", nil, schema: connectDecimal),
        Case(.decimal(precision: 12, scale: 1), "\"MDk=\"", nil, schema: connectDecimal),
        Case(.decimal(precision: 3, scale: 2), "\"Hu8=\"", nil, schema: connectDecimal),
        Case(money, "{\"scale\":1,\"value\":\"MDk=\"}", "123450e-2"),
        Case(money, "{\"value\":\"MDk=\",\"scale\":2}", "12345e-2"),
        Case(money, "{\"scale\":3,\"value\":\"MDk=\"}", nil), Case(money, "{\"scale\":1}", nil), Case(money, "{}", nil),
        Case(
            .decimal(precision: 38, scale: 0),
            "\"99999999999999999999999999999999999999\"",
            "99999999999999999999999999999999999999e-0"
        ),
        Case(.decimal(precision: 38, scale: 0), "\"100000000000000000000000000000000000000\"", nil),
        Case(.decimal(precision: 38, scale: 0), "\"340282366920938463463374607431768211456\"", nil),
        Case(.decimal(precision: 38, scale: 38), "0.00000000000000000000000000000000000001", "1e-38"),
        Case(
            .decimal(precision: 38, scale: 0),
            "\"//////////////////////////8=\"",
            "-1e-0",
            schema: connectDecimal.replacing("\"scale\":\"2\"", with: "\"scale\":\"0\"")
        ),
    ])
    func `reads decimals exactly`(_ test: Case) throws { try check(test) }

    static func named(_ name: String, type: String = "int64") -> String { "\"type\":\"\(type)\",\"name\":\"\(name)\"" }

    @Test(arguments: [
        Case(.date, "19782", "19782"), Case(.date, "-7268", "-7268"), Case(.date, "\"2024-02-29\"", "19782"),
        Case(.date, "\"2023-02-29\"", nil), Case(.date, "\"1969-12-31\"", "-1"), Case(.date, "\"2024-2-9\"", nil),
        Case(.date, "\"2024-02-29Z\"", "19782"), Case(.date, "2147483648", nil),
        Case(.date, "\"0001-01-01\"", "-719162"),
        Case(.date, "\"-0001-01-01\"", "-719893"), Case(.date, "\"+10000-01-01\"", "2932897"),
        Case(.date, "\"x\"", nil),
        Case(.date, "1.5", nil), Case(.date, "19782", "19782", schema: named("io.debezium.time.Date", type: "int32")),
        Case(.date, "19782", "19782", schema: named("org.apache.kafka.connect.data.Date", type: "int32")),
        Case(.date, "19782", nil, schema: named("io.debezium.time.MicroTime")),
        Case(.time, "1500000", "1500000"), Case(.time, "-1", nil), Case(.time, "86400000000", nil),
        Case(.time, "86399999999", "86399999999"), Case(.time, "\"10:00:01.5\"", "36001500000"),
        Case(.time, "\"10:00\"", "36000000000"), Case(.time, "\"24:00:00\"", nil), Case(.time, "\"10:00:01Z\"", nil),
        Case(.time, "1500", "1500000", schema: named("io.debezium.time.Time", type: "int32")),
        Case(.time, "1500", "1500000", schema: named("org.apache.kafka.connect.data.Time", type: "int32")),
        Case(.time, "1500", "1500", schema: named("io.debezium.time.MicroTime")),
        Case(.time, "1500", "1", schema: named("io.debezium.time.NanoTime")),
        Case(.time, "\"10:00:01Z\"", "36001000000", schema: named("io.debezium.time.IsoTime", type: "string")),
        Case(.timestamp, "1709287200123456", "1709287200123456"),
        Case(.timestamp, "1500", "1500000", schema: named("io.debezium.time.Timestamp")),
        Case(.timestamp, "1500", "1500000", schema: named("org.apache.kafka.connect.data.Timestamp")),
        Case(.timestamp, "1500", "1500", schema: named("io.debezium.time.MicroTimestamp")),
        Case(.timestamp, "1500", "1", schema: named("io.debezium.time.NanoTimestamp")),
        Case(.timestamp, "-1", "-1", schema: named("io.debezium.time.NanoTimestamp")),
        Case(.timestamp, "9223372036854775807", nil, schema: named("io.debezium.time.Timestamp")),
        Case(.timestamp, "1500", nil, schema: named("io.debezium.time.Date", type: "int32")),
        Case(.timestamp, "\"2024-03-01T10:00:00.123456\"", "1709287200123456"),
        Case(.timestamp, "\"2024-03-01 10:00:00\"", "1709287200000000"),
        Case(.timestamp, "\"2024-03-01T10:00:00Z\"", nil), Case(.timestamp, "\"2024-03-01\"", nil),
        Case(.timestamp, "\"2024-03-01T10:00:60\"", nil), Case(.timestamp, "\"2024-13-01T10:00:00\"", nil),
        Case(.timestamp, "\"infinity\"", nil),
        Case(.timestamptz, "\"2024-03-01T10:00:00.123456789Z\"", "1709287200123456"),
        Case(.timestamptz, "\"2024-03-01T12:00:00+02:00\"", "1709287200000000"),
        Case(.timestamptz, "\"2024-03-01T04:30:00.5-05:30\"", "1709287200500000"),
        Case(.timestamptz, "\"2024-03-01T10:00:00\"", nil), Case(.timestamptz, "\"2024-03-01T10:00:00+25:00\"", nil),
        Case(.timestamptz, "\"2024-03-01T10:00:00.1234567890Z\"", "1709287200123456"),
        Case(.timestamptz, "\"2024-03-01T10:00:00.Z\"", nil), Case(.timestamp, "\"2024-03-01T10:00:00.12x\"", nil),
        Case(.timestamptz, "\"2024-03-01T10:00:00Zx\"", nil), Case(.timestamptz, "1500", "1500"),
        Case(.timestamptz, "\"1969-12-31T23:59:59.999999Z\"", "-1"),
        Case(.timestamptz, "\"999999-01-01T00:00:00Z\"", nil),
        Case(.timestamptz, "\"__debezium_unavailable_value\"", nil),
    ])
    func `reads dates and times`(_ test: Case) throws { try check(test) }

    @Test(arguments: [
        Case(.string, "\"\"", ""), Case(.string, "\"naïve 😀\"", "naïve 😀"),
        Case(.string, "\"a\\\"b\\\\c\\/\\n\\u00e9\\ud83d\\ude00\"", "a\"b\\c/\né😀"), Case(.string, "\"\\ud83d\"", nil),
        Case(.string, "\"\\ude00x\"", nil), Case(.string, "\"\\x\"", nil), Case(.string, "\"\\u12\"", nil),
        Case(.string, "{\"a\" : [1, \"x\"]}", "{\"a\" : [1, \"x\"]}"), Case(.string, "[]", "[]"),
        Case(.string, "12.50", "12.50"), Case(.string, "true", "true"), Case(.string, "tru", nil),
        Case(.string, "{\"a\":01}", nil), Case(.string, "[1,]", nil), Case(.string, "{\"a\":\"\\q\"}", nil),
        Case(.string, "\"__debezium_unavailable_value\"", nil),
        Case(.string, "\"\\u0000\"", "\0"), Case(.string, "null", "-"),
        Case(.string, "\"0123456789abcde\\tf\"", "0123456789abcde\tf"),
        Case(.binary, "\"AQID\"", "1.2.3"), Case(.binary, "\"AQI=\"", "1.2"), Case(.binary, "\"AQI\"", "1.2"),
        Case(.binary, "\"-_8\"", "fb.ff"), Case(.binary, "\"+/8=\"", "fb.ff"), Case(.binary, "\"\"", ""),
        Case(.binary, "\"A\"", nil), Case(.binary, "\"AQ=ID\"", nil), Case(.binary, "\"AQJ=\"", nil),
        Case(.binary, "\"A===\"", nil), Case(.binary, "\"====\"", nil), Case(.binary, "1", nil),
        Case(.binary, "\"__debezium_unavailable_value\"", nil),
        Case(.binary, "\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"", nil), Case(.binary, "\"\\u0041QID\"", "1.2.3"),
        Case(.fixed(3), "\"AQID\"", "1.2.3"), Case(.fixed(3), "\"AQI=\"", nil),
        Case(.uuid, "\"c4ca4238-a0b9-2382-0dcc-509a6f75849b\"", "c4ca4238a0b923820dcc509a6f75849b"),
        Case(.uuid, "\"C4CA4238-A0B9-2382-0DCC-509A6F75849B\"", "c4ca4238a0b923820dcc509a6f75849b"),
        Case(.uuid, "\"c4ca4238a0b923820dcc509a6f75849b\"", nil),
        Case(.uuid, "\"c4ca4238-a0b9-2382-0dcc-509a6f75849g\"", nil),
    ])
    func `reads text and bytes`(_ test: Case) throws { try check(test) }

    @Test(arguments: ["abc", "/w", "Hu8", "Hu8-", "Hu_8", "abd=", "n/a", "100 EUR", "AQIDBAUGBwg=", "12,50"])
    func `text that is neither a number nor base64 of one is no decimal`(_ text: String) throws {
        var options = DebeziumJSONOptions()
        options.decimalText = .numberOrBase64
        let reason = try decode(Self.money, "\"\(text)\"", options: options).reason
        #expect(
            reason
                == "after.v: expected decimal(12,2), found \"\(text)\": it is no number, nor base64 of one that fits; the "
                + "source's debezium-json.decimal-text says which is meant, number or base64"
        )
    }

    @Test
    func `takes units and decimal text from the options where no schema block says`() throws {
        var options = DebeziumJSONOptions()
        options.timestampUnit = .milliseconds
        options.timeUnit = .nanoseconds
        options.decimalText = .base64
        #expect(try decode(.timestamp, "1500", options: options).value == "1500000")
        #expect(try decode(.timestamptz, "1500", options: options).value == "1500000")
        #expect(try decode(.time, "1500", options: options).value == "1")
        #expect(try decode(Self.money, "\"1234\"", options: options).value == "-2658824e-2")
        let schema = Self.named("io.debezium.time.MicroTimestamp")
        #expect(try decode(.timestamp, "1500", schema: schema, options: options).value == "1500")
        // 0x1EEF = 7919, 0xFF = −1; in the column's scale.
        options.decimalText = .numberOrBase64
        #expect(try decode(Self.money, "\"Hu8=\"", options: options).value == "7919e-2")
        #expect(try decode(Self.money, "\"/w==\"", options: options).value == "-1e-2")
        options.decimalText = .number
        let refused = try decode(Self.money, "\"Hu8=\"", options: options)
        #expect(refused.value == nil && refused.reason?.contains("debezium-json.decimal-text: base64") == true)
    }

    @Test
    func `names the field, the type and what was found`() throws {
        #expect(
            try decode(Self.money, "\"14.205\"").reason
                == "after.v: expected decimal(12,2), found \"14.205\": digits would be lost"
        )
        #expect(try decode(.int, "3000000000").reason == "after.v: expected int, found 3000000000: out of range")
        let long = String(repeating: "é", count: 40)
        #expect(try decode(.int, "\"\(long)\"").reason == "after.v: expected int, found \"\(long.prefix(23))…")
    }
}
