import Bytes
import Columnar
import Testing
import WeirTesting

@testable import IcebergFormat

@Suite struct ValueTests {
    /// Spec appendix D.
    @Test func `single values have their binary form`() throws {
        #expect(SingleValue.encode(.boolean(true)) == [1])
        #expect(SingleValue.encode(.int(-2)) == [0xfe, 0xff, 0xff, 0xff])
        #expect(SingleValue.encode(.decimal(1420, scale: 2)) == [0x05, 0x8c])
        #expect(SingleValue.encode(.decimal(-1, scale: 0)) == [0xff])
        #expect(SingleValue.encode(.decimal(128, scale: 0)) == [0x00, 0x80])
        #expect(SingleValue.encode(.decimal(0, scale: 0)) == [0])
        #expect(SingleValue.encode(.uuid(1)) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
        #expect(try SingleValue.decode([1, 0, 0, 0], .long) == .long(1))
        #expect(try SingleValue.decode([0, 0, 0x80, 0x3f], .double) == .double(1))
        #expect(throws: WeirError.self) { try SingleValue.decode([1, 2, 3], .long) }
        #expect(throws: WeirError.self) { try SingleValue.decode([0xff], .string) }
        #expect(throws: WeirError.self) { try SingleValue.decode([], .decimal(precision: 3, scale: 0)) }
    }

    @Test(arguments: SeededGenerator.seeds(5))
    func `single values come back`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for field in ManifestTests.schema.fields {
            for _ in 0..<100 {
                let value = Scalar.random(field.type, &random)
                let bytes = try #require(SingleValue.encode(value))
                #expect(try SingleValue.decode(bytes, field.type) == value)
            }
        }
    }

    @Test(arguments: SeededGenerator.seeds(5))
    func `cut bounds still enclose their value`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for type in [FieldType.string, .binary] {
            for _ in 0..<300 {
                let value = Scalar.random(type, &random)
                let length = Int.random(in: 1...8, using: &random)
                #expect(value.precedes(TruncatedBound.lower(value, length)) == false)
                if let upper = TruncatedBound.upper(value, length) { #expect(upper.precedes(value) == false) }
            }
        }
        #expect(TruncatedBound.upper(.string("abcd"), 2) == .string("ac"))
        #expect(TruncatedBound.upper(.string("a\u{10ffff}x"), 2) == .string("b"))
        #expect(TruncatedBound.upper(.string("\u{d7ff}x"), 1) == .string("\u{e000}"))
        #expect(TruncatedBound.upper(.string("\u{10ffff}x"), 1) == nil)
        #expect(TruncatedBound.upper(.binary([1, 0xff, 3]), 2) == .binary([2]))
    }

    @Test func `metrics modes follow the table's properties`() {
        let schema = Schema((1...120).map { Field(id: $0, name: "c\($0)", type: .long) })
        let inferred = MetricsConfig(properties: ["write.metadata.metrics.column.c110": "full"], schema: schema)
        #expect(inferred.mode(field: 1) == .truncate(16))
        #expect(inferred.mode(field: 101) == MetricsMode.none)
        #expect(inferred.mode(field: 110) == .full)
        #expect(inferred.mode(field: DataFile.deletePathFieldId) == .full)
        let counts = MetricsConfig(properties: ["write.metadata.metrics.default": "counts"], schema: schema)
        #expect(counts.mode(field: 101) == .counts)
    }

    @Test func `json keeps what it does not understand`() throws {
        let text = #"{"b":9223372036854775807,"a":[1.50,-0,1e3,true,null],"x":{"\u00e9\n":"\ud83e\udd86/"}}"#
        let value = try JSONValue.parse(text)
        #expect(value.text == #"{"b":9223372036854775807,"a":[1.50,0,1e3,true,null],"x":{"é\n":"🦆/"}}"#)
        #expect(value.asObject?["b"]?.asInteger == .max)
        for wrong in ["", "{", "[1,]", "{\"a\" 1}", "nul", "\"\\ud800\"", "\"a", "1 2", "--1", "\"\u{1}\"", "{a:1}"] {
            #expect(throws: WeirError.self, "\(wrong)") { try JSONValue.parse(wrong) }
        }
        #expect(throws: WeirError.self) { try JSONValue.parse(String(repeating: "[", count: 100_000)) }
        #expect(throws: WeirError.self) { try JSONValue.parse([0x22, 0xff, 0x22]) }
    }

    @Test func `puffin blobs come back, and damage is an error`() throws {
        let blobs = [
            PuffinFile.Blob(
                type: "optimized-sequence",
                snapshotId: 3,
                sequenceNumber: 2,
                bytes: Array(#"{"":42}"#.utf8)
            ),
            PuffinFile.Blob(
                type: "x",
                fields: [1, 2],
                snapshotId: .max,
                sequenceNumber: 1,
                properties: ["k": "v"],
                bytes: []
            ),
        ]
        let (bytes, footerSize) = PuffinFile.encode(blobs)
        #expect(try PuffinFile.decode(bytes, at: "p") == blobs)
        #expect(bytes[(bytes.count - Int(footerSize))...].starts(with: Array("PFA1".utf8)))
        var random = SeededGenerator(seed: SeededGenerator.seeds(1)[0])
        for _ in 0..<Soak.rounds(3000) {
            var damaged = bytes
            damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            if Bool.random(using: &random) { damaged.removeLast(Int.random(in: 0..<damaged.count, using: &random)) }
            do throws(WeirError) { _ = try PuffinFile.decode(damaged, at: "p.puffin") } catch {
                #expect(error.location?.hasPrefix("p.puffin") == true)
            }
        }
    }
}
