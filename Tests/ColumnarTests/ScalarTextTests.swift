import Bytes
import Columnar
import Testing
import WeirTesting

struct ScalarTextTests {
    @Test(arguments: SampleRows.types)
    func `text reads back as the same value`(_ type: FieldType) throws {
        var generator = SeededGenerator(seed: SeededGenerator.seeds(1)[0])
        for _ in 0..<Soak.rounds(500) {
            let value = SampleRows.value(type, using: &generator)
            #expect(try ScalarText.parse(ScalarText.text(value), as: type) == value)
        }
    }

    @Test
    func `every day of nine centuries and the ends of the range come back`() {
        var expected = CivilDate(daysSinceEpoch: -150_000)
        for day in -150_000...200_000 {
            let date = CivilDate(daysSinceEpoch: day)
            #expect(date == expected)
            #expect(date.daysSinceEpoch == day)
            // The next day, by the calendar's rules.
            expected =
                CivilDate(year: date.year, month: date.month, day: date.day + 1)
                ?? CivilDate(year: date.year, month: date.month + 1, day: 1)
                ?? CivilDate(daysSinceEpoch: Int.min / 2)
            if date.month == 12, date.day == 31, let next = CivilDate(year: date.year + 1, month: 1, day: 1) {
                expected = next
            }
        }
        #expect(CivilDate(daysSinceEpoch: 0) == CivilDate(year: 1970, month: 1, day: 1))
    }

    static let accepted: [(text: String, type: FieldType, value: Scalar)] = [
        ("TRUE", .boolean, .boolean(true)),
        ("-2147483648", .int, .int(.min)),
        ("+7", .long, .long(7)),
        ("1e3", .double, .double(1000)),
        ("-Infinity", .float, .float(-.infinity)),
        ("14.2", .decimal(precision: 9, scale: 2), .decimal(1420, scale: 2)),
        ("-.5", .decimal(precision: 9, scale: 2), .decimal(-50, scale: 2)),
        ("1.42e1", .decimal(precision: 9, scale: 2), .decimal(1420, scale: 2)),
        ("1.50000000000000000000000000000000000000000", .decimal(precision: 3, scale: 2), .decimal(150, scale: 2)),
        ("0e999999999999", .decimal(precision: 3, scale: 2), .decimal(0, scale: 2)),
        (
            "99999999999999999999999999999999999999", .decimal(precision: 38, scale: 0),
            .decimal(99_999_999_999_999_999_999_999_999_999_999_999_999, scale: 0)
        ),
        ("2000-02-29", .date, .date(11_016)),
        ("-0001-12-31", .date, .date(-719_529)),
        ("22:31", .time, .time(81_060_000_000)),
        ("22:31:08.1", .time, .time(81_068_100_000)),
        ("22:31:08.123456000", .time, .time(81_068_123_456)),
        ("2017-11-16 22:31:08", .timestamp, .timestamp(1_510_871_468_000_000)),
        ("1970-01-02", .timestamp, .timestamp(86_400_000_000)),
        ("1970-01-01T02:00:00+02:00", .timestamptz, .timestamptz(0)),
        ("1970-01-01T00:00:00Z", .timestamptz, .timestamptz(0)),
        ("1969-12-31T19:00-0500", .timestamptz, .timestamptz(0)),
        ("00FF", .binary, .binary([0, 255])),
    ]

    @Test(arguments: accepted.indices)
    func `takes the usual forms`(_ index: Int) throws {
        let row = Self.accepted[index]
        #expect(try ScalarText.parse(row.text, as: row.type) == row.value)
    }

    static let refused: [(text: String, type: FieldType)] = [
        ("yes", .boolean), ("", .int), ("2147483648", .int), ("9223372036854775808", .long), ("1.0", .long),
        ("nan", .double), ("0x1p3", .double), ("1e999", .double), ("", .double), ("1,5", .double),
        ("14.205", .decimal(precision: 9, scale: 2)), ("100", .decimal(precision: 3, scale: 1)),
        ("", .decimal(precision: 9, scale: 2)), (".", .decimal(precision: 9, scale: 2)),
        ("1e", .decimal(precision: 9, scale: 2)), ("1e99999999999999999999", .decimal(precision: 9, scale: 2)),
        ("100000000000000000000000000000000000000", .decimal(precision: 38, scale: 0)),
        ("2001-02-29", .date), ("1900-02-29", .date), ("2001-13-01", .date), ("2001-1-1", .date),
        ("10000-01-01", .date), ("+9999999-01-01", .date), ("2001-01-01x", .date),
        ("24:00:00", .time), ("22:60:00", .time), ("22:31:08.1234567", .time), ("22:31:08.", .time),
        ("2017-11-16T22:31:08Z", .timestamp), ("+300000-01-01T00:00:00", .timestamp), ("2017-11-16T", .timestamp),
        ("2017-11-16T22:31:08", .timestamptz), ("2017-11-16T22:31:08+25:00", .timestamptz),
        ("123e4567e89b12d3a456426614174000", .uuid), ("123e4567-e89b-12d3-a456-42661417400g", .uuid),
        ("0001", .fixed(3)), ("0", .binary), ("zz", .binary),
        ("1", .list(element: Field(id: 1, name: "e", type: .int))),
    ]

    @Test(arguments: refused.indices)
    func `refuses what is no value or does not fit`(_ index: Int) {
        let row = Self.refused[index]
        #expect(throws: WeirError.self, "\(row.text) as \(row.type)") { try ScalarText.parse(row.text, as: row.type) }
    }
}
