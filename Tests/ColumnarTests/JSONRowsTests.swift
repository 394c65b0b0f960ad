import Bytes
import Columnar
import Foundation
import Testing
import WeirTesting

struct JSONRowsTests {
    static func text(_ batch: ColumnBatch, row: Int = 0) -> String {
        var target = GrowableBuffer()
        JSONRowEncoder(batch.schema).append(batch, row: row, to: &target)
        return String(decoding: UnsafeRawBufferPointer(start: target.base, count: target.count), as: UTF8.self)
    }

    static func batch(_ columns: [(String, FieldType, Scalar)]) -> ColumnBatch {
        let schema = Schema(columns.enumerated().map { Field(id: $0, name: $1.0, type: $1.1) })
        let vectors = columns.map { _, type, value in
            var builder = ColumnBuilder(type)
            builder.append(value)
            return builder.finish()
        }
        return ColumnBatch(schema: schema, columns: vectors, count: 1)
    }

    @Test
    func `writes every type as the single-value serialization does`() {
        let batch = Self.batch([
            ("b", .boolean, .boolean(true)), ("i", .int, .int(.min)), ("l", .long, .long(.min)),
            ("f", .float, .float(1.1)), ("d", .double, .double(-0.25)),
            ("m", .decimal(precision: 9, scale: 2), .decimal(1420, scale: 2)),
            ("day", .date, .date(17_486)), ("t", .time, .time(81_068_123_456)),
            ("ts", .timestamp, .timestamp(1_510_871_468_123_456)),
            ("tz", .timestamptz, .timestamptz(1_510_871_468_123_456)),
            ("s", .string, .string("a\"\\\u{1}\n😀")),
            ("u", .uuid, .uuid(0xf79c_3e09_677c_4bbd_a479_3f34_9cb7_85e7)),
            ("x", .fixed(3), .fixed([0, 1, 0xff])), ("y", .binary, .binary([0xab])), ("n", .long, .null),
        ])
        #expect(
            Self.text(batch)
                == #"{"b":true,"i":-2147483648,"l":-9223372036854775808,"f":1.1,"d":-0.25,"m":"14.20","#
                + #""day":"2017-11-16","t":"22:31:08.123456","ts":"2017-11-16T22:31:08.123456","#
                + #""tz":"2017-11-16T22:31:08.123456+00:00","s":"a\"\\\u0001\n😀","#
                + #""u":"f79c3e09-677c-4bbd-a479-3f349cb785e7","x":"0001ff","y":"ab","n":null}"#
        )
    }

    @Test
    func `escapes names and writes an object without columns`() {
        #expect(Self.text(Self.batch([("a\"b", .int, .int(1))])) == #"{"a\"b":1}"#)
        #expect(Self.text(ColumnBatch(schema: Schema([]), columns: [], count: 1)) == "{}")
    }

    @Test
    func `numbers that are not finite are strings`() {
        let batch = Self.batch([
            ("a", .double, .double(.nan)), ("b", .double, .double(-.infinity)), ("c", .float, .float(.infinity)),
        ])
        #expect(Self.text(batch) == #"{"a":"NaN","b":"-Infinity","c":"Infinity"}"#)
    }

    @Test
    func `text of any length and content reads back`() throws {
        var generator = SeededGenerator(seed: SeededGenerator.seeds(1)[0])
        let pieces = [
            "abcdefgh", "\"", "\\", "\t", "\u{1f}", " ", "é", "漢", "😀", "\u{7f}", "plain text of some length",
        ]
        for _ in 0..<Soak.rounds(2000) {
            let text = (0..<Int.random(in: 0..<8, using: &generator)).map { _ in
                pieces.randomElement(using: &generator) ?? ""
            }.joined()
            let written = Self.text(Self.batch([("s", .string, .string(text))]))
            let back = try JSONDecoder().decode([String: String].self, from: Data(written.utf8))
            #expect(back["s"] == text, "\(written)")
        }
    }

    @Test
    func `bytes that are not UTF-8 become replacement characters`() {
        var builder = ColumnBuilder(.string)
        [UInt8]([0x61, 0xff, 0x62, 0xe2, 0x82]).withUnsafeBytes { builder.append($0) }
        let batch = ColumnBatch(
            schema: Schema([Field(id: 1, name: "s", type: .string)]),
            columns: [builder.finish()],
            count: 1
        )
        #expect(Self.text(batch) == "{\"s\":\"a\u{fffd}b\u{fffd}\u{fffd}\"}")
    }

    @Test
    func `floating-point text reads back as the same number`() {
        var generator = SeededGenerator(seed: SeededGenerator.seeds(1)[0])
        func check(_ value: Double) {
            let text = ScalarText.text(.double(value))
            #expect(Double(text)?.bitPattern == value.bitPattern, "\(text)")
            // The text is never longer than the library's shortest form.
            #expect(text.count <= value.description.count)
            let float = Float(value)
            guard float.isFinite else { return }
            let short = ScalarText.text(.float(float))
            #expect(Float(short)?.bitPattern == float.bitPattern, "\(short)")
            #expect(short.count <= float.description.count)
        }
        for value: Double in [
            0, -0.0, 1, 0.1, 1e15, 1e16, 1e300, .leastNonzeroMagnitude, 0.0001, 0.00001, 123456.7891, 1e14 + 0.1,
        ] {
            check(value)
        }
        for _ in 0..<Soak.rounds(5000) {
            check(Double(Int64.random(in: -1 << 50...1 << 50, using: &generator)) / 10_000)
            check(Double(Int64.random(in: -1_000_000...1_000_000, using: &generator)) / 100)
            let value = Double(bitPattern: generator.next())
            if value.isFinite { check(value) }
        }
    }

    @Test
    func `years outside four digits carry a sign`() {
        #expect(ScalarText.text(.date(2_932_897)) == "+10000-01-01")
        #expect(ScalarText.text(.date(-719_529)) == "-0001-12-31")
        #expect(ScalarText.text(.date(-719_528)) == "0000-01-01")
        #expect(ScalarText.text(.timestamp(.min)) == "-290308-12-21T19:59:05.224192")
        #expect(ScalarText.text(.timestamp(.max)) == "+294247-01-10T04:00:54.775807")
        #expect(ScalarText.text(.timestamp(-1)) == "1969-12-31T23:59:59.999999")
        #expect(ScalarText.text(.date(.max)) == "+5881580-07-11")
        #expect(ScalarText.text(.date(.min)) == "-5877641-06-23")
    }
}
