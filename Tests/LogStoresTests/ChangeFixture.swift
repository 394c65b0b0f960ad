import Bytes
import ChangeEvents
import Columnar
import EventLog
import WeirTesting

@testable import LogStores

/// A change as tests write and compare it.
struct Change: Equatable, CustomStringConvertible {
    var kind: ChangeKind
    var values: [Scalar]

    var description: String { "\(kind.symbol)\(values)" }
}

extension Schema {
    init(_ columns: KeyValuePairs<String, FieldType>) {
        self.init(columns.enumerated().map { Field(id: $0.offset + 1, name: $0.element.key, type: $0.element.value) })
    }

    /// One column of every type that column vectors support.
    static let everything = Schema([
        "id": .long, "flag": .boolean, "small": .int, "ratio": .double, "narrow": .float,
        "price": .decimal(precision: 20, scale: 4), "wide": .decimal(precision: 38, scale: 10), "day": .date,
        "clock": .time, "local": .timestamp, "instant": .timestamptz, "text": .string, "bytes": .binary,
        "code": .fixed(5), "token": .uuid,
    ])
}

extension ChangeBatch {
    init(_ changes: [Change], schema: Schema, offset: Int64 = 1000) {
        var columns: [ColumnVector] = []
        for index in schema.fields.indices {
            var builder = ColumnBuilder(schema.fields[index].type)
            for change in changes { builder.append(change.values[index]) }
            columns.append(builder.finish())
        }
        let offsets = changes.indices.map { offset + Int64($0) }
        self.init(
            rows: ColumnBatch(schema: schema, columns: columns, count: changes.count),
            kinds: Buffer(copying: changes.map(\.kind.rawValue)),
            offsets: offsets.withUnsafeBytes { Buffer(copying: $0) }
        )
    }

    var changes: [Change] {
        (0..<count).map { row in Change(kind: kind(row), values: rows.columns.map { $0.scalar(row) }) }
    }
}

extension Array where Element == LogStoreChanges {
    var changes: [Change] { flatMap { $0.batch.changes } }
}

/// Random rows; the first column is never null.
struct RandomChanges {
    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func batch(_ schema: Schema, rows: Int) -> ChangeBatch {
        let changes = (0..<rows).map { _ in
            Change(
                kind: ChangeKind(rawValue: UInt8.random(in: 0..<4, using: &random)) ?? .insert,
                values: schema.fields.enumerated().map { scalar($0.element.type, isNullable: $0.offset > 0) }
            )
        }
        return ChangeBatch(changes, schema: schema, offset: Int64.random(in: 0..<1 << 40, using: &random))
    }

    mutating func scalar(_ type: FieldType, isNullable: Bool) -> Scalar {
        if isNullable, Int.random(in: 0..<4, using: &random) == 0 { return .null }
        let micros =
            Bool.random(using: &random)
            ? Int64.random(in: -60_000_000_000...60_000_000_000, using: &random) * 1_000_000
            : Int64.random(in: -60_000_000_000_000_000...200_000_000_000_000_000, using: &random)
        switch type {
        case .boolean: return .boolean(Bool.random(using: &random))
        case .int: return .int(Int32.random(in: .min ... .max, using: &random))
        case .long: return .long(Int64.random(in: .min ... .max, using: &random))
        case .double:
            let special: [Double] = [
                .infinity, -.infinity, 0, -0.0, 1e7, 9_999_999, 1e-3, 0.000_999, 1e22, .leastNonzeroMagnitude,
            ]
            if Int.random(in: 0..<4, using: &random) == 0 { return .double(special.randomElement(using: &random) ?? 0) }
            let value = Double(bitPattern: UInt64.random(in: .min ... .max, using: &random))
            return .double(value.isNaN ? 1.5 : value)
        case .float:
            let value = Float(bitPattern: UInt32.random(in: .min ... .max, using: &random))
            return .float(value.isNaN ? 1.5 : value)
        case .decimal(let precision, let scale):
            let limit = (0..<precision).reduce(Int128(1)) { power, _ in power * 10 } - 1
            let shift = (0..<Int.random(in: 0..<precision, using: &random)).reduce(Int128(1)) { power, _ in power * 10 }
            let value = Int128.random(in: -limit...limit, using: &random) / shift
            // Zeros at the end are what the encoder strips.
            return .decimal(Bool.random(using: &random) ? value : value / 1000 * 1000, scale: scale)
        case .date: return .date(Int32.random(in: -700_000...20_000_000, using: &random))
        case .time: return .time(micros.magnitude.isMultiple(of: 1_000_000) ? 3_600_000_000 : 61_000_100)
        case .timestamp: return .timestamp(micros)
        case .timestamptz: return .timestamptz(micros)
        case .string:
            let alphabet = Array("abc \"\\/\n\té😀\u{1}\u{1f}z0漢\u{7f}")
            let count = Int.random(in: 0..<40, using: &random)
            return .string(String((0..<count).map { _ in alphabet.randomElement(using: &random) ?? "a" }))
        case .binary: return .binary(bytes(Int.random(in: 0..<30, using: &random)))
        case .fixed(let length): return .fixed(bytes(length))
        case .uuid: return .uuid(UInt128.random(in: .min ... .max, using: &random))
        default: return .null
        }
    }

    private mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
}
