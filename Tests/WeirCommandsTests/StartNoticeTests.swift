import Foundation
import Testing
import WeirTesting

/// The commit at which a reader starts, and optimize without a kind, end to end.
@Suite(.serialized, .mostlyWaits, .timeLimit(.minutes(30))) struct StartNoticeTests {
    private static func snapshots(_ weir: WeirBinary) throws -> [(id: Int64, time: String)] {
        try weir("table", "snapshots", "shop.people", "-o", "json").lines.compactMap { line in
            let object = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            guard object["store"] as? String == "change", let id = object["snapshot"] as? NSNumber else { return nil }
            return (id.int64Value, try #require(object["committed_at"] as? String))
        }
    }

    /// A table of three commits, one row each.
    private static func prepare(_ folder: String) throws -> WeirBinary {
        let weir = try BinaryTests.prepare(folder)
        for (id, name) in [(1, "ada"), (2, "bob"), (3, "eve")] {
            try weir("log", "append", "people", input: BinaryTests.record(id, name, operation: "c"))
            let run = try weir("run", "people.yaml", "--until-caught-up", "--set", "pipeline.materialize=off")
            #expect(run.status == 0, "\(run.errors)")
            // Commits differ in their times.
            Thread.sleep(forTimeInterval: 0.005)
        }
        return weir
    }

    @Test func `a reader says behind which commit it begins and with which`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            let all = try Self.snapshots(weir)
            try #require(all.count == 3)
            let starts = [
                (
                    "snapshot:\(all[0].id)", "changes after snapshot \(all[0].id) (\(all[0].time)",
                    "snapshot \(all[1].id)"
                ),
                ("timestamp:\(all[1].time)", "changes after snapshot \(all[0].id)", "snapshot \(all[1].id)"),
                ("timestamp:1970-01-01", "all changes; the first commit", "snapshot \(all[0].id)"),
                ("latest", "changes after snapshot \(all[2].id)", "still to come"),
                ("full", "rows as of snapshot \(all[2].id)", "still to come"),
            ]
            for (start, behind, first) in starts {
                let read = try weir("read", "shop.people", "--from", start)
                #expect(read.status == 0, "\(read.errors)")
                let expected = read.errors.contains(behind) && read.errors.contains("is \(first)")
                #expect(expected, "\(start): \(read.errors)")
                #expect(try weir("read", "shop.people", "--from", start, "--quiet").errors == "")
            }
            for options in [["--snapshot", "\(all[1].id)"], ["--as-of", all[1].time]] {
                let scan = try weir.run(["scan", "shop.people", "--count", "-o", "csv"] + options)
                #expect(scan.output == "count\n2\n", "\(scan.output)")
                let expected = "rows as of snapshot \(all[1].id) (\(all[1].time)"
                #expect(scan.errors.contains(expected), "\(scan.errors)")
            }
            #expect(try weir("scan", "shop.people").errors == "")
        }
    }

    @Test func `optimize without a kind merges what there is to merge`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            let first = try weir("optimize", "shop.people")
            #expect(first.status == 0 && first.output.contains("3 rows moved into base, in"), "\(first.output)")
            #expect(first.errors.contains("full optimize of shop.people: 3 change files to merge"), "\(first.errors)")
            let second = try weir("optimize", "shop.people")
            #expect(second.status == 0 && second.output.contains("optimized already"), "\(second.output)")
            #expect(try BinaryTests.rows(weir) == [1: "ada", 2: "bob", 3: "eve"])
        }
    }
}
