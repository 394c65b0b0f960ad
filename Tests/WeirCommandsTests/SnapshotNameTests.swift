import Foundation
import Testing
import WeirTesting

/// Commands that read a table at branches and tags created by PyIceberg.
@Suite(
    .serialized,
    .mostlyWaits,
    .timeLimit(.minutes(30)),
    .enabled(if: Peers.shouldRun, "scripts/install-test-peers has not run")
) struct SnapshotNameTests {
    private static func commit(_ folder: String, _ commands: String...) throws -> [[String]] {
        let warehouse = folder + "/warehouse"
        try FileManager.default.createDirectory(atPath: warehouse, withIntermediateDirectories: true)
        let output = try Peers.run(
            "pyiceberg_history.py",
            [warehouse + "/catalog.db", warehouse],
            input: commands.joined(separator: "\n") + "\n"
        )
        return output.dropLast().split(separator: "\n", omittingEmptySubsequences: false).map {
            $0.split(separator: " ").map(String.init)
        }
    }

    @Test func `a tag is read with its rows and columns, a branch with the columns of now`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            let snapshots = try Self.commit(
                folder,
                "create db.t 2",
                "append db.t 1:a",
                "tag db.t month-end",
                "branch db.t audit 9:z",
                "append db.t 2:b",
                "rename db.t name label"
            )
            func rows(_ name: String) throws -> Set<String> {
                let scan = try weir("scan", "db.t", "--snapshot", name, "-o", "json")
                #expect(scan.status == 0, "\(scan.errors)")
                return Set(scan.output.split(separator: "\n").map(String.init))
            }
            #expect(try rows("month-end") == [#"{"id":1,"name":"a"}"#])
            #expect(try rows(try #require(snapshots[1].first)) == rows("month-end"))
            #expect(try rows("audit") == [#"{"id":1,"label":"a"}"#, #"{"id":9,"label":"z"}"#])
            #expect(try rows("main") == [#"{"id":1,"label":"a"}"#, #"{"id":2,"label":"b"}"#])
            #expect(
                try weir("table", "files", "db.t", "--snapshot", "month-end", "-o", "csv").output.split(separator: "\n")
                    .count == 2
            )
            #expect(try weir("table", "files", "db.t", "-o", "csv").output.split(separator: "\n").count == 3)
            let described = try weir("table", "describe", "db.t", "--snapshot", "month-end", "-o", "json").output
            #expect(described.contains(#""column":"name""#) && described.contains(#""base_rows":1"#), "\(described)")
            let listed = try weir("table", "snapshots", "db.t", "-o", "csv").output
            #expect(["month-end", "audit", "main"].allSatisfy { listed.contains($0) }, "\(listed)")
            let read = try weir("read", "db.t", "--from", "snapshot:month-end", "-o", "json")
            #expect(
                read.output.contains(#""id":2"#) && !read.output.contains(#""id":1"#),
                "\(read.output)\(read.errors)"
            )
        }
    }

    @Test func `a name that is not there gets the nearest one`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            _ = try Self.commit(folder, "create db.t 2", "append db.t 1:a", "tag db.t month-end")
            for arguments in [
                ["scan", "db.t", "--snapshot", "month-ned"], ["read", "db.t", "--from", "snapshot:month-ned"],
                ["table", "files", "db.t", "--snapshot", "month-ned"],
                ["table", "describe", "db.t", "--snapshot", "month-ned"],
            ] {
                let run = try weir.run(arguments)
                #expect(run.status == 1 && run.errors.contains("has no branch or tag 'month-ned'"), "\(run.errors)")
                #expect(run.errors.contains("did you mean 'month-end'?"), "\(run.errors)")
            }
            let gone = try weir("scan", "db.t", "--snapshot", "12")
            #expect(
                gone.errors.contains("no snapshot 12") && gone.errors.contains("may have expired"),
                "\(gone.errors)"
            )
        }
    }

    @Test func `a key is looked up as of a snapshot`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            try weir.make(["1:a"])
            let first = try #require(weir.snapshots().last)
            try weir.make(["1:b", "2:c"])
            let then = try weir("lookup", "shop.people", "1", "--snapshot", first, "-o", "json")
            #expect(then.output == "{\"id\":1,\"name\":\"a\"}\n", "\(then.errors)")
            #expect(try weir("lookup", "shop.people", "2", "--snapshot", first).status == 1)
            #expect(try weir("lookup", "shop.people", "1", "-o", "json").output == "{\"id\":1,\"name\":\"b\"}\n")
            // The base store alone is tagged: what it held, without later changes.
            #expect(try weir("optimize", "shop.people", "--full").status == 0)
            _ = try Self.commit(folder, "tag shop.people merged")
            try weir.make(["1:d"])
            let merged = try weir("lookup", "shop.people", "1", "--snapshot", "merged", "-o", "json")
            #expect(merged.output == "{\"id\":1,\"name\":\"b\"}\n", "\(merged.errors)")
            #expect(try weir("lookup", "shop.people", "1", "--snapshot", "main", "-o", "json").output.contains("\"d\""))
            let fresh = try weir("lookup", "shop.people", "1", "--snapshot", "main", "--fresh")
            #expect(fresh.status == 2, "\(fresh.errors)")
        }
    }
}

extension WeirBinary {
    /// Runs a topology with rows `id:name` into `shop.people`, a table with the key `id`.
    fileprivate func make(_ rows: [String]) throws {
        let topology = """
            name: test
            source: { name: people, type: file-log, topics: [people], format: debezium-json }
            tables: [{ name: shop.people, columns: { id: long, name: string }, primary-key: [id] }]
            sink: { type: mixed-iceberg, warehouse: ./warehouse }
            """
        try topology.write(toFile: folder + "/topology.yaml", atomically: true, encoding: .utf8)
        _ = try self("log", "create", "people")
        let events = rows.map { row in
            let parts = row.split(separator: ":")
            return "{\"op\":\"c\",\"after\":{\"id\":\(parts[0]),\"name\":\"\(parts[1])\"},"
                + "\"source\":{\"db\":\"shop\",\"table\":\"people\"}}\n"
        }
        try events.joined().write(toFile: folder + "/events", atomically: true, encoding: .utf8)
        let appended = try self("log", "append", "people", folder + "/events")
        let run = try self("run", folder + "/topology.yaml", "--until-caught-up")
        try #require(appended.status == 0 && run.status == 0, "\(appended.errors)\(run.errors)")
    }

    /// Ids of the snapshots of `shop.people`, oldest first.
    fileprivate func snapshots() throws -> [String] {
        try self("table", "snapshots", "shop.people", "-o", "csv").output.split(separator: "\n").dropFirst().map {
            String($0.split(separator: ",")[2])
        }
    }
}
