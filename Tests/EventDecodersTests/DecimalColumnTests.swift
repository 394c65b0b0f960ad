import Columnar
import EventLog
import Foundation
import Testing
import WeirTesting

@testable import EventDecoders

/// Values that the schema block declares as decimals, in columns of other types.
struct DecimalColumnTests {
    private static func decode(_ type: FieldType, _ json: String, _ schema: String) throws -> (String?, String?) {
        let target = TableTarget(index: 0, schema: Schema(["id": .long, "v": type]), primaryKey: ["id"])
        let columns = "[{\"type\":\"int64\",\"field\":\"id\"},{\(schema),\"field\":\"v\"}]"
        let row = "{\"type\":\"struct\",\"field\":\"after\",\"fields\":\(columns)}"
        let payload = "{\"after\":{\"id\":1,\"v\":\(json)},\"op\":\"c\"}"
        let value = "{\"schema\":{\"type\":\"struct\",\"fields\":[\(row)]},\"payload\":\(payload)}"
        let decoded = try DebeziumJSONDecoder { _ in target }.decode(RawBatch([Event(value)]))
        return (decoded.changes.first?.batch.rows.columns[1].scalar(0).text, decoded.rejected.first?.reason)
    }

    private static func connect(_ scale: Int) -> String {
        "\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{\"scale\":\"\(scale)\"}"
    }

    static let variable = "\"type\":\"struct\",\"name\":\"io.debezium.data.VariableScaleDecimal\""

    @Test func `become plain text, whatever their size`() throws {
        let cases: [(String, Int, String)] = [
            ("\"B8s=\"", 2, "19.95"), ("\"+w==\"", 2, "-0.05"), ("\"AA==\"", 2, "0.00"), ("\"AA==\"", -3, "0"),
            ("\"Bw==\"", -3, "7000"), ("\"/w==\"", 0, "-1"), ("\"gA==\"", 0, "-128"),
            ("\"CHJ/Y2mq+DyhUCZ0evjH8ZbOPwrS\"", 0, "12345678901234567890123456789012345678901234567890"),
        ]
        for (json, scale, expected) in cases {
            #expect(try Self.decode(.string, json, Self.connect(scale)).0 == expected, "\(json) \(scale)")
        }
        #expect(try Self.decode(.string, "19.95", Self.connect(2)).0 == "19.95")
        #expect(try Self.decode(.string, "{\"scale\":3,\"value\":\"MDk=\"}", Self.variable).0 == "12.345")
        #expect(try Self.decode(.string, "\"no base64!\"", Self.connect(2)).1?.contains("base64") == true)
        // Without a schema, the text is a plain string.
        #expect(try Self.decode(.string, "\"B8s=\"", "\"type\":\"string\"").0 == "B8s=")
    }

    @Test func `become numbers when they fit, and say why when not`() throws {
        #expect(try Self.decode(.long, "\"Bw==\"", Self.connect(0)).0 == "7")
        #expect(try Self.decode(.int, "\"ArAG\"", Self.connect(2)).1?.contains("decimal 1761.34") == true)
        #expect(try Self.decode(.long, "\"AMg=\"", Self.connect(2)).0 == "2")
        #expect(try Self.decode(.int, "\"AKA=\"", Self.connect(-9)).1?.contains("out of range") == true)
        #expect(try Self.decode(.long, "7.00", Self.connect(2)).0 == "7")
        let reason = try Self.decode(.long, "\"B8s=\"", Self.connect(2)).1
        #expect(
            reason == "after.v: expected long, found \"B8s=\": it is the decimal 19.95, whose digits would be lost",
            "\(reason ?? "-")"
        )
        #expect(try Self.decode(.double, "\"B8s=\"", Self.connect(2)).0 == "19.95")
        #expect(try Self.decode(.float, "\"+w==\"", Self.connect(1)).0 == "-0.5")
        // Oracle's NUMBER: keys come with a scale of their own.
        #expect(try Self.decode(.long, "{\"scale\":0,\"value\":\"Bw==\"}", Self.variable).0 == "7")
        #expect(try Self.decode(.int, "{\"scale\":0,\"value\":\"Bw==\"}", "\"type\":\"struct\"").0 == "7")
        #expect(try Self.decode(.double, "{\"scale\":1,\"value\":\"BQ==\"}", Self.variable).0 == "0.5")
        #expect(try Self.decode(.long, "{}", Self.variable).1 != nil)
        #expect(try Self.decode(.long, "{\"scale\":2000000000,\"value\":\"Bw==\"}", Self.variable).1 != nil)
    }

    @Test func `name the number that a decimal column cannot hold`() throws {
        let money = FieldType.decimal(precision: 5, scale: 2)
        let scaled = try Self.decode(money, "{\"scale\":3,\"value\":\"MDk=\"}", Self.variable).1
        #expect(
            scaled
                == "after.v: expected decimal(5,2), found an object: it is the decimal 12.345, whose digits would be lost"
        )
        let large = try Self.decode(money, "{\"scale\":1,\"value\":\"MDk=\"}", Self.variable).1
        #expect(large?.hasSuffix("it is the decimal 1234.5, which is out of range") == true, "\(large ?? "-")")
        let bytes = try Self.decode(money, "\"MDk=\"", Self.connect(3)).1
        #expect(
            bytes
                == "after.v: expected decimal(5,2), found \"MDk=\": it is the decimal 12.345, whose digits would be lost"
        )
        let long = try Self.decode(
            money,
            "{\"scale\":0,\"value\":\"CHJ/Y2mq+DyhUCZ0evjH8ZbOPwrS\"}",
            Self.variable
        ).1
        #expect(
            long?.hasSuffix("12345678901234567890123456789012345678901234567890, which is out of range") == true,
            "\(long ?? "-")"
        )
        #expect(
            try Self.decode(money, "{\"scale\":0,\"value\":\"no base64\"}", Self.variable).1?.hasSuffix("object")
                == true
        )
    }

    @Test func `are not far longer than what they come from`() throws {
        let long = "after.v: expected string, found "
        for scale in [-150_000, -1001, 1002, 150_000] {
            let reason = try Self.decode(.string, "{\"scale\":\(scale),\"value\":\"AQ==\"}", Self.variable).1
            #expect(reason?.hasPrefix(long) == true && reason?.hasSuffix("too many digits") == true, "\(reason ?? "-")")
        }
        #expect(
            try Self.decode(.string, "\"AQ==\"", Self.connect(-1000)).0 == "1" + String(repeating: "0", count: 1000)
        )
        #expect(try Self.decode(.string, "\"AQ==\"", Self.connect(1000)).0?.count == 1002)
        let big = { (count: Int) in "\"\(Data(repeating: 1, count: count).base64EncodedString())\"" }
        #expect(try Self.decode(.string, big(4096), Self.connect(0)).0?.count == 9862)
        #expect(try Self.decode(.string, big(4097), Self.connect(0)).1?.hasSuffix("too many digits") == true)
    }

    @Test(arguments: SeededGenerator.seeds(30))
    func `keep every digit`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...120, using: &random)
        var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        if Bool.random(using: &random) { bytes[0] = Bool.random(using: &random) ? 0 : 0xff }
        let scale = Int.random(in: -3...20, using: &random)
        // Schoolbook: the magnitude, digit by digit.
        let isNegative = bytes[0] >= 0x80
        var magnitude = bytes
        if isNegative {
            magnitude = bytes.map { ~$0 }
            for index in magnitude.indices.reversed() {
                magnitude[index] &+= 1
                if magnitude[index] != 0 { break }
            }
            // -256^n / 2 has no positive counterpart of its size, but its bytes read as unsigned are right.
        }
        var digits: [Int] = [0]
        for byte in magnitude {
            var carry = Int(byte)
            for position in digits.indices {
                carry += digits[position] * 256
                digits[position] = carry % 10
                carry /= 10
            }
            while carry > 0 {
                digits.append(carry % 10)
                carry /= 10
            }
        }
        while digits.count > 1, digits.last == 0 { digits.removeLast() }
        var text = digits.reversed().map(String.init).joined()
        if scale > 0 {
            while text.count <= scale { text = "0" + text }
            text.insert(".", at: text.index(text.endIndex, offsetBy: -scale))
        } else if text != "0" {
            text += String(repeating: "0", count: -scale)
        }
        let json = "\"\(Data(bytes).base64EncodedString())\""
        #expect(try Self.decode(.string, json, Self.connect(scale)).0 == (isNegative ? "-" : "") + text, "seed \(seed)")
    }
}
