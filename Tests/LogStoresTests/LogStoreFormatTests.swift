import Bytes
import ChangeEvents
import Columnar
import EventLog
import Testing
import WeirTesting

@testable import LogStores

/// Writing and reading back in both formats.
struct LogStoreFormatTests {
    private func written(_ values: [Scalar], _ schema: Schema, kind: ChangeKind = .insert) throws -> [UInt8] {
        let log = MemoryLog()
        let writer = try LogStoreWriter(log, schema: schema, primaryKey: [], upstream: UpstreamID("3f9a"), epoch: 5)
        try writer.write(ChangeBatch([Change(kind: kind, values: values)], schema: schema))
        return try #require(log.values().first)
    }

    private func json(_ value: Scalar, _ type: FieldType) throws -> String {
        let record = try written([value], Schema(["v": type]))
        return String(decoding: record.dropFirst(18 + 5).dropLast(), as: UTF8.self)
    }

    private func decoded(_ text: String, _ type: FieldType) throws -> Scalar {
        let header = LogStoreHeader(upstream: try UpstreamID("3f9a"), epoch: 5)
        let raw = RawBatch([header.bytes + Array(text.utf8)], firstOffset: 77)
        let entries = try LogStoreDecoder(Schema(["v": type])).decode(raw)
        guard case .rows(let rows)? = entries.first else { return .null }
        return rows.batch.rows.columns[0].scalar(0)
    }

    @Test func aRowIsTheWorkedExampleByteForByte() throws {
        let schema = Schema([
            "id": .long, "name": .string, "amount": .decimal(precision: 10, scale: 2), "ts": .timestamp,
        ])
        let record = try written(
            [.long(1), .string("alice"), .decimal(1050, scale: 2), .timestamp(1_704_164_645_000_000)],
            schema
        )
        let expected = """
            6e 65 74 01  33 66 39 61  00 00 00 00 00 00 00 05  00  00
            7b 22 69 64 22 3a 31 2c 22 6e 61 6d 65 22 3a 22 61 6c 69 63 65 22 2c 22 61 6d 6f 75 6e 74 22 3a 31 30 2e 35
            2c 22 74 73 22 3a 22 32 30 32 34 2d 30 31 2d 30 32 20 30 33 3a 30 34 3a 30 35 22 7d
            """
        #expect(Hex.encode(record) == expected.filter { !$0.isWhitespace })
    }

    @Test(arguments: [
        (1050, 2, "10.5"), (10_000, 2, "1E+2"), (120_000, 2, "1.2E+3"), (0, 2, "0"), (1, 7, "1E-7"),
        (-1, 6, "-0.000001"),
        (-10, 0, "-1E+1"), (123, 0, "123"), (-1_234_500, 1, "-1.2345E+5"), (5, 1, "0.5"), (12, 8, "1.2E-7"),
        (100, 2, "1"),
    ])
    func decimalsLoseTheirZeros(unscaled: Int, scale: Int, text: String) throws {
        let type = FieldType.decimal(precision: 38, scale: scale)
        #expect(try json(.decimal(Int128(unscaled), scale: scale), type) == text)
    }

    @Test(arguments: [
        (0.0, "0.0"), (-0.0, "-0.0"), (1, "1.0"), (10.5, "10.5"), (0.001, "0.001"), (0.0009, "9.0E-4"),
        (9_999_999, "9999999.0"), (1e7, "1.0E7"), (12_345_678, "1.2345678E7"), (1e10, "1.0E10"), (-1.5e-5, "-1.5E-5"),
        (1e22, "1.0E22"), (1.797_693_134_862_315_7e308, "1.7976931348623157E308"),
        (Double.leastNonzeroMagnitude, "5.0E-324"),
        (.nan, "\"NaN\""), (.infinity, "\"Infinity\""), (-.infinity, "\"-Infinity\""), (100_000_000.5, "1.000000005E8"),
    ])
    func doublesAreWrittenAsJavaDoes(value: Double, text: String) throws {
        #expect(try json(.double(value), .double) == text)
    }

    @Test func everyOtherTypeIsWrittenAsTheFormatHasIt() throws {
        let micros: Int64 = 1_704_164_645_000_000
        #expect(try json(.float(1.5e10), .float) == "1.5E10")
        #expect(try json(.float(0.1), .float) == "0.1")
        #expect(try json(.boolean(true), .boolean) == "true")
        #expect(try json(.int(-7), .int) == "-7")
        #expect(try json(.date(19_724), .date) == "\"2024-01-02\"")
        #expect(try json(.time(11_045_000_000), .time) == "\"03:04:05\"")
        #expect(try json(.time(11_045_120_000), .time) == "\"03:04:05.12\"")
        #expect(try json(.timestamp(micros + 1), .timestamp) == "\"2024-01-02 03:04:05.000001\"")
        #expect(try json(.timestamptz(micros), .timestamptz) == "\"2024-01-02T03:04:05Z\"")
        #expect(try json(.timestamptz(micros + 100_000), .timestamptz) == "\"2024-01-02T03:04:05.1Z\"")
        #expect(try json(.timestamp(micros - 5_000_000), .timestamp) == "\"2024-01-02 03:04:00\"")
        #expect(try json(.binary([]), .binary) == "\"\"")
        #expect(try json(.binary([0xfb, 0xff]), .binary) == "\"+/8=\"")
        #expect(try json(.fixed([1]), .fixed(1)) == "\"AQ==\"")
        #expect(try json(.uuid(1), .uuid) == "\"AAAAAAAAAAAAAAAAAAAAAQ==\"")
        #expect(try json(.string("é漢😀\"\\\n\u{1f}"), .string) == "\"é漢\\uD83D\\uDE00\\\"\\\\\\n\\u001F\"")
        #expect(try json(.null, .uuid) == "null")
    }

    @Test func readersTakeWhatOtherWritersWrite() throws {
        let price = FieldType.decimal(precision: 10, scale: 2)
        for text in ["1E+2", "100", "1.0e2", "\"100\"", "\"1E+2\"", "100.000", "10000E-2"] {
            #expect(try decoded("{\"v\":\(text)}", price) == .decimal(10_000, scale: 2), "\(text)")
        }
        let micros: Int64 = 1_704_164_645_500_000
        for text in ["2024-01-02 03:04:05.5", "2024-01-02T03:04:05.500", "2024-01-02T03:04:05.5Z"] {
            #expect(try decoded("{\"v\":\"\(text)\"}", .timestamp) == .timestamp(micros), "\(text)")
            #expect(try decoded("{\"v\":\"\(text)\"}", .timestamptz) == .timestamptz(micros), "\(text)")
        }
        #expect(try decoded("{\"v\":\"2024-01-02T05:04:05.5+02:00\"}", .timestamptz) == .timestamptz(micros))
        #expect(try decoded("{\"v\":\"00000000-0000-0000-0000-000000000001\"}", .uuid) == .uuid(1))
        #expect(try decoded("{}", price) == .null)
        #expect(try decoded("{\"other\":{\"a\":[1]}, \"v\" : 1}", .long) == .long(1))
        #expect(
            try decoded("{\"v\":\"__debezium_unavailable_value\"}", .string) == .string("__debezium_unavailable_value")
        )
    }

    @Test(arguments: [
        "", "[1]", "{\"v\":", "{\"v\":1.5}", "{\"v\":\"x\"}", "{\"v\":1}}", "{\"v\":1} {\"v\":2}", "nonsense",
    ])
    func rowsThatAreNoneNameTheirOffset(text: String) throws {
        #expect { try decoded(text, .long) } throws: { error in
            (error as? WeirError)?.code == .corrupt && "\(error)".contains("topic orders-log, partition 0, offset 77")
        }
    }

    @Test(arguments: SeededGenerator.seeds(20), LogStoreFormat.allCases)
    func randomRowsComeBack(seed: UInt64, format: LogStoreFormat) throws {
        var random = RandomChanges(seed: seed)
        let log = MemoryLog(partitions: 3)
        let schema = Schema.everything
        let isKeyed = Bool.random(using: &random.random)
        let writer = try LogStoreWriter(
            log,
            schema: schema,
            primaryKey: isKeyed ? [0, 11] : [],
            upstream: .random(),
            epoch: 7,
            format: format
        )
        var expected: [[Change]] = [[], [], []]
        var written = 0
        var wholes = 0
        for _ in 0..<5 {
            let batch = random.batch(schema, rows: Int.random(in: 1..<60, using: &random.random))
            // Half of a batch, so that columns do not start at the beginning of their memory.
            let start = Int.random(in: 0..<batch.count, using: &random.random)
            let picked = (start..<batch.count).map { Int32($0) }
            let part = ChangeBatch(
                rows: batch.rows.sliced(from: start, count: picked.count),
                kinds: batch.gathered(picked).kinds,
                offsets: batch.gathered(picked).offsets
            )
            try writer.write(part)
            let hashes = KeyHash.hashes(of: [part.rows.columns[0], part.rows.columns[11]], count: part.count)
            for (row, change) in part.changes.enumerated() {
                let target = isKeyed ? Int(hashes[row]) % 3 : format == .json ? written % 3 : wholes % 3
                expected[target].append(change)
                written += 1
            }
            wholes += 1
        }
        let decoder = try LogStoreDecoder(schema)
        for partition in 0..<3 {
            let entries = try decoder.decode(RawBatch(log.values(partition), partition: partition))
            var changes: [Change] = []
            for case .rows(let rows) in entries {
                #expect(rows.epoch == 7 && rows.upstream == writer.upstream)
                changes += rows.batch.changes
            }
            #expect(changes == expected[partition], "seed \(seed)")
        }
    }

    @Test(arguments: SeededGenerator.seeds(200), LogStoreFormat.allCases)
    func damagedRecordsAreErrors(seed: UInt64, format: LogStoreFormat) throws {
        var random = RandomChanges(seed: seed)
        let schema = Schema.everything
        let log = MemoryLog()
        let writer = try LogStoreWriter(log, schema: schema, primaryKey: [], upstream: .random(), format: format)
        try writer.write(random.batch(schema, rows: 9))
        var record = try #require(log.values().first)
        // The damage is in the directory, in the offsets of texts, or a truncation.
        if Bool.random(using: &random.random) {
            record.removeLast(Int.random(in: 1..<record.count, using: &random.random))
        } else {
            for _ in 0..<3 {
                let index = Int.random(in: 18..<min(record.count, 260), using: &random.random)
                record[index] = UInt8.random(in: 0...255, using: &random.random)
            }
        }
        // Every decoded value can be read without a trap.
        do {
            for case .rows(let rows) in try LogStoreDecoder(schema).decode(RawBatch([record])) {
                _ = rows.batch.changes
            }
        } catch {
            #expect(error.location?.contains("offset 0") == true, "seed \(seed)")
        }
    }

    @Test func batchesOfOtherColumnsAreRefused() throws {
        let log = MemoryLog()
        let schema = Schema(["a": .long])
        let writer = try LogStoreWriter(log, schema: schema, primaryKey: [], upstream: .random(), format: .columnar)
        try writer.write(ChangeBatch([Change(kind: .insert, values: [.long(1)])], schema: schema))
        let other = try LogStoreDecoder(Schema(["a": .string]))
        #expect { try other.decode(RawBatch(log.values())) } throws: { "\($0)".contains("other than the table's") }
    }

    @Test func nestedColumnsAreRefused() {
        let list = FieldType.list(element: Field(id: 2, name: "element", type: .int))
        #expect {
            try LogStoreWriter(MemoryLog(), schema: Schema(["l": list]), primaryKey: [], upstream: .random())
        } throws: { ($0 as? WeirError)?.code == .unsupported && "\($0)".contains("'l'") }
    }
}
