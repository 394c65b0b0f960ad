import Foundation
import Testing
import WeirTesting

/// The binary and PyIceberg committing to the same tables: histories that expire, branch or lack sequence numbers, and
/// rows added to the base store during a run.
@Suite(
    .serialized,
    .mostlyWaits,
    .hangGuard,
    .enabled(if: Peers.shouldRun, "scripts/install-test-peers has not run")
) struct ForeignHistoryTests {
    /// Runs commands in PyIceberg and returns the snapshots after each.
    @discardableResult
    private static func commit(_ folder: String, _ commands: String...) throws -> [[String]] {
        let warehouse = folder + "/warehouse"
        try FileManager.default.createDirectory(atPath: warehouse, withIntermediateDirectories: true)
        let output = try Peers.run(
            "pyiceberg_history.py",
            [warehouse + "/catalog.db", warehouse],
            input: commands.joined(separator: "\n") + "\n"
        )
        // A table without snapshots has an empty line.
        return output.dropLast().split(separator: "\n", omittingEmptySubsequences: false).map {
            $0.split(separator: " ").map(String.init)
        }
    }

    private static func ids(_ output: String) throws -> [Int] {
        try output.split(separator: "\n").map { line in
            let object = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            return try #require((object["row"] as? [String: Any] ?? object)["id"] as? Int)
        }
    }

    @Test func `changes of tables of version 1, and of upgraded ones, are all there`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            for (name, upgrade) in [("db.v1", []), ("db.upgraded", ["upgrade db.upgraded"])] {
                let commands =
                    ["create \(name) 1", "append \(name) 1:a", "append \(name) 2:b"] + upgrade
                    + ["overwrite \(name) 3:c", "append \(name) 4:d"]
                var snapshots: [String] = []
                for command in commands { snapshots = try #require(try Self.commit(folder, command).first) }
                for (start, expected) in [
                    ("earliest", [1, 2, 3, 4]), ("snapshot:\(snapshots[0])", [2, 3, 4]),
                    ("snapshot:\(snapshots[2])", [4]), ("latest", []),
                ] {
                    let read = try weir("read", name, "--from", start, "-o", "json")
                    // But for which commit it begins with.
                    let isPlain = read.errors.isEmpty || read.errors.hasPrefix("weir: changes after snapshot ")
                    #expect(read.status == 0 && isPlain, "\(read.errors)")
                    #expect(try Self.ids(read.output) == expected, "\(name) from \(start)")
                }
            }
        }
    }

    @Test func `a time means what main was then, and other branches have no part in it`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            try Self.commit(folder, "create db.t 2", "append db.t 1:a")
            Thread.sleep(forTimeInterval: 0.01)
            let snapshots = try Self.commit(folder, "branch db.t other 9:z")
            Thread.sleep(forTimeInterval: 0.01)
            let time = Int64(Date().timeIntervalSince1970 * 1000)
            Thread.sleep(forTimeInterval: 0.01)
            try Self.commit(folder, "append db.t 2:b")
            let scan = try weir("scan", "db.t", "--as-of", "\(time)", "-o", "json")
            #expect(try scan.status == 0 && Self.ids(scan.output) == [1], "\(scan.output)\(scan.errors)")
            let read = try weir("read", "db.t", "--from", "timestamp:\(time)", "-o", "json")
            #expect(try Self.ids(read.output) == [2])
            let branch = try #require(snapshots.first?.last)
            let aside = try weir("read", "db.t", "--from", "snapshot:\(branch)")
            #expect(aside.status == 1 && aside.errors.contains("no part of the history"), "\(aside.errors)")
        }
    }

    @Test func `expired history is told: before reading begins, and under a reader that follows`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            let snapshots = try Self.commit(
                folder,
                "create db.t 2",
                "append db.t 1:a",
                "append db.t 2:a",
                "append db.t 3:a",
                "append db.t 4:a"
            )
            let oldest = try #require(snapshots.last?.first)
            try Self.commit(folder, "expire db.t 2")
            let earliest = try weir("read", "db.t", "--from", "earliest", "-o", "json")
            #expect(try earliest.status == 0 && Self.ids(earliest.output).sorted() == [1, 2, 3, 4])
            #expect(earliest.errors.contains("expired"), "\(earliest.errors)")
            let gone = try weir("read", "db.t", "--from", "snapshot:\(oldest)")
            #expect(gone.status == 1 && gone.errors.contains("expired"), "\(gone.errors)")
            let early = try weir("read", "db.t", "--from", "timestamp:2020-01-01T00:00:00Z")
            #expect(early.status == 1 && early.errors.contains("expired"), "\(early.errors)")

            let reader = try weir.start(["read", "db.t", "--from", "latest", "--follow", "-o", "json"])
            // Expiry of snapshots that it has read does not affect it.
            for id in 5...6 {
                try Self.commit(folder, "append db.t \(id):a")
                #expect(reader.wait(seconds: 30) { reader.output.contains("\"id\":\(id)") }, "\(reader.errors)")
                try Self.commit(folder, "expire db.t 1")
            }
            // A stopped reader loses commits that it has not read.
            reader.signal(SIGSTOP)
            try Self.commit(folder, "append db.t 7:a", "append db.t 8:a", "append db.t 9:a")
            let left = try #require(try Self.commit(folder, "append db.t 10:a").first)
            try Self.commit(folder, "expire db.t \(left.count - 1)")
            reader.signal(SIGCONT)
            let ended = reader.finish(seconds: 30)
            #expect(ended.status == 1 && ended.errors.contains("expired"), "\(ended.status): \(ended.errors)")
            #expect(try Self.ids(ended.output) == [5, 6])
        }
    }

    @Test func `keys that another engine brings to base under a run have one row`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            let run = try weir.start(["run", "people.yaml"])
            var expected: [Int: String] = [:]
            func tell(_ id: Int, _ name: String?, _ operation: String) throws {
                try weir("log", "append", "people", input: BinaryTests.record(id, name, operation: operation))
                expected[id] = name
            }
            func settle(_ what: String) throws {
                var rows: [Int: String] = [:]
                run.wait(seconds: 30) {
                    rows = (try? BinaryTests.rows(weir)) ?? [:]
                    return rows == expected || !run.process.isRunning
                }
                #expect(rows == expected, "\(what): \(run.errors)")
            }
            try tell(1, "ada", "c")
            try settle("at the beginning")
            try Self.commit(folder, "append shop.people 7:other 8:other 9:other 10:other")
            for id in 7...10 { expected[id] = "other" }
            try settle("after the other's rows")
            try tell(7, "stream", "c")
            try tell(8, "stream", "u")
            try tell(9, nil, "d")
            try settle("after the stream's")
            try Self.commit(folder, "delete shop.people 10")
            expected[10] = nil
            try settle("after the other's delete")
            try tell(10, "back", "c")
            try tell(1, "ann", "u")
            try settle("at the end")
            run.signal(SIGTERM)
            #expect(run.finish(seconds: 30).status == 0, "\(run.errors)")
            #expect(try BinaryTests.rows(weir) == expected)
        }
    }
}
