import ChangeEvents
import Foundation
import ObjectStorage
import Testing
import WeirTesting

@testable import StreamRuntime

@Suite struct DeadLetterFileTests {
    static func letter(_ offset: Int64, topic: String = "orders", table: String? = "shop.orders", value: String? = "v")
        -> DeadLetter
    {
        var letter = DeadLetter(topic: topic, partition: 3, offset: offset, table: table, reason: "why \"so\" {,}")
        letter.value = value
        return letter
    }

    static func lines(_ path: String) throws -> Int {
        try Data(contentsOf: URL(fileURLWithPath: path)).count { $0 == 0x0a }
    }

    @Test func `letters that are there are not written again, whatever they carry`() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/dead-letters/t.ndjson"
            let letters = [
                Self.letter(0, value: #"{"topic":"x","offset":9,"s":"a\"}"#),
                Self.letter(1, value: String(repeating: "long \\ \" ", count: 300_000)),
                Self.letter(2, topic: "a \"quoted\" topic", table: nil, value: nil),
                Self.letter(3, value: "line\nbreak ü \u{0}"),
            ]
            try DeadLetterFile(path: path, files: LocalFileSystem()).append(letters)
            #expect(try Self.lines(path) == 4)
            // A torn line is removed.
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            try (whole + Data(#"{"offset":7,"#.utf8)).write(to: URL(fileURLWithPath: path))
            let again = try DeadLetterFile(path: path, files: LocalFileSystem())
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole)
            try again.append(letters)
            #expect(again.count == 0)
            try again.append([Self.letter(0, table: "shop.other")])
            #expect(again.count == 1)
            #expect(try Self.lines(path) == 5)
        }
    }

    @Test func `only letters that may come again are remembered`() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/t.ndjson"
            try DeadLetterFile(path: path, files: LocalFileSystem()).append((0..<10).map { Self.letter($0) })
            let file = try DeadLetterFile(path: path, files: LocalFileSystem()) { topic, partition, offset in
                #expect(topic == "orders" && partition == 3)
                return offset >= 6
            }
            try file.append((0..<10).map { Self.letter($0) })
            #expect(file.count == 6)
            #expect(try Self.lines(path) == 16)
        }
    }

    @Test func `letters that every table is past are forgotten, the others are not`() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/t.ndjson"
            let file = try DeadLetterFile(path: path, files: LocalFileSystem())
            for round in 0..<50 {
                let letters = (0..<100).map { Self.letter(Int64(round * 100 + $0)) }
                try file.append(letters)
                var ledger = PositionLedger()
                ledger.advance(topic: "orders", partition: 3, to: Int64(round * 100 + 90))
                file.forget(below: ledger)
                #expect(file.knownCount == 10)
                try file.append(Array(letters.suffix(10)))
            }
            #expect(try Self.lines(path) == 5000)
        }
    }
}
