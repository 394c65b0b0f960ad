import Bytes
import Foundation
import IcebergFormat
import Testing
import WeirTesting

/// The binary on a table whose snapshots expire: what still works, and what is told.
@Suite(.serialized, .mostlyWaits, .hangGuard) struct ExpiringTableTests {
    private static func ids(_ output: String) throws -> [Int64] {
        try output.split(separator: "\n").map { line in
            try #require(try JSONValue.parse(String(line)).asObject?["row"]?.asObject).long("id")
        }
    }

    @Test func `changes are read from snapshots' times that have expired, and rows are not`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            func ingest(_ ids: Range<Int>) throws {
                let records = ids.map { BinaryTests.record($0, "n", operation: "c") }.joined()
                #expect(try weir("log", "append", "people", input: records).status == 0)
                let run = try weir("run", "people.yaml", "--until-caught-up", "--quiet")
                #expect(run.status == 0, "\(run.errors)")
            }
            try ingest(0..<10)
            let set = try weir("table", "alter", "shop.people", "--set", "snapshot.keep.max-count=2")
            #expect(set.status == 0 && !set.errors.contains("no effect"), "\(set.errors)")
            let listed = try weir("table", "snapshots", "shop.people", "-o", "json").lines.map { line in
                try #require(try JSONValue.parse(line).asObject)
            }
            let first = try #require(listed.first { $0["store"]?.asString == "change" })
            let id = try first.long("snapshot")
            let time = try first.string("committed_at")
            for round in 1...4 { try ingest(round * 10..<round * 10 + 10) }
            let left = try weir("table", "snapshots", "shop.people", "-o", "json").lines
            #expect(left.count == 4 && !left.contains { $0.contains(String(id)) }, "\(left)")

            let earliest = try weir("read", "shop.people", "--from", "earliest", "-o", "json")
            #expect(try earliest.status == 0 && Self.ids(earliest.output) == Array(0..<50))
            #expect(!earliest.errors.contains("missing"), "\(earliest.errors)")
            let since = try weir("read", "shop.people", "--from", "timestamp:\(time)", "-o", "json")
            #expect(try since.status == 0 && Self.ids(since.output) == Array(0..<50), "\(since.errors)")
            let gone = try weir("read", "shop.people", "--from", "snapshot:\(id)")
            #expect(gone.status == 1 && gone.errors.contains("may have expired"), "\(gone.errors)")
            let asOf = try weir("scan", "shop.people", "--as-of", time)
            #expect(asOf.status == 1 && asOf.errors.contains("the oldest known is of"), "\(asOf.errors)")
            #expect(try BinaryTests.rows(weir).count == 50)
            let refused = try weir("table", "alter", "shop.people", "--set", "snapshot.keep.max-count=0")
            #expect(refused.status != 0 && refused.errors.contains("snapshot.keep.max-count"), "\(refused.errors)")
        }
    }
}
