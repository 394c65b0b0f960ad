import Foundation
import IcebergFormat
import IcebergTables
import Testing
import WeirTesting

/// Commands on tables that a run uses or would create.
@Suite(.serialized, .mostlyWaits, .timeLimit(.minutes(30))) struct HeldTableTests {
    private static let patience = 1200.0

    private static func running(_ weir: WeirBinary) throws -> WeirBinary.Running {
        let run = try weir.start(["run", "people.yaml"])
        try weir("log", "append", "people", input: BinaryTests.record(1, "ada", operation: "c"))
        let isThere = run.wait(seconds: patience) {
            !run.process.isRunning || (try? weir("scan", "shop.people", "--count"))?.output.contains("1") == true
        }
        try #require(isThere && run.process.isRunning, "\(run.errors)")
        return run
    }

    @Test func `a run that misses a topic has made no tables`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            try BinaryTests.topology.write(toFile: folder + "/people.yaml", atomically: true, encoding: .utf8)
            let run = try weir("run", "people.yaml", "--until-caught-up")
            #expect(run.status == 1 && run.errors.contains("topic 'people', which does not exist"), "\(run.errors)")
            let tables = try weir("table", "ls", "-o", "csv")
            #expect(!tables.output.contains("people"), "\(tables.output)")
            #expect(!FileManager.default.fileExists(atPath: folder + "/warehouse/shop"))
        }
    }

    @Test func `a table that a run works with is dropped by force alone, and the run says so`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            let run = try Self.running(weir)
            for options in [["--yes"], ["--dry-run"], ["--purge", "--yes"]] {
                let refused = try weir.run(["table", "drop", "shop.people"] + options)
                let holder = "in use by topology 'people', which process \(run.process.processIdentifier) runs"
                #expect(refused.status == 1 && refused.errors.contains(holder), "\(refused.errors)")
                #expect(refused.errors.contains("--force"), "\(refused.errors)")
            }
            #expect(try BinaryTests.rows(weir) == [1: "ada"])
            let forced = try weir("table", "drop", "shop.people", "--yes", "--force")
            #expect(forced.status == 0, "\(forced.errors)")
            try weir("log", "append", "people", input: BinaryTests.record(2, "bob", operation: "c"))
            let ended = run.finish(seconds: Self.patience)
            let plain = "table shop.people was dropped while topology 'people' works with it"
            #expect(ended.status == 1 && ended.errors.contains(plain), "\(ended.errors)")

            // As the hint says; no process holds the table any more.
            let again = try weir("run", "people.yaml", "--until-caught-up")
            #expect(again.status == 0, "\(again.errors)")
            #expect(try BinaryTests.rows(weir) == [1: "ada", 2: "bob"])
            #expect(try weir("table", "drop", "shop.people", "--yes").status == 0)
        }
    }

    @Test(arguments: [false, true])
    func `a table that something else drops is named by the run`(isMadeAnew: Bool) throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            let run = try Self.running(weir)
            let warehouse = folder + "/warehouse"
            let catalog = try SQLiteCatalog(path: warehouse + "/catalog.db", warehouse: warehouse)
            for name in ["shop.people_change_", "shop.people"] { try catalog.unregister(try TableIdentifier(name)) }
            if isMadeAnew {
                let columns = ["--column", "id:long!", "--column", "name:string", "--primary-key", "id"]
                let made = try weir.run(["table", "create", "shop.people"] + columns)
                #expect(made.status == 0, "\(made.errors)")
            }
            try weir("log", "append", "people", input: BinaryTests.record(2, "bob", operation: "c"))
            let ended = run.finish(seconds: Self.patience)
            let plain = "table shop.people was dropped \(isMadeAnew ? "and made anew " : "")while topology 'people'"
            #expect(ended.status == 1 && ended.errors.contains(plain), "\(ended.errors)")
            let again = try weir("run", "people.yaml", "--until-caught-up")
            #expect(again.status == 0, "\(again.errors)")
            #expect(try BinaryTests.rows(weir) == [1: "ada", 2: "bob"])
        }
    }

    @Test func `dead letters of records that are read again are not told again`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            let input = BinaryTests.record(1, "ada", operation: "c") + "{\"id\":2}\tnot json\n"
            try weir("log", "append", "people", input: input)
            let first = try weir("run", "people.yaml", "--until-caught-up")
            #expect(first.status == 0 && first.errors.contains("could not be taken in"), "\(first.errors)")
            // The new table is filled from the first record on.
            #expect(try weir("table", "drop", "shop.people", "--yes").status == 0)
            let bad = "{\"id\":3}\tnot json either\n"
            for (more, letters) in [("", 0), (bad, 1)] {
                if letters == 0 { #expect(more.isEmpty) } else { try weir("log", "append", "people", input: more) }
                let run = try weir("run", "people.yaml", "--until-caught-up", "-o", "json")
                // Of the second topic only the bad record is new.
                #expect(
                    run.status == (letters > 0 ? 3 : 0) && run.output.contains("\"dead_letters\":\(letters),"),
                    "\(run.output)"
                )
                #expect(run.errors.contains("could not be taken in") == (letters > 0), "\(run.errors)")
                #expect(!run.errors.contains("offset 1"), "\(run.errors)")
            }
            #expect(try BinaryTests.rows(weir) == [1: "ada"])
        }
    }
}
