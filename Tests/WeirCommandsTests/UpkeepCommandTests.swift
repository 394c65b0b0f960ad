import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import Testing
import WeirTesting

/// `weir expire`, `weir clean`, `weir table tag` and `branch`, as a user runs them.
@Suite(.hangGuard) struct UpkeepCommandTests {
    private static func object(_ text: String) throws -> JSONObject {
        try #require(try JSONValue.parse(text).asObject)
    }

    @Test func `a stray file is listed, held and deleted, and the table stays as it is`() throws {
        try withTemporaryFolder { folder in
            let weir = try OneTable.prepare(folder, columns: "id: long, name: string", #"{"id":1,"name":"a"}"#)
            let rows = try weir("scan", "a.t", "-o", "csv").output
            let stray = folder + "/warehouse/a/t/data/1-B-0-00000-0-4711-00001.parquet"
            try "x".write(toFile: stray, atomically: true, encoding: .utf8)
            func state(_ arguments: String...) throws -> String? {
                let result = try weir.run(["clean", "a.t", "-o", "json"] + arguments)
                #expect(result.status == 0, "\(result.errors)")
                let lines = try result.lines.map(Self.object)
                return try lines.first { try $0.string("path").hasSuffix("4711-00001.parquet") }?.string("state")
            }
            #expect(try state() == "young")
            #expect(try state("--quarantine") == "young")
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -3 * 86_400)],
                ofItemAtPath: stray
            )
            #expect(try state() == "unreached")
            #expect(try state("--quarantine") == "quarantine")
            #expect(try state("--delete") == "quarantine")
            #expect(try weir("clean", "a.t", "--undo").errors.contains("1 file taken out"))
            #expect(try state("--delete", "--grace", "0") == "unreached")
            #expect(try state("--quarantine") == "quarantine")
            #expect(FileManager.default.fileExists(atPath: stray))
            #expect(try state("--delete", "--grace", "0") == "deleted")
            #expect(!FileManager.default.fileExists(atPath: stray))
            #expect(try weir("clean", "a.t").output.contains("no file that it does not need"))
            #expect(try weir("scan", "a.t", "-o", "csv").output == rows)
        }
    }

    @Test func `expiring frees the files of old snapshots at the second call`() throws {
        try withTemporaryFolder { folder in
            let weir = try OneTable.prepare(folder, columns: "id: long, name: string", #"{"id":1,"name":"a"}"#)
            for id in 2...4 {
                let text = OneTable.event(#"{"id":1,"name":"\#(id)"}"#, operation: "u")
                try weir("log", "append", "t", input: text)
                #expect(try weir("run", "t.yaml", "--until-caught-up", "--quiet").status == 0)
            }
            let rows = try weir("scan", "a.t", "-o", "csv").output
            #expect(try weir("table", "tag", "create", "a.t", "kept", "--quiet").status == 0)
            #expect(try weir("table", "alter", "a.t", "--set", "snapshot.keep.max-count=1").status == 0)
            let plan = try Self.object(weir("expire", "a.t", "--dry-run", "-o", "json").output)
            #expect(try plan.long("base_snapshots") > 0 && plan["dry_run"] == .bool(true))
            let first = try Self.object(weir("expire", "a.t", "-o", "json").output)
            #expect(try first.long("base_snapshots") == plan.long("base_snapshots"))
            #expect(try first.long("quarantined_files") > 5 && first.long("deleted_files") == 0)
            let deleted = try weir("clean", "a.t", "--delete", "--grace", "0", "-o", "json").lines.filter {
                $0.contains(#""state":"deleted""#)
            }
            #expect(Int64(deleted.count) == (try first.long("quarantined_files")))
            #expect(try weir("scan", "a.t", "-o", "csv").output == rows)
            #expect(try weir("scan", "a.t", "--snapshot", "kept", "-o", "csv").output == rows)
            #expect(try weir("doctor").status == 0)
        }
    }

    @Test func `mistakes are told with what to do`() throws {
        try withTemporaryFolder { folder in
            let weir = try OneTable.prepare(folder, columns: "id: long, name: string", #"{"id":1,"name":"a"}"#)
            func refused(_ status: Int32, _ words: String, _ arguments: String...) throws {
                let result = try weir.run(arguments)
                #expect(result.status == status && result.errors.contains(words), "\(arguments): \(result.errors)")
            }
            try refused(1, "a.x", "expire", "a.x")
            try refused(1, "a.x", "clean", "a.x")
            try refused(1, "change store of another table", "clean", "a.t_change_")
            try refused(2, "exclude each other", "clean", "a.t", "--quarantine", "--delete")
            try refused(2, "no value of --grace", "clean", "a.t", "--delete", "--grace", "soon")
            try refused(2, "no value of --retain", "table", "tag", "create", "a.t", "x", "--retain", "long")
            try refused(1, "no snapshot 99", "table", "tag", "create", "a.t", "x", "--snapshot", "99")
            try refused(1, "no tag 'x'", "table", "tag", "drop", "a.t", "x")
            try refused(1, "cannot be dropped", "table", "branch", "drop", "a.t", "main")
            #expect(try weir("table", "alter", "a.t", "--set", "gc.enabled=false").status == 0)
            try refused(1, "gc.enabled=true", "expire", "a.t")
            try refused(1, "gc.enabled=true", "clean", "a.t", "--quarantine")
            #expect(try weir("clean", "a.t").status == 0)
            let set = ["--set", "gc.enabled=true", "--set", "table-expire.enabled=false"]
            #expect(try weir.run(["table", "alter", "a.t"] + set).status == 0)
            try refused(1, "--unset table-expire.enabled", "expire", "a.t", "--dry-run")
            let expiry = ["--unset", "table-expire.enabled", "--set", "data-expire.enabled=true"]
            #expect(try weir.run(["table", "alter", "a.t"] + expiry).status == 0)
            try refused(1, "data-expire.field is not set", "expire", "a.t", "--dry-run")
            #expect(try weir("table", "alter", "a.t", "--unset", "data-expire.enabled").status == 0)
            // The metadata is damaged.
            let metadata = folder + "/warehouse/a/t/metadata"
            let lists = try FileManager.default.contentsOfDirectory(atPath: metadata).filter { $0.hasPrefix("snap-") }
            for list in lists { try FileManager.default.removeItem(atPath: metadata + "/" + list) }
            let count = try FileManager.default.subpathsOfDirectory(atPath: folder + "/warehouse/a").count
            try refused(1, "nothing is deleted", "clean", "a.t", "--quarantine")
            #expect(try FileManager.default.subpathsOfDirectory(atPath: folder + "/warehouse/a").count <= count + 1)
        }
    }

    @Test func `a table of another engine is left to its owner`() throws {
        try withTemporaryFolder { folder in
            let weir = try OneTable.prepare(folder, columns: "id: long, name: string", #"{"id":1,"name":"a"}"#)
            let warehouse = folder + "/warehouse"
            let catalog = try SQLiteCatalog(path: warehouse + "/catalog.db", warehouse: "file://" + warehouse)
            let table = try catalog.create(
                TableIdentifier(namespace: ["a"], name: "theirs"),
                schema: Schema([Field(id: 1, name: "id", type: .long)])
            )
            var append = Transaction(table)
            append.append([])
            _ = try append.commit()
            let expire = try weir("expire", "a.theirs")
            #expect(expire.status == 1 && expire.errors.contains("not a Mixed table"), "\(expire.errors)")
            let clean = try weir("clean", "a.theirs", "--delete")
            #expect(clean.status == 1 && clean.errors.contains("its owner cleans it"), "\(clean.errors)")
            #expect(try weir("clean", "a.theirs").status == 0)
            #expect(try weir("table", "tag", "create", "a.theirs", "mine").status == 0)
            #expect(try weir("table", "tag", "ls", "a.theirs", "-o", "csv").output.contains("mine,base,"))
        }
    }
}
