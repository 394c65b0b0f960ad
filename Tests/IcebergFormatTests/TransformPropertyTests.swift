import Bytes
import Columnar
import IcebergFormat
import Testing
import WeirTesting

/// Every transform over the extreme values of every type, compared with exact arithmetic.
@Suite struct TransformPropertyTests {
    static let types: [FieldType] = [
        .boolean, .int, .long, .float, .double, .decimal(precision: 38, scale: 0), .decimal(precision: 38, scale: 38),
        .decimal(precision: 9, scale: 2), .date, .time, .timestamp, .timestamptz, .string, .uuid, .fixed(5), .binary,
    ]

    static func transforms(_ random: inout SeededGenerator) -> [Transform] {
        let width = Int([1, 2, 3, 7, 10, 64, 1000, Int32.max].randomElement(using: &random) ?? 10)
        let known: [Transform] = [
            .identity, .bucket(width), .truncate(width), .year, .month, .day, .hour, .void, .other("later[3]"),
        ]
        for transform in known {
            // A new transform has to be listed above and in the oracle.
            switch transform {
            case .identity, .bucket, .truncate, .year, .month, .day, .hour, .void, .other: break
            }
        }
        return known
    }

    /// The expected result of the transform; nil where the oracle does not cover it.
    static func expected(_ transform: Transform, _ value: Scalar) -> Scalar? {
        if value == .null { return .null }
        func days() -> Int? {
            switch value {
            case .date(let day): Int(day)
            case .timestamp(let micros), .timestamptz(let micros): daysAndTime(micros).days
            default: nil
            }
        }
        switch transform {
        case .identity: return value
        case .void: return .null
        case .year: return days().map { .int(Int32(CountedDate($0).year - 1970)) }
        case .month:
            return days().map { .int(Int32((CountedDate($0).year - 1970) * 12 + CountedDate($0).month - 1)) }
        case .day: return days().map { .date(Int32($0)) }
        case .hour:
            guard case .timestamp(let micros) = value else { return nil }
            let (days, time) = daysAndTime(micros)
            return .int(Int32(clamping: days * 24 + Int(time / 3_600_000_000)))
        case .truncate(let width):
            func floor(_ number: Int128) -> Int128 {
                let multiple = number / Int128(width) * Int128(width)
                return multiple > number ? multiple - Int128(width) : multiple
            }
            switch value {
            // Beyond the type as Java has it.
            case .int(let number): return .int(Int32(truncatingIfNeeded: floor(Int128(number))))
            case .long(let number): return .long(Int64(truncatingIfNeeded: floor(Int128(number))))
            case .decimal(let number, let scale): return .decimal(floor(number), scale: scale)
            case .string(let text):
                var view = String.UnicodeScalarView()
                view.append(contentsOf: text.unicodeScalars.prefix(width))
                return .string(String(view))
            case .binary(let bytes): return .binary(Array(bytes.prefix(width)))
            default: return nil
            }
        case .bucket, .other: return nil
        }
    }

    /// The path text of a date transform's result.
    static func expectedText(_ transform: Transform, _ result: Scalar) -> String? {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        func floored(_ number: Int, _ divisor: Int) -> Int {
            let quotient = number / divisor
            return quotient * divisor > number ? quotient - 1 : quotient
        }
        switch (transform, result) {
        case (.day, .date(let day)), (.identity, .date(let day)): return CountedDate(Int(day)).plainText
        case (.hour, .int(let hours)):
            let day = floored(Int(hours), 24)
            return "\(CountedDate(day).plainText)-\(two(Int(hours) - day * 24))"
        case (_, .null): return "null"
        default: return nil
        }
    }

    @Test func `no transform traps, and all agree with exact arithmetic`() throws {
        let seed = SeededGenerator.seeds(1)[0]
        var random = SeededGenerator(seed: seed)
        let wanted = Soak.rounds(30_000)
        var draws = 0
        while draws < wanted {
            for type in Self.types {
                let values = (0..<24).map { _ in Scalar.extreme(type, &random) }
                var builder = ColumnBuilder(type)
                for value in values { builder.append(value) }
                let column = builder.finish()
                for transform in Self.transforms(&random) {
                    guard let result = transform.resultType(for: type) else { continue }
                    let transformed = try transform.apply(column)
                    #expect(transformed.type == result && transformed.count == values.count)
                    for (row, value) in values.enumerated() {
                        draws += 1
                        let context = "seed \(seed): \(transform) of \(value)"
                        let found = try transform.apply(value)
                        let isSame = "\(transformed.scalar(row))" == "\(found)"
                        #expect(isSame, "\(context) is \(found), in a column \(transformed.scalar(row))")
                        if let expected = Self.expected(transform, value), "\(expected)" != "\(found)" {
                            Issue.record("\(context) is \(found), not \(expected)")
                            return
                        }
                        if case .bucket(let count) = transform, case .int(let bucket) = found {
                            #expect(0..<Int32(count) ~= bucket, "\(context)")
                        }
                        let text = transform.humanText(found)
                        let field = PartitionField(sourceId: 1, id: 1000, name: "p", transform: transform)
                        #expect(PartitionSpec(fields: [field]).path(for: [found]).hasPrefix("p="))
                        if let expected = Self.expectedText(transform, found) {
                            #expect(text == expected, "\(context)")
                        }
                        if found != .null { #expect(SingleValue.encode(found) != nil, "\(context)") }
                    }
                    checkOrder(transform, values, seed)
                }
            }
        }
        print("\(draws) draws of transforms, seed \(seed)")
    }

    /// Where results are certain, an order-preserving transform keeps the order of its source values.
    private func checkOrder(_ transform: Transform, _ values: [Scalar], _ seed: UInt64) {
        guard transform.preservesOrder else { return }
        for (one, other) in zip(values, values.dropFirst()) where one.precedes(other) == true {
            guard let low = transform.certainly(one), let high = transform.certainly(other) else { continue }
            #expect(high.precedes(low) != true, "seed \(seed): \(transform) of \(one) and \(other)")
        }
    }

    @Test(arguments: [
        (Transform.truncate(10), Scalar.int(2_147_483_646), false), (.truncate(10), .int(2_147_483_640), true),
        (.truncate(7), .int(.max - 4), false), (.truncate(7), .int(.max - 1), true), (.truncate(8), .int(.max), true),
        (.truncate(10), .long(.max - 1), false), (.truncate(10), .long(-10), true),
        (.truncate(10), .decimal(-10, scale: 2), true), (.hour, .int(473_386), true), (.hour, .int(.max), false),
        (.hour, .int(.min), false), (.hour, .int(-1_732_919_508), false), (.hour, .int(-1_732_919_000), true),
        (.day, .date(.max), true), (.identity, .long(.min), true), (.truncate(3), .string("abc"), true),
    ])
    func `results that may have wrapped around are not certain`(transform: Transform, value: Scalar, isCertain: Bool) {
        #expect(transform.isCertain(value) == isCertain)
    }

    @Test func `a range is uncertain when it takes in a wrapped result`() {
        #expect(!Transform.truncate(7).isCertain(from: .int(0), to: .int(.max - 1)))
        #expect(Transform.truncate(7).isCertain(from: .int(0), to: .int(1_000_000)))
        #expect(!Transform.hour.isCertain(from: .int(0), to: .int(.max)))
    }

    @Test func `a width that the digits of a decimal do not hold is refused`() throws {
        let schema = Schema([
            Field(id: 1, name: "a", type: .decimal(precision: 2, scale: 0)),
            Field(id: 2, name: "b", type: .decimal(precision: 38, scale: 2)),
        ])
        #expect(throws: WeirError.self) { try PartitionSpec(parsing: ["truncate(70, a)"], schema: schema) }
        for text in ["truncate(10, a)", "truncate(50, a)", "truncate(2147483647, b)"] {
            #expect(try PartitionSpec(parsing: [text], schema: schema).fields.count == 1)
        }
    }

    @Test(arguments: [
        (Transform.identity, Scalar.timestamp(.max), "+294247-01-10T04%3A00%3A54.775807"),
        (.identity, .timestamptz(.min), "-290308-12-21T19%3A59%3A05.224192Z"), (.hour, .int(.max), "246953-10-09-07"),
        (.day, .date(.min), "-5877641-06-23"), (.month, .int(.min), "-178955001-05"), (.year, .int(.max), "2147485617"),
        (.identity, .decimal(.min, scale: 0), "-170141183460469231731687303715884105728"),
        (.identity, .time(-1), "23%3A59%3A59.999999"), (.identity, .double(.leastNonzeroMagnitude), "5.0E-324"),
    ])
    func `paths of the outermost values`(transform: Transform, value: Scalar, text: String) {
        let field = PartitionField(sourceId: 1, id: 1000, name: "p", transform: transform)
        let path = PartitionSpec(fields: [field]).path(for: [value])
        #expect(path == "p=" + text.replacing("+", with: "%2B"))
    }
}
