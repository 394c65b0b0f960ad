import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import Testing
import WeirTesting

/// `weir read --consumer`, `--markers` and `--from seq:`, and `weir consumer`, as a user meets them.
@Suite(.serialized, .mostlyWaits, .hangGuard) struct ConsumerCommandTests {
    /// A table of three commits with the rows 0 to 4, 5 to 9 and 10 to 14.
    private static func prepare(_ folder: String) throws -> WeirBinary {
        let weir = try BinaryTests.prepare(folder)
        for round in 0..<3 { try ingest(weir, round * 5..<round * 5 + 5) }
        return weir
    }

    private static func ingest(_ weir: WeirBinary, _ ids: Range<Int>) throws {
        let records = ids.map { BinaryTests.record($0, "n", operation: "c") }.joined()
        #expect(try weir("log", "append", "people", input: records).status == 0)
        let run = try weir("run", "people.yaml", "--until-caught-up", "--quiet")
        try #require(run.status == 0, "\(run.errors)")
    }

    private static func ids(_ result: WeirBinary.Result) throws -> [Int64] {
        try result.lines.compactMap { line in
            let object = try #require(JSONValue.parse(line).asObject)
            return try object["row"]?.asObject?.long("id")
        }
    }

    private static func consumer(_ weir: WeirBinary, _ name: String = "c") throws -> JSONObject? {
        try weir("consumer", "ls", "shop.people", "-o", "json").lines.map { line in
            try #require(JSONValue.parse(line).asObject)
        }.first { $0["consumer"]?.asString == name }
    }

    private static func open(_ folder: String) throws -> MixedTable {
        let catalog = try SQLiteCatalog(path: folder + "/warehouse/catalog.db", warehouse: folder + "/warehouse")
        return try MixedTable.load(TableIdentifier("shop.people"), from: catalog)
    }

    private static func set(_ properties: [String: String], on table: MixedTable) throws {
        var transaction = Transaction(try table.refreshed().ingestStore)
        transaction.setProperties(properties)
        _ = try transaction.commit()
    }

    /// As Amoro removes what is in base.
    private static func removeChanges(of table: MixedTable, upTo sequence: Int64) throws {
        let change = try #require(table.refreshed().change)
        let old = try change.plan().filter { $0.dataSequenceNumber <= sequence }
        var removal = Transaction(change)
        removal.overwrite(adding: [], removing: old.map(\.file), operation: .delete)
        _ = try removal.commit()
    }

    @Test func `a consumer goes on where it stopped, amid a commit too`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            let first = try weir("read", "shop.people", "--consumer", "c", "--from", "earliest", "--limit", "7")
            #expect(try first.status == 0 && Self.ids(first) == Array(0..<7), "\(first.errors)")
            let listed = try #require(try Self.consumer(weir))
            #expect(listed["position"]?.asString == "1+2" && listed["state"]?.asString == "live")
            #expect(listed["lag_changes"]?.asInteger == 8 && listed["lag_commits"]?.asInteger == 2)
            #expect(listed["pins"]?.asString == "changes after commit 1" && listed["reader"] == .null)
            let second = try weir("read", "shop.people", "--consumer", "c", "--limit", "2", "--consumer-ttl", "12h")
            #expect(try Self.ids(second) == [7, 8])
            #expect(second.errors.contains("goes on behind commit 1 and 2 changes of the next one"), "\(second.errors)")
            #expect(try Self.consumer(weir)?["ttl_ms"]?.asInteger == 43_200_000)
            let again = try weir("read", "shop.people", "--consumer", "c", "--from", "earliest")
            #expect(again.status == 1 && again.errors.contains("weir consumer reset shop.people c --to"))
            #expect(try Self.ids(weir("read", "shop.people", "--consumer", "c")) == Array(9..<15))
            #expect(try Self.ids(weir("read", "shop.people", "--consumer", "c")) == [])
            try Self.ingest(weir, 20..<22)
            let events = try weir("read", "shop.people", "--consumer", "c", "-o", "debezium")
            #expect(events.lines.count == 2)

            // Moved, with a scan that goes on amid the rows.
            #expect(try weir("consumer", "reset", "shop.people", "c", "--to", "full").status == 0)
            var rows: [Int64] = []
            for _ in 0..<6 { rows += try Self.ids(weir("read", "shop.people", "--consumer", "c", "--limit", "3")) }
            #expect(rows.count == 17 && Set(rows) == Set(Array(0..<15) + [20, 21]))
            let made = try weir("consumer", "reset", "shop.people", "d", "--to", "seq:1+3", "--consumer-ttl", "1h")
            #expect(made.status == 0 && made.errors.contains("is new and begins"), "\(made.errors)")
            #expect(try Self.ids(weir("read", "shop.people", "--consumer", "d", "--limit", "2")) == [8, 9])
            let dropped = try weir("consumer", "drop", "shop.people", "d")
            #expect(try dropped.status == 0 && Self.consumer(weir, "d") == nil)
        }
    }

    @Test func `an update is not cut in two for Debezium`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            for name in ["a", "b", "c"] {
                let records = (0..<3).map { BinaryTests.record($0, name, operation: "u") }.joined()
                #expect(try weir("log", "append", "people", input: records).status == 0)
                #expect(try weir("run", "people.yaml", "--until-caught-up", "--quiet").status == 0)
            }
            let read = ["read", "shop.people", "--consumer", "c", "-o", "debezium", "--limit", "1"]
            var lines = try weir.run(read + ["--from", "earliest"]).lines
            for _ in 0..<9 { lines += try weir.run(read).lines }
            let whole = try weir("read", "shop.people", "--from", "earliest", "-o", "debezium").lines
            // Each event is there once; the times of printing differ.
            func plain(_ line: String) throws -> String {
                let object = try #require(JSONValue.parse(line).asObject)
                return "\(object["op"] as Any) \(object["before"] as Any) \(object["after"] as Any)"
            }
            #expect(try lines.map(plain) == whole.map(plain))
        }
    }

    @Test func `a program goes on behind any commit, and amid it`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            for (start, expected) in [
                ("seq:0", 0..<15), ("seq:1", 5..<15), ("seq:2", 10..<15), ("seq:3", 0..<0), ("seq:1+0", 5..<15),
                ("seq:1+3", 8..<15), ("seq:0+5", 5..<15),
            ] {
                let read = try weir("read", "shop.people", "--from", start, "--markers")
                #expect(
                    try read.status == 0 && Self.ids(read) == expected.map { Int64($0) },
                    "\(start): \(read.errors)"
                )
            }
            let read = try weir("read", "shop.people", "--from", "seq:1+3", "--markers")
            let markers = try read.lines.map { try #require(JSONValue.parse($0).asObject) }.filter {
                $0["commit"] != nil
            }
            #expect(markers.map { $0["commit"]?.asInteger } == [2, 3])
            #expect(markers.map { $0["changes"]?.asInteger } == [5, 5])
            #expect(markers[0]["timestamp"]?.asString?.hasSuffix("Z") == true)
            let latest = try weir("read", "shop.people", "--from", "latest", "--markers")
            #expect(latest.lines.count == 1 && latest.output.hasPrefix("{\"commit\":3,"))
            let full = try weir("read", "shop.people", "--from", "full", "--markers")
            #expect(full.lines.count == 16 && full.lines.last?.hasPrefix("{\"commit\":3,") == true)
            #expect(full.lines.last?.hasSuffix("\"changes\":15}") == true)
            for (start, message) in [
                ("seq:4", "no commit 4 yet: its newest is 3"), ("seq:3+1", "no commit with changes follows 3 yet"),
                ("seq:2+6", "has 5 changes, so 6 of them cannot be skipped"),
            ] {
                let refused = try weir("read", "shop.people", "--from", start)
                #expect(refused.status == 1 && refused.output.isEmpty, "\(start)")
                #expect(refused.errors.contains(message), "\(refused.errors)")
            }
        }
    }

    @Test func `wrong arguments are told`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            for (arguments, message) in [
                (["read", "shop.people"], "--from or --consumer is missing"),
                (["read", "shop.people", "--consumer", "a b"], "is no name for a consumer"),
                (["read", "shop.people", "--from", "latest", "--take-over"], "--take-over is for --consumer"),
                (
                    ["read", "shop.people", "--from", "latest", "--consumer-ttl", "1d"],
                    "--consumer-ttl is for --consumer"
                ),
                (["read", "shop.people", "--consumer", "c", "--consumer-ttl", "5"], "is no TTL of a consumer"),
                (["read", "shop.people", "--from", "latest", "--markers", "-o", "csv"], "--markers is for -o json"),
                (["read", "shop.people", "--from", "seq:"], "cannot read from 'seq:'"),
                (["read", "shop.people", "--from", "seq:-1"], "cannot read from 'seq:-1'"),
                (["read", "shop.people", "--from", "seq:1+"], "cannot read from 'seq:1+'"),
                (["read", "shop.people", "--from", "seq:99999999999999999999"], "cannot read from 'seq:9"),
                (["consumer", "reset", "shop.people", "c", "--to", "nowhere"], "cannot read from 'nowhere'"),
            ] {
                let result = try weir.run(arguments)
                #expect(result.status == 2 && result.errors.contains(message), "\(arguments): \(result.errors)")
            }
            let missing = try weir("read", "shop.people", "--consumer", "c")
            #expect(missing.status == 1 && missing.errors.contains("has no consumer 'c' yet"), "\(missing.errors)")
            #expect(try weir("consumer", "reset", "shop.people", "search", "--to", "latest").status == 0)
            let near = try weir("consumer", "drop", "shop.people", "serch")
            #expect(near.status == 1 && near.errors.contains("did you mean 'search'?"), "\(near.errors)")
            let set = try weir("table", "alter", "shop.people", "--set", "weir.consumer.c={}")
            #expect(set.status != 0, "\(set.errors)")
        }
    }

    @Test func `a second reader is refused, and takes over when it is told to or the first was killed`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            let first = try weir.start(["read", "shop.people", "--consumer", "c", "--from", "earliest", "--follow"])
            #expect(first.wait(seconds: 120) { first.output.contains("\"id\":14") })
            let refused = try weir("read", "shop.people", "--consumer", "c")
            #expect(refused.status == 1 && refused.errors.contains("is being read by process"), "\(refused.errors)")
            #expect(try weir("consumer", "reset", "shop.people", "c", "--to", "full").status == 1)
            #expect(try weir("consumer", "drop", "shop.people", "c").status == 1)
            let second = try weir.start(["read", "shop.people", "--consumer", "c", "--follow", "--take-over"])
            // The first one notices when it has something to store.
            #expect(second.wait(seconds: 120) { second.errors.contains("goes on") })
            try Self.ingest(weir, 30..<31)
            let fenced = first.finish(seconds: 60)
            #expect(fenced.status == 1 && fenced.errors.contains("has taken it over"), "\(fenced.errors)")
            #expect(second.wait(seconds: 120) { second.output.contains("\"id\":30") })
            second.signal(SIGKILL)
            _ = second.finish(seconds: 60)
            let third = try weir("read", "shop.people", "--consumer", "c")
            #expect(third.status == 0, "\(third.errors)")
            #expect(try Self.consumer(weir)?["position"]?.asString == "4")
        }
    }

    @Test func `a reader that goes away loses nothing that it has not taken`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            try Self.ingest(weir, 0..<20_000)
            var seen: [Int] = []
            var calls = 0
            while seen.count < 20_000, calls < 200 {
                calls += 1
                let start = calls == 1 ? "--from earliest" : ""
                // It takes 64 kB out of the pipe at once, and ends.
                let command =
                    "\(WeirBinary.path) read shop.people --consumer c \(start) -o csv --quiet 2>err"
                    + "| { dd bs=65536 count=1 2>/dev/null | cat; }"
                let script = folder + "/pipe.sh"
                try command.write(toFile: script, atomically: true, encoding: .utf8)
                let process = Process()
                process.executableURL = URL(fileURLWithPath: "/bin/sh")
                process.arguments = [script]
                process.currentDirectoryURL = URL(fileURLWithPath: folder)
                let pipe = Pipe()
                process.standardOutput = pipe
                try process.run()
                let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                // The last line may be cut.
                for line in output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().dropFirst() {
                    seen.append(try #require(Int(line.split(separator: ",")[2])))
                }
            }
            // Nothing is missing: what was printed twice is what was not taken.
            #expect(Set(seen).count == 20_000)
            var highest = -1
            for id in seen {
                #expect(id <= highest + 1, "\(id) behind \(highest)")
                highest = max(highest, id)
            }
        }
    }

    @Test func `one that was silent is told, and what is gone is named with what to do`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            #expect(try weir("consumer", "reset", "shop.people", "c", "--to", "seq:1").status == 0)
            let table = try Self.open(folder)
            let lapsed = try #require(try table.consumer("c"))
            var old = lapsed
            old.seenMs -= 8 * 86_400_000
            try Self.set([Consumer.propertyName("c"): old.json], on: table)
            #expect(try Self.consumer(weir)?["state"]?.asString == "lapsed")
            #expect(try Self.consumer(weir)?["pins"] == .null)
            let back = try weir("read", "shop.people", "--consumer", "c", "--limit", "2")
            #expect(try back.status == 0 && Self.ids(back) == [5, 6])
            #expect(
                back.errors.contains("was silent for 8 d") || back.errors.contains("was silent for"),
                "\(back.errors)"
            )
            #expect(try Self.consumer(weir)?["state"]?.asString == "live")
            // Its changes go.
            try Self.removeChanges(of: table, upTo: 2)
            let gone = try weir("read", "shop.people", "--consumer", "c")
            #expect(gone.status == 1 && gone.errors.contains("consumer 'c' cannot go on"), "\(gone.errors)")
            #expect(gone.errors.contains("weir consumer reset shop.people c --to full"), "\(gone.errors)")
            #expect(try Self.consumer(weir)?["state"]?.asString == "missing")
            #expect(try weir("consumer", "reset", "shop.people", "c", "--to", "full").status == 0)
            #expect(try Self.ids(weir("read", "shop.people", "--consumer", "c")).count == 15)
        }
    }

    @Test(.enabled(if: Peers.shouldRun, "scripts/install-test-peers has not run"))
    func `another engine's expiry leaves what a scan needs`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            #expect(try weir("consumer", "reset", "shop.people", "c", "--to", "full").status == 0)
            var rows = try Self.ids(weir("read", "shop.people", "--consumer", "c", "--limit", "4"))
            for round in 5..<8 { try Self.ingest(weir, round * 5..<round * 5 + 5) }
            let warehouse = folder + "/warehouse"
            let commands = "expire-all shop.people\nexpire-all shop.people_change_\n"
            _ = try Peers.run("pyiceberg_history.py", [warehouse + "/catalog.db", warehouse], input: commands)
            let left = try weir("table", "snapshots", "shop.people", "-o", "json").lines
            #expect(left.count == 4 && left.filter { $0.contains("weir-consumer-c") }.count == 2, "\(left)")
            rows += try Self.ids(weir("read", "shop.people", "--consumer", "c", "--limit", "11"))
            #expect(Set(rows) == Set(0..<15) && rows.count == 15)
        }
    }
}
