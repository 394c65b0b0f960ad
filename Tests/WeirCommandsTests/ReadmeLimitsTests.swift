import Foundation
import Testing
import WeirTesting

/// The limits stated in the README and their effects; each test is named by the README's words.
@Suite(.hangGuard) struct ReadmeLimitsTests {
    @Test("later changes of the dimension do not change rows that are already joined.") func joinedRowsStay() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            try """
            name: t
            source: [{ name: s, type: file-log, topics: [p, v], format: debezium-json }]
            tables:
              - { name: a.p, columns: { id: long, name: string }, primary-key: [id] }
              - { name: a.v, columns: { id: long, p: long }, primary-key: [id] }
            join:
              - { name: a.j, from: a.v, lookup: a.p, as: d, on: p = d.id, type: left, select: "v.id, d.name", primary-key: [id] }
            sink: { type: mixed-iceberg }
            """.write(toFile: folder + "/t.yaml", atomically: true, encoding: .utf8)
            for topic in ["p", "v"] { #expect(try weir("log", "create", topic).status == 0) }
            for (topic, row) in [
                ("p", #"{"id":1,"name":"old"}"#), ("v", #"{"id":7,"p":1}"#), ("p", #"{"id":1,"name":"new"}"#),
            ] {
                try weir("log", "append", topic, input: OneTable.event(row, table: topic))
                let run = try weir("run", "t.yaml", "--until-caught-up", "--quiet")
                #expect(run.status == 0, "\(run.errors)")
            }
            #expect(try weir("scan", "a.p", "-o", "csv").output.contains("1,new"))
            #expect(try weir("scan", "a.j", "-o", "csv").lines == ["id,name", "7,old"])
        }
    }

    @Test("`-U` and `-D` carry the old row only if the source sent it, otherwise the key alone") func oldRows() throws {
        try withTemporaryFolder { folder in
            let weir = try OneTable.prepare(folder, columns: "id: long, name: string", #"{"id":1,"name":"a"}"#)
            let before = #"{"id":1,"name":"b"}"#
            for text in [
                OneTable.event(#"{"id":1,"name":"b"}"#, operation: "u"),
                OneTable.event(#"{"id":1,"name":"c"}"#, operation: "u", before: before),
            ] {
                try weir("log", "append", "t", input: text)
                #expect(try weir("run", "t.yaml", "--until-caught-up", "--quiet").status == 0)
            }
            let old = try weir("read", "a.t", "--from", "earliest").lines.filter { $0.contains("\"-U\"") }
            #expect(old.count == 2 && old[0].hasSuffix(#""row":{"id":1,"name":null}}"#), "\(old)")
            #expect(old.last?.hasSuffix(#""row":{"id":1,"name":"b"}}"#) == true, "\(old)")
        }
    }

    @Test("Source tables without a route, fields without a column and truncates are reported on standard error.")
    func whatIsLeftOut() throws {
        try withTemporaryFolder { folder in
            let weir = try OneTable.prepare(folder, columns: "id: long")
            let extra = OneTable.event(#"{"id":1,"extra":1}"#) + OneTable.event(#"{"id":2,"extra":1}"#)
            let truncate = #"{"op":"t","source":{"db":"a","table":"t"}}"# + "\n"
            let other = OneTable.event(#"{"id":1}"#, table: "other")
            try weir("log", "append", "t", input: extra + truncate + other + other)
            let run = try weir("run", "t.yaml", "--until-caught-up")
            #expect(run.status == 0, "\(run.errors)")
            for words in ["column extra of a.t", "a.t was truncated", "no route matches a.other"] {
                #expect(run.errors.components(separatedBy: words).count == 2, "\(words): \(run.errors)")
            }
        }
    }

    @Test("each line has the record and the reason") func letters() throws {
        try withTemporaryFolder { folder in
            let weir = try OneTable.prepare(folder, columns: "id: long", #"{"id":"x"}"#, expecting: 3)
            let path = folder + "/warehouse/dead-letters/t.ndjson"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let letter = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
            #expect(letter?["value"] as? String == OneTable.event(#"{"id":"x"}"#).trimmingCharacters(in: .newlines))
            #expect(letter?["table"] as? String == "a.t" && letter?["reason"] is String, "\(text)")
            #expect(try weir("scan", "a.t", "-o", "json").output.isEmpty)
        }
    }

    @Test("An expression without a result for a row makes that row a dead letter; `TRY_CAST` gives null.")
    func expressions() throws {
        for (cast, status, rows) in [
            ("CAST", Int32(3), [String]()), ("TRY_CAST", 0, [#"{"id":1,"name":"x","n":null}"#]),
        ] {
            try withTemporaryFolder { folder in
                let transform = "transform: [{ source-table: a.t, projection: \"*, \(cast)(name AS INT) AS n\" }]\n"
                let row = #"{"id":1,"name":"x"}"#
                let weir = try OneTable.prepare(
                    folder,
                    columns: "id: long, name: string",
                    row,
                    more: transform,
                    expecting: status
                )
                #expect(try weir("scan", "a.t", "-o", "json").lines == rows)
            }
        }
    }

    @Test("Nested columns are not supported: declared as `string`, they keep their JSON.") func nestedColumns() throws {
        try withTemporaryFolder { folder in
            let weir = try OneTable.prepare(folder, columns: "id: long, j: string", #"{"id":1,"j":{"a":[1,2]}}"#)
            #expect(try weir("scan", "a.t", "-o", "json").lines == [#"{"id":1,"j":"{\"a\":[1,2]}"}"#])
        }
    }

    @Test("Settings that are accepted for the sake of existing files and change nothing:") func ignoredSettings() throws
    {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            let properties = """
                properties: { table-trash.enabled: true, self-optimizing.quota: 0.5, log.consumer.changelog.modes: all-kinds },
                """
            let text =
                OneTable.topology(columns: "id: long").replacingOccurrences(
                    of: "primary-key:",
                    with: properties + " primary-key:"
                ) + "pipeline: { parallelism: 2, schema.change.behavior: evolve }\n"
            try text.write(toFile: folder + "/t.yaml", atomically: true, encoding: .utf8)
            #expect(try weir("log", "create", "t").status == 0)
            let check = try weir("check", "t.yaml")
            #expect(check.status == 0, "\(check.output)\(check.errors)")
            #expect(try weir("run", "t.yaml", "--until-caught-up").status == 0)
        }
    }

    @Test("Tables without a key keep every insert; updates and deletes become dead letters.") func unkeyed() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            let text = OneTable.topology(columns: "id: long").replacingOccurrences(of: ", primary-key: [id]", with: "")
            try text.write(toFile: folder + "/t.yaml", atomically: true, encoding: .utf8)
            #expect(try weir("log", "create", "t").status == 0)
            let row = #"{"id":1}"#
            let delete = OneTable.event("null", operation: "d", before: row)
            let events =
                OneTable.event(row) + OneTable.event(row) + OneTable.event(row, operation: "u", before: row) + delete
            try weir("log", "append", "t", input: events)
            let run = try weir("run", "t.yaml", "--until-caught-up", "-o", "json")
            #expect(run.output.contains("\"dead_letters\":2"), "\(run.output)\(run.errors)")
            #expect(try weir("scan", "a.t", "-o", "json").lines == [row, row])
        }
    }

    @Test("Equality deletes are never written.", .enabled(if: Peers.shouldRun)) func noDeleteFiles() throws {
        try withTemporaryFolder { folder in
            let weir = try OneTable.prepare(folder, columns: "id: long", #"{"id":1}"#)
            try weir("log", "append", "t", input: OneTable.event("null", operation: "d", before: #"{"id":1}"#))
            #expect(try weir("run", "t.yaml", "--until-caught-up", "--quiet").status == 0)
            let files = """
                from pyiceberg.catalog.sql import SqlCatalog

                catalog = SqlCatalog("weir", uri="sqlite:///warehouse/catalog.db", warehouse="warehouse")
                for name in ("a.t", "a.t_change_"):
                    inspect = catalog.load_table(name).inspect
                    print(name, len(inspect.files()), len(inspect.delete_files()))
                """
            let printed = try Peers.run("python_text.py", [folder], input: files)
            #expect(printed == "a.t 0 0\na.t_change_ 2 0\n")
        }
    }
}
