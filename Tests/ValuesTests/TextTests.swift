import Testing
import Values

/// Conversion of text to values and back, exactly and as CAST does.
@Suite struct TextTests {
    private func decimal(_ text: String, _ precision: Int, _ scale: Int, _ rule: TextRule) -> ParsedText<Int128> {
        DecimalText.parse(text, precision: precision, scale: scale, rule)
    }

    @Test(arguments: [
        ("1.005", ParsedText<Int128>.outOfRange, ParsedText<Int128>.value(101)), ("-1.005", .outOfRange, .value(-101)),
        ("1.0000000000000000000000000000000000000000000000", .value(100), .value(100)), ("0e999", .value(0), .value(0)),
        ("1e-9", .outOfRange, .value(0)), ("0.005", .outOfRange, .value(1)), ("0.0049", .outOfRange, .value(0)),
        (" 1 ", .malformed, .value(100)), ("99999.995", .outOfRange, .outOfRange), ("1e5", .outOfRange, .outOfRange),
        ("1e99999999999999999999", .outOfRange, .outOfRange), ("-", .malformed, .malformed),
        (".", .malformed, .malformed),
        ("1e", .malformed, .malformed), ("1.2.3", .malformed, .malformed), (".5", .value(50), .value(50)),
        ("00000000000000000000000000000000000000000000001", .value(100), .value(100)),
        ("9999999999999999999999999999999999999999", .outOfRange, .outOfRange),
    ])
    func `decimals`(text: String, exact: ParsedText<Int128>, cast: ParsedText<Int128>) {
        #expect(decimal(text, 7, 2, .exact) == exact)
        #expect(decimal(text, 7, 2, .cast) == cast)
    }

    private func with<Value>(_ text: String, _ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        var text = text
        return text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }

    @Test(arguments: [
        ("2017-11-16 22:31:08.1234567", ParsedText<Int64>.malformed, ParsedText<Int64>.value(1_510_871_468_123_456)),
        ("2017-11-16T22:31:08", .value(1_510_871_468_000_000), .value(1_510_871_468_000_000)),
        ("2017-11-16", .value(1_510_790_400_000_000), .value(1_510_790_400_000_000)),
        ("+294247-01-10T04:00:54.775807", .value(.max), .value(.max)),
        ("+294247-01-10T04:00:54.775808", .outOfRange, .outOfRange),
        ("-290308-12-21T19:59:05.224192", .value(.min), .value(.min)),
        ("-290308-12-21T19:59:05.224191", .outOfRange, .outOfRange), ("10000-01-01", .malformed, .malformed),
        ("2017-11-16T24:00", .malformed, .malformed), ("2017-02-29", .malformed, .malformed),
        ("", .malformed, .malformed),
    ])
    func `timestamps`(text: String, exact: ParsedText<Int64>, cast: ParsedText<Int64>) {
        #expect(with(text) { CivilText.timestamp($0, zone: .none) } == exact)
        #expect(with(text) { CivilText.timestamp($0, zone: .none, .cast) } == cast)
    }

    @Test func `a zone is taken where it is allowed, and asked for where it is needed`() {
        for (text, zone, value) in [
            ("1970-01-01T01:00+01:00", CivilText.Zone.required, ParsedText<Int64>.value(0)),
            ("1970-01-01T00:00", .required, .malformed), ("1970-01-01T00:00", .optional, .value(0)),
            ("1970-01-01T00:00Z", .none, .malformed), ("-290308-12-21T19:59:05.224192+00:01", .required, .outOfRange),
            ("+294247-01-10T04:01:54.775807+00:01", .required, .value(.max)),
        ] {
            #expect(with(text) { CivilText.timestamp($0, zone: zone) } == value, "\(text)")
        }
    }

    @Test func `the ends of a timestamp are read back from their text`() {
        for value in [Int64.min, .min + 1, -1, 0, .max - 1, .max] {
            for style in [ScalarText.Style.json, .cast] {
                let text = ScalarText.text(.timestamp(value), style)
                #expect(with(text) { CivilText.timestamp($0, zone: .none) } == .value(value), "\(text)")
            }
        }
    }

    @Test(arguments: [
        ("2147483647", ParsedText<Int32>.value(.max)), ("-2147483648", .value(.min)), ("2147483648", .outOfRange),
        ("99999999999999999999999999x", .malformed), ("99999999999999999999999999", .outOfRange), ("+7", .value(7)),
        ("", .malformed), ("-", .malformed), ("0x1", .malformed), ("1.0", .malformed),
    ])
    func `whole numbers`(text: String, value: ParsedText<Int32>) {
        #expect(with(text) { NumberText.integer($0, as: Int32.self) } == value)
    }

    @Test func `floating numbers beyond their type are out of range`() {
        #expect(with("1e39") { NumberText.floating($0, as: Float.self, .cast) } == .outOfRange)
        #expect(with("1e39") { NumberText.floating($0, as: Double.self) } == .value(1e39))
        #expect(with("-inf") { NumberText.floating($0, as: Double.self, .cast) } == .value(-.infinity))
        #expect(with("-inf") { NumberText.floating($0, as: Double.self) } == .malformed)
    }
}
