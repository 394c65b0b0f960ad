import Bytes
import ChangeEvents
import Columnar
import EventDecoders
import EventLog
import Testing
import WeirTesting

@testable import EventEncoders

/// Changes written as `debezium-json` are read back unchanged.
struct RoundTripTests {
    private static let schema = Schema([
        "id": .long, "part": .string, "flag": .boolean, "small": .int, "ratio": .double, "narrow": .float,
        "price": .decimal(precision: 38, scale: 6), "whole": .decimal(precision: 9, scale: 0), "day": .date,
        "clock": .time, "local": .timestamp, "instant": .timestamptz, "bytes": .binary, "code": .fixed(5),
        "token": .uuid,
    ])

    private func value(_ field: Field, _ random: inout SeededGenerator) -> Scalar {
        if field.id > 2, Int.random(in: 0..<6, using: &random) == 0 { return .null }
        let micros = Int64.random(in: -60_000_000_000_000_000...300_000_000_000_000_000, using: &random)
        func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
        switch field.type {
        case .boolean: return .boolean(Bool.random(using: &random))
        case .int: return .int(Int32.random(in: .min ... .max, using: &random))
        case .long: return .long(Int64.random(in: 0..<5, using: &random))
        case .double:
            let special = [Double.infinity, -.infinity, -0.0, 0.1, 1e300, .leastNonzeroMagnitude]
            let bits = UInt64.random(in: 0..<0x7ff0 << 48, using: &random)
            return .double(
                Bool.random(using: &random) ? Double(bitPattern: bits) : special.randomElement(using: &random)!
            )
        case .float: return .float(Float(bitPattern: UInt32.random(in: 0x0080_0000..<0x7f80_0000, using: &random)))
        case .decimal(let precision, let scale):
            let digits = Int.random(in: 0...precision, using: &random)
            let limit = (0..<digits).reduce(Int128(1)) { power, _ in power * 10 } - 1
            return .decimal(Int128.random(in: -limit...limit, using: &random), scale: scale)
        case .date: return .date(Int32.random(in: -700_000...3_500_000, using: &random))
        case .time: return .time(Int64.random(in: 0..<86_400_000_000, using: &random))
        case .timestamp: return .timestamp(micros)
        case .timestamptz: return .timestamptz(micros)
        case .string:
            let alphabet = Array("ab \"\\/\n\té😀\u{1}z0")
            let count = Int.random(in: 0..<4, using: &random)
            return .string(String((0..<count).map { _ in alphabet.randomElement(using: &random)! }))
        case .binary: return .binary(bytes(Int.random(in: 0..<30, using: &random)))
        case .fixed(let length): return .fixed(bytes(length))
        case .uuid: return .uuid(UInt128.random(in: .min ... .max, using: &random))
        default: return .null
        }
    }

    private func row(_ random: inout SeededGenerator) -> [Scalar] {
        Self.schema.fields.map { value($0, &random) }
    }

    private func changes(_ random: inout SeededGenerator) -> [Change] {
        (0..<60).flatMap { _ -> [Change] in
            let row = row(&random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: return [Change(.insert, row)]
            case 1: return [Change(.updateAfter, row)]
            case 2: return [Change(.delete, row)]
            default:
                let after = Array(row.prefix(2)) + self.row(&random).dropFirst(2)
                return [Change(.updateBefore, row), Change(.updateAfter, after)]
            }
        }
    }

    @Test func `random changes survive`() throws {
        for seed in SeededGenerator.seeds(20) {
            var random = SeededGenerator(seed: seed)
            let isKeyed = Bool.random(using: &random)
            let key = isKeyed ? ["id", "part"] : []
            let batch = ChangeBatch(Self.schema, changes(&random))
            let encoder = try EventEncoder(
                .debeziumJSON,
                schema: Self.schema,
                primaryKey: key,
                table: "shop.\"o\\d",
                topic: "t",
                partitions: Array(0..<(isKeyed ? 3 : 1))
            )
            var identifiers: Set<String> = []
            let decoder = DebeziumJSONDecoder { source in
                identifiers.insert(source.identifier)
                return TableTarget(index: 0, schema: Self.schema, primaryKey: key)
            }
            var found: [[String]] = []
            for raw in try encoder.encode(batch, nowMilliseconds: 1_700_000_000_000) {
                let decoded = try decoder.decode(raw)
                #expect(decoded.rejected.map(\.reason) == [], "seed \(seed)")
                found.append(decoded.changes.flatMap { $0.batch.changes })
            }
            #expect(identifiers == ["shop.\"o\\d"], "seed \(seed)")
            // Each partition keeps the order of its changes, and all partitions together hold every change.
            let all = batch.changes
            #expect(found.flatMap { $0 }.sorted() == all.sorted(), "seed \(seed)")
            for changes in found { #expect(isSubsequence(changes, of: all), "seed \(seed)") }
        }
    }

    private func isSubsequence(_ part: [String], of whole: [String]) -> Bool {
        var rest = whole[...]
        for element in part {
            guard let index = rest.firstIndex(of: element) else { return false }
            rest = rest[(index + 1)...]
        }
        return true
    }
}
