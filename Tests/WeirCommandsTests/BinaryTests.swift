import Foundation
import Testing
import WeirTesting

/// End-to-end tests of the binary: output, exit status, and no data loss when it is killed.
@Suite(.serialized, .mostlyWaits, .hangGuard) struct BinaryTests {
    static let topology = """
        name: people
        pipeline: { commit.interval: 100ms }
        source: { name: people, type: file-log, topics: [people], format: debezium-json }
        tables:
          - { name: shop.people, columns: { id: long, name: string }, primary-key: [id] }
        route: [{ source-table: shop.public.people, sink-table: shop.people }]
        sink: { type: mixed-iceberg }
        """

    static func record(_ id: Int, _ name: String?, operation: String) -> String {
        let row = name.map { "{\"id\":\(id),\"name\":\"\($0)\"}" } ?? "null"
        let before = operation == "d" ? "{\"id\":\(id),\"name\":null}" : "null"
        return
            "{\"id\":\(id)}\t{\"before\":\(before),\"after\":\(row),\"source\":{\"db\":\"shop\",\"schema\":\"public\","
            + "\"table\":\"people\"},\"op\":\"\(operation)\"}\n"
    }

    static func prepare(_ folder: String) throws -> WeirBinary {
        let weir = WeirBinary(folder: folder)
        try topology.write(toFile: folder + "/people.yaml", atomically: true, encoding: .utf8)
        let created = try weir("log", "create", "people")
        #expect(created.status == 0, "\(created.errors)")
        return weir
    }

    static func rows(_ weir: WeirBinary) throws -> [Int: String] {
        let scan = try weir("scan", "shop.people", "-o", "json")
        // Thrown, not recorded: a test may wait for a table that a run creates a moment later.
        guard scan.status == 0 else { throw WeirBinary.Failure(description: scan.errors) }
        var rows: [Int: String] = [:]
        for line in scan.lines {
            let row = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            let id = try #require(row["id"] as? Int)
            #expect(rows.updateValue(row["name"] as? String ?? "null", forKey: id) == nil, "id \(id) is there twice")
        }
        return rows
    }

    @Test func `a table whose files are gone can be dropped`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            for name in ["gone", "stays"] {
                let columns = ["--column", "id:long", "--column", "name:string", "--primary-key", "id"]
                let made = try weir.start(["table", "create", "shop.\(name)"] + columns).finish(seconds: 60)
                try #require(made.status == 0, "\(made.errors)")
            }
            let hint = try weir("scan", "shop.nowhere_near_it")
            #expect(hint.errors.contains("known are shop.gone, shop.stays\n"), "\(hint.errors)")
            for store in ["gone", "gone_change_"] {
                try FileManager.default.removeItem(atPath: folder + "/warehouse/shop/" + store)
            }
            #expect(try weir("table", "drop", "shop.gone", "--purge", "--yes").status == 1)
            let dropped = try weir("table", "drop", "shop.gone", "--yes")
            #expect(dropped.status == 0, "\(dropped.errors)")
            let left = try weir("table", "ls", "-o", "csv")
            #expect(left.output.contains("stays") && !left.output.contains("gone"), "\(left.output)")
            #expect(try weir("table", "drop", "shop.gone", "--yes").status == 1)
            #expect(try weir("table", "drop", "shop.stays", "--yes").errors.contains("shop.stays_change_"))
        }
    }

    @Test func `properties are altered on both stores, those of the format are not`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            let made = try weir("table", "create", "shop.t", "--column", "id:long", "--primary-key", "id")
            try #require(made.status == 0, "\(made.errors)")
            let registration = "optimized-sequence.registration=statistics"
            let set = try weir("table", "alter", "shop.t", "--set", registration, "--set", "a=b")
            #expect(set.status == 0 && set.errors.contains("set 2 properties of both stores"), "\(set.errors)")
            let shown = try weir("table", "describe", "shop.t", "-o", "json")
            let shownValue = "\"optimized-sequence.registration\":\"statistics\""
            #expect(shown.output.contains(shownValue), "\(shown.output)")
            let unset = try weir("table", "alter", "shop.t", "--unset", "a", "-o", "json")
            #expect(unset.output == "{\"table\":\"shop.t\",\"set\":0,\"unset\":1}\n", "\(unset.output) \(unset.errors)")
            let misspelt = try weir("table", "alter", "shop.t", "--unset", "optimized-sequence.registratoin")
            #expect(misspelt.status == 0, "\(misspelt.errors)")
            #expect(
                misspelt.errors.contains("'optimized-sequence.registratoin' is not set on shop.t; did you mean 'optim"),
                "\(misspelt.errors)"
            )
            #expect(misspelt.errors.contains("nothing changed on both stores of shop.t"), "\(misspelt.errors)")
            let keeps = ["--column", "id:long", "--property", "write.metadata.delete-after-commit.enabled=false"]
            #expect(try weir.start(["table", "create", "shop.keeps"] + keeps).finish(seconds: 60).status == 0)
            let kept = try weir("table", "describe", "shop.keeps", "-o", "json").output
            #expect(kept.contains("\"write.metadata.delete-after-commit.enabled\":\"false\""), "\(kept)")
            let odd = ["--column", "id:long", "--property", "write.target-file-sise-bytes=1"]
            let typo = try weir.start(["table", "create", "shop.typo"] + odd).finish(seconds: 60)
            #expect(typo.status == 1 && typo.errors.contains("did you mean 'write.target-file-size"), "\(typo.errors)")
            let changes = [
                "weir.positions.x={}", "table-format=x", "optimized-sequence.registration=no",
                "self-optimizing.quota=much", "log-store.consistency=true",
            ]
            for change in changes {
                let refused = try weir("table", "alter", "shop.t", "--set", change)
                let key = String(change.prefix { $0 != "=" })
                #expect(refused.status == 1 && refused.errors.contains(key), "\(refused.errors)")
            }
            #expect(try weir("table", "alter", "shop.t").status == 2)
            #expect(try weir("table", "alter", "shop.t", "--set", "a").status == 2)
            let columns = ["--column", "id:long", "--column", "at:timestamp", "--primary-key", "id"]
            let partitions = ["--partition-by", "year(at)", "--partition-by", "month(at)"]
            let odder = try weir.start(["table", "create", "shop.odd"] + columns + partitions).finish(seconds: 60)
            #expect(odder.status == 0 && odder.errors.contains("warning: partition at_year: Amoro"), "\(odder.errors)")
            #expect(odder.errors.contains("warning: partition at_month: Amoro"), "\(odder.errors)")
        }
    }

    @Test func `damage in the log is told, not taken for its end`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            for id in 0..<3 {
                let added = try weir("log", "append", "people", input: Self.record(id, "n", operation: "c"))
                try #require(added.status == 0, "\(added.errors)")
            }
            let path = folder + "/warehouse/log/people/0/00000000000000000000.log"
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            bytes[100] ^= 0x10
            try bytes.write(to: URL(fileURLWithPath: path))
            let doctor = try weir("doctor")
            #expect(doctor.status == 3)
            let line = doctor.lines.first { $0.contains("topic people") } ?? ""
            #expect(line.hasPrefix("fail") && line.contains("checksum 0x") && line.contains("byte 0"), "\(line)")
            let described = try weir("log", "describe", "people")
            #expect(described.status == 1)
            #expect(described.errors.contains("checksum 0x"), "\(described.errors)")
            #expect(try weir("log", "ls").errors.contains("checksum 0x"))
        }
    }

    @Test func `what cannot be printed is a failure`() throws {
        let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
        for arguments in [["version"], ["--help"]] {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: WeirBinary.path)
            process.arguments = arguments
            process.standardOutput = full
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 1, "\(arguments)")
        }
    }

    @Test func `kill -9 at any moment loses nothing and doubles nothing`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            var random = SeededGenerator(seed: SeededGenerator.seeds(1)[0])
            var model: [Int: String] = [:]
            let kills = Soak.rounds(10)
            for round in 0..<kills {
                let run = try weir.start(["run", "people.yaml", "--quiet"])
                var text = ""
                for _ in 0..<400 {
                    let id = Int(random.next() % 300)
                    if random.next() % 5 == 0 {
                        text += Self.record(id, nil, operation: "d")
                        model[id] = nil
                    } else {
                        let name = "n\(random.next() % 100_000)"
                        text += Self.record(id, name, operation: ["c", "u", "r"][Int(random.next() % 3)])
                        model[id] = name
                    }
                }
                // The run follows what another process appends, and dies somewhere in between.
                #expect(try weir("log", "append", "people", "--quiet", input: text).status == 0)
                Thread.sleep(forTimeInterval: Double(random.next() % 400) / 1000)
                run.signal(SIGKILL)
                _ = run.finish(seconds: 10)
                if round % 5 == 4 {
                    let caughtUp = try weir("run", "people.yaml", "--until-caught-up", "--quiet")
                    #expect(caughtUp.status == 0, "\(caughtUp.errors)")
                    #expect(try Self.rows(weir) == model, "after kill \(round), seed \(random.seed)")
                }
            }
            let replayed = try weir("read", "shop.people", "--from", "earliest", "-o", "json")
            var rows: [Int: String] = [:]
            for line in replayed.lines {
                let change = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                let row = try #require(change["row"] as? [String: Any])
                let id = try #require(row["id"] as? Int)
                switch change["op"] as? String {
                case "+I":
                    #expect(rows[id] == nil, "+I of \(id), which is there")
                    rows[id] = row["name"] as? String
                case "+U": rows[id] = row["name"] as? String
                case "-D":
                    #expect(rows[id] != nil, "-D of \(id), which is not there")
                    rows[id] = nil
                default: #expect(rows[id] != nil, "-U of \(id), which is not there")
                }
            }
            #expect(rows == model)
        }
    }

    @Test func `a run follows the log, is alone, and ends well when told to`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            let run = try weir.start(["run", "people.yaml"])
            try weir("log", "append", "people", input: Self.record(1, "ada", operation: "c"))
            #expect(
                run.wait(seconds: 30) { (try? weir("scan", "shop.people", "--count"))?.output.contains("1") == true }
            )

            let second = try weir("run", "people.yaml", "--until-caught-up")
            #expect(second.status == 1)
            #expect(second.errors.contains("process \(run.process.processIdentifier)"), "\(second.errors)")

            let reader = try weir.start(["read", "shop.people", "--from", "earliest", "--follow", "-o", "json"])
            #expect(reader.wait(seconds: 20) { reader.output.contains("ada") })
            try weir("log", "append", "people", input: Self.record(1, "eve", operation: "u"))
            #expect(reader.wait(seconds: 20) { reader.output.contains("eve") })
            reader.signal(SIGTERM)
            let read = reader.finish(seconds: 20)
            #expect(read.status == 0)
            #expect(read.lines.count == 3, "\(read.output)")

            // Records that are appended just before the end are ingested now or by the next run, and never lost.
            try weir("log", "append", "people", input: Self.record(2, "bob", operation: "c"))
            run.signal(SIGTERM)
            let ended = run.finish(seconds: 30)
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(try weir("run", "people.yaml", "--until-caught-up").status == 0)
            #expect(try Self.rows(weir) == [1: "eve", 2: "bob"])

            // The old row of an update is written as a delete, too.
            let last = Self.record(1, "ann", operation: "u") + Self.record(2, nil, operation: "d")
            try weir("log", "append", "people", input: last)
            let summary = try weir("run", "people.yaml", "--until-caught-up").output
            #expect(summary.contains("  rows written     1\n  deletes written  2\n"), "\(summary)")
        }
    }

    @Test func `undecodable records are counted, kept and named`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            let text =
                Self.record(1, "ada", operation: "c") + "{\"id\":2}\tnot json\n" + Self.record(3, "eve", operation: "c")
            try weir("log", "append", "people", input: text)
            let run = try weir("run", "people.yaml", "--until-caught-up")
            #expect(run.status == 0)
            #expect(run.errors.contains("dead-letters/people.ndjson"), "\(run.errors)")
            let letters = try String(contentsOfFile: folder + "/warehouse/dead-letters/people.ndjson", encoding: .utf8)
            #expect(letters.contains("not json") && letters.contains("\"offset\":1"), "\(letters)")
            #expect(try Self.rows(weir) == [1: "ada", 3: "eve"])
        }
    }

    @Test(arguments: [("off", "-I-0-00000-0"), ("inline", "-B-")])
    func `damaged files are named`(materialize: String, rows: String) throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            let text = (0..<2000).map { Self.record($0, "name \($0)", operation: "c") }.joined()
            // Twice: the bytes after the damage distinguish it from the torn end of a crash.
            for _ in 0..<2 { try weir("log", "append", "people", input: text) }
            let set = "pipeline.materialize=\(materialize)"
            #expect(try weir("run", "people.yaml", "--until-caught-up", "--set", set).status == 0)
            let warehouse = folder + "/warehouse"
            let files = FileManager.default.enumerator(atPath: warehouse)?.compactMap { $0 as? String } ?? []
            let suffixes = [rows, ".metadata.json", "-m0.avro", "/00000000000000000000.log"]
            for suffix in suffixes {
                // What base has is not read from the change store.
                let named = files.filter { $0.contains(suffix) }.sorted()
                let ofBase = named.filter { !$0.contains("_change_") }
                guard let name = materialize == "inline" ? ofBase.last : named.last else {
                    // Manifests are named by their writer; find one by its folder instead.
                    #expect(suffix == "-m0.avro")
                    continue
                }
                let path = warehouse + "/" + name
                let whole = try #require(FileManager.default.contents(atPath: path))
                var damaged = whole
                for index in stride(from: whole.count / 3, to: whole.count / 3 + 64, by: 1) { damaged[index] ^= 0x5a }
                try damaged.write(to: URL(fileURLWithPath: path))
                let isLog = suffix.hasSuffix(".log")
                let result = isLog ? try weir("log", "tail", "people") : try weir("scan", "shop.people")
                // Metadata of the base store is damaged where the newest file sorts last; either store names its file.
                #expect(result.status == 1, "\(name): \(result.errors)")
                #expect(result.errors.contains(name.split(separator: "/").last ?? ""), "\(name): \(result.errors)")
                try whole.write(to: URL(fileURLWithPath: path))
            }
            #expect(try Self.rows(weir).count == 2000)
        }
    }

    @Test func `mistakes end with the right code and a hint`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            #expect(try weir("version").status == 0)
            #expect(try weir("frobnicate").status == 2)
            let table = try weir("scan", "shop.poeple")
            #expect(table.status == 1 && table.errors.contains("hint:"), "\(table.errors)")
            let bad = Self.topology.replacingOccurrences(of: "topics:", with: "topcs:")
            try bad.write(toFile: folder + "/bad.yaml", atomically: true, encoding: .utf8)
            let check = try weir("check", "bad.yaml")
            #expect(check.status == 3 && (check.output + check.errors).contains("topics"), "\(check.errors)")
            #expect(try weir("run", "bad.yaml").status == 1)
            try weir("run", "people.yaml", "--until-caught-up")
            let column = try weir("scan", "shop.people", "--columns", "nam")
            #expect(column.status == 1 && column.errors.contains("did you mean 'name'"), "\(column.errors)")
        }
    }

    // Examples with Kafka do not run without a broker.
    @Test(arguments: ["shop.yaml", "events.yaml", "partitioned.yaml"])
    func `every example topology on a file log runs`(name: String) throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            let text = try String(contentsOf: root.appendingPathComponent("topologies/\(name)"), encoding: .utf8)
            try text.write(toFile: folder + "/topology.yaml", atomically: true, encoding: .utf8)
            for topic in ["shop.public.orders", "shop.public.customers", "web.page_views", "billing.invoices"] {
                try weir("log", "create", topic)
            }
            let result = try weir("check", "topology.yaml")
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            let run = try weir("run", "topology.yaml", "--until-caught-up")
            #expect(run.status == 0, "\(run.errors)")
        }
    }

    @Test func `the demo tells its story, and PyIceberg reads its tables`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            let demo = try weir("demo", "--events", "20000")
            #expect(demo.status == 0, "\(demo.errors)")
            #expect(demo.output.contains("Try next"))
            let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            let root = scripts.deletingLastPathComponent().deletingLastPathComponent()
            let python = root.appendingPathComponent(".deps/peers/bin/python").path
            guard FileManager.default.fileExists(atPath: python) else {
                // Without the peers there is nothing to compare with; CI always has them.
                #expect(ProcessInfo.processInfo.environment["CI"] == nil, "scripts/install-test-peers was not run")
                return
            }
            for table in ["shop.customers", "shop.orders", "shop.orders_enriched"] {
                let ours = try weir("scan", table, "-o", "json")
                let process = Process()
                process.executableURL = URL(fileURLWithPath: python)
                process.arguments = [
                    "-B", scripts.appendingPathComponent("Fixtures/peers/pyiceberg_scan.py").path,
                    folder + "/warehouse/catalog.db", folder + "/warehouse", table,
                ]
                let pipe = Pipe()
                process.standardOutput = pipe
                try process.run()
                let theirs = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                #expect(process.terminationStatus == 0)
                #expect(theirs.split(separator: "\n").count == ours.lines.count && !ours.lines.isEmpty, "\(table)")
                #expect(
                    Set(try theirs.split(separator: "\n").map(Self.canonical))
                        == Set(try ours.lines.map(Self.canonical))
                )
            }
        }
    }

    /// A JSON object with its members in a fixed order, to compare lines.
    private static func canonical(_ line: some StringProtocol) throws -> String {
        let object = try JSONSerialization.jsonObject(with: Data(String(line).utf8))
        return String(decoding: try JSONSerialization.data(withJSONObject: object, options: .sortedKeys), as: UTF8.self)
    }
}
