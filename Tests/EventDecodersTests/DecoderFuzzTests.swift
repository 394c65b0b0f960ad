import Columnar
import EventLog
import Testing
import WeirTesting

@testable import EventDecoders

struct DecoderFuzzTests {
    /// Configures time units, so that damaged times raise no unit questions.
    private static var options: DebeziumJSONOptions {
        var options = DebeziumJSONOptions()
        options.timeUnit = .microseconds
        options.timestampUnit = .microseconds
        return options
    }

    /// Damages a text as networks, writers and attackers do.
    private func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        let tokens = [
            "null", "{}", "[]", "\"", "\\", "\\u0000", "1e999", "-", ",", ":", "}", "{", "]", "[[[[", "true", "\u{0}",
        ]
        for _ in 0...Int.random(in: 0..<3, using: &random) {
            guard !bytes.isEmpty else { return }
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.removeSubrange(index..<min(bytes.count, index + Int.random(in: 1..<20, using: &random)))
            case 3: bytes.removeLast(bytes.count - index)
            case 4: bytes.insert(contentsOf: tokens[Int.random(in: 0..<tokens.count, using: &random)].utf8, at: index)
            default:
                let end = min(bytes.count, index + Int.random(in: 1..<80, using: &random))
                bytes.insert(contentsOf: bytes[index..<end], at: index)
            }
        }
    }

    @Test(arguments: ["plain.ndjson.gz", "schema.ndjson.gz"])
    func `damage to one record leaves its neighbours alone`(_ file: String) throws {
        let captured = try CapturedStream.events(file).values.flatMap { $0 }.filter { $0.value != nil }
        for seed in SeededGenerator.seeds(6) {
            var random = SeededGenerator(seed: seed)
            let decoder = DebeziumJSONDecoder(options: Self.options, resolve: CapturedStream.target)
            for _ in 0..<30 {
                var events: [Event] = []
                for index in 0..<31 {
                    var event = captured[Int.random(in: 0..<captured.count, using: &random)]
                    if index % 2 == 1 {
                        var value = event.value ?? []
                        mutate(&value, &random)
                        event.value = value
                        if var key = event.key, Bool.random(using: &random) {
                            mutate(&key, &random)
                            event.key = key
                        }
                    }
                    events.append(event)
                }
                let whole = stride(from: 0, to: events.count, by: 2)
                let expected = try DebeziumJSONDecoder(options: Self.options, resolve: CapturedStream.target).decode(
                    RawBatch(whole.map { events[$0] })
                )
                let decoded = try decoder.decode(RawBatch(events))
                #expect(decoded.rejected.allSatisfy { $0.offset % 2 == 1 }, "seed \(seed)")
                for (table, batch) in expected.changes {
                    let lines = batch.lines.map { line in
                        let parts = line.split(separator: " ", maxSplits: 1)
                        return "\(100 + 2 * ((Int(parts[0]) ?? 0) - 100)) \(parts[1])"
                    }
                    let found = decoded.changes.first { $0.table == table }?.batch.lines ?? []
                    let neighbours = found.filter { (Int($0.prefix { $0 != " " }) ?? 1) % 2 == 0 }
                    #expect(neighbours == lines, "seed \(seed)")
                }
            }
        }
    }

    @Test
    func `survives bytes that were never JSON`() throws {
        for seed in SeededGenerator.seeds(4) {
            var random = SeededGenerator(seed: seed)
            let decoder = DebeziumJSONDecoder(options: Self.options, resolve: CapturedStream.target)
            let alphabet = Array("{}[]:,\"\\ntf0-.eE \u{0}é".utf8)
            let events = (0..<500).map { _ in
                Event(
                    bytes: (0..<Int.random(in: 0..<300, using: &random)).map { _ in
                        alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
                    }
                )
            }
            let decoded = try decoder.decode(RawBatch(events))
            #expect(decoded.rejected.count == events.count, "seed \(seed)")
        }
    }

    @Test
    func `decodes a string of many megabytes`() throws {
        let schema = Schema(["id": .long, "v": .string])
        let decoder = DebeziumJSONDecoder { _ in TableTarget(index: 0, schema: schema, primaryKey: ["id"]) }
        let text = String(repeating: "0123456789abcdef", count: 2 << 20)
        let value = "{\"after\":{\"id\":1,\"v\":\"\(text)\\n\"},\"op\":\"c\"}"
        let decoded = try decoder.decode(RawBatch([Event(value), Event("{\"after\":{\"id\":2},\"op\":\"c\"}")]))
        let column = try #require(decoded.changes.first).batch.rows.columns[1]
        #expect(column.bytes(0).elementsEqual((text + "\n").utf8))
        #expect(column.isNull(1))
    }
}
