import Foundation
import Testing
import WeirTesting

/// Messages of `weir table` about mistakes and unsupported operations.
@Suite(.serialized, .mostlyWaits, .timeLimit(.minutes(30))) struct TableMessageTests {
    @Test func `columns and types that are no good are refused or told`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            let both = try weir(
                "table",
                "create",
                "db.t",
                "--column",
                "F:int",
                "--column",
                "f:int",
                "--column",
                "a.b:int"
            )
            #expect(both.status == 0 && both.errors.contains("'F' and 'f' differ in case alone"), "\(both.errors)")
            #expect(both.errors.contains("'a.b' has a dot"), "\(both.errors)")
            for (column, words) in [
                (":int", "a column needs a name"), ("_file_offset:long", "files of changes"), ("id", "has no type"),
                ("x:decimal(50,2)", "at most 38 digits, not 50"), ("x:lung", "did you mean 'long'?"),
            ] {
                let run = try weir("table", "create", "db.u", "--column", column)
                #expect(run.status == 1 && run.errors.contains(words), "\(column): \(run.errors)")
            }
            let again = try weir("table", "create", "db.t", "--column", "id:int")
            #expect(
                again.status == 1 && again.errors.contains("'weir table describe db.t' shows it"),
                "\(again.errors)"
            )
        }
    }

    @Test func `alter says that it cannot change columns`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            _ = try weir("table", "create", "db.t", "--column", "id:int")
            for option in ["--add-column", "--drop-column", "--rename-column"] {
                let run = try weir("table", "alter", "db.t", option, "x:int")
                #expect(run.status == 2 && run.errors.contains("columns cannot be added"), "\(run.errors)")
                #expect(run.errors.contains("update_schema"), "\(run.errors)")
            }
        }
    }

    @Test func `a time without a snapshot is told as a time`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            _ = try weir("table", "create", "db.t", "--column", "id:int")
            let empty = try weir("scan", "db.t", "--as-of", "1500")
            #expect(empty.status == 1 && empty.errors.contains("as old as 1970-01-01T00:00:01.5"), "\(empty.errors)")
            #expect(empty.errors.contains("it has none yet"), "\(empty.errors)")
        }
    }

    @Test(.enabled(if: Peers.shouldRun, "scripts/install-test-peers has not run"))
    func `what was dropped without its files is registered again by PyIceberg`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            _ = try weir("table", "create", "db.t", "--column", "id:int", "--primary-key", "id")
            let stores = ["db.t", "db.t_change_"]
            let files = try stores.map { store in
                let metadata = "\(folder)/warehouse/\(store.replacingOccurrences(of: ".", with: "/"))/metadata"
                let names = try FileManager.default.contentsOfDirectory(atPath: metadata)
                return "file://\(metadata)/" + (try #require(names.filter { $0.hasSuffix(".metadata.json") }.max()))
            }
            #expect(try weir("table", "drop", "db.t", "--yes").status == 0)
            #expect(try weir("scan", "db.t").status == 1)
            let warehouse = folder + "/warehouse"
            _ = try Peers.run(
                "pyiceberg_history.py",
                [warehouse + "/catalog.db", warehouse],
                input: zip(stores, files).map { "register \($0) \($1)\n" }.joined()
            )
            let back = try weir("table", "describe", "db.t", "-o", "json")
            #expect(back.status == 0 && back.output.contains("\"kind\":\"keyed\""), "\(back.errors)")
        }
    }
}
