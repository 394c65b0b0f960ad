import Foundation
import Testing
import WeirTesting

/// A LogStore on a broker: its records, and a reader that survives kills of the writer.
@Suite(.serialized, .mostlyWaits, .hangGuard, .enabled(if: KafkaBroker.isAvailable, "no Kafka broker is installed"))
struct KafkaLogStoreTests {
    /// Each start uses a new group, which does not wait for killed members.
    private static func write(_ scenario: KafkaScenario, group: Int) throws {
        // An epoch lasts long enough for kills to meet rows that are in the log alone.
        try scenario.write(KafkaScenario.Options(commit: "700ms", group: "weir-\(group)"))
        let path = scenario.folder + "/people.yaml"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let properties = """
            primary-key: [id], properties: { log-store.enabled: true, log-store.topic: changes, \
            log-store.address: "\(scenario.broker.address)", properties.receive.message.max.bytes: "1000000000" } }
            """
        try text.replacingOccurrences(of: "primary-key: [id] }", with: properties)
            .write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// The rows that result from a reader's output.
    private static func mirror(_ output: String) throws -> [Int: KafkaHistory.Row] {
        var rows: [Int: KafkaHistory.Row] = [:]
        for line in output.split(separator: "\n").map(String.init) where line.hasSuffix("}}") {
            let change = try KafkaScenario.object(line)
            let content = try #require(change["row"] as? [String: Any])
            let id = try #require(content["id"] as? Int)
            let operation = try #require(change["op"] as? String)
            // A retracted delete of which only the key was known adds no row.
            let isRow = operation.hasPrefix("+") && content["seq"] is Int
            rows[id] = isRow ? try KafkaScenario.row(content).1 : nil
        }
        return rows
    }

    @Test func `a reader that lives through kills of the writer ends with the table`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.broker.create("changes", partitions: 3)
            try Self.write(scenario, group: 0)
            try scenario.produce(200)
            try scenario.verify()
            var run = try scenario.start()
            let reader = try scenario.weir.start(["read", "shop.people", "--from", "full", "--follow"])
            var random = SeededGenerator(seed: scenario.history.seed)
            for round in 1...Soak.rounds(4) {
                try scenario.produce(60)
                Thread.sleep(forTimeInterval: Double(random.next() % 900) / 1000)
                run.signal(SIGKILL)
                _ = run.finish(seconds: 10)
                try Self.write(scenario, group: round)
                run = try scenario.start()
                try scenario.produce(60)
                // The last rows of a round may be in the log alone when the next kill comes.
                Thread.sleep(forTimeInterval: 1.5)
            }
            let hasAll = scenario.settles(run)
            #expect(hasAll, "seed \(scenario.history.seed): \(run.errors)")
            scenario.stop(run)
            let rows = scenario.history.rows
            let isEqual = reader.wait(seconds: 20) { (try? Self.mirror(reader.output)) == rows }
            #expect(isEqual, "seed \(scenario.history.seed): \(reader.errors)")
            let fromLog = reader.output.split(separator: "\n").filter { $0.contains("\"seq\":null") }.count
            #expect(fromLog > 100, "the reader went on in the LogStore")
            reader.signal(SIGTERM)
            _ = reader.finish(seconds: 10)
            try scenario.verify()

            let fresh = try scenario.weir("scan", "shop.people", "--fresh", "--count", "-o", "csv")
            #expect(fresh.lines.last == "\(rows.count)", "\(fresh.errors)")
            try Self.checkRecords(scenario)
        }
    }

    @Test func `a table keeps the names of secrets, and how its LogStore is reached may change`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.broker.create("changes", partitions: 1)
            func write(_ more: String) throws {
                try Self.write(scenario, group: 0)
                let path = folder + "/people.yaml"
                let text = try String(contentsOfFile: path, encoding: .utf8)
                let marked = "log-store.topic: changes, \(more),"
                try text.replacingOccurrences(of: "log-store.topic: changes,", with: marked)
                    .write(toFile: path, atomically: true, encoding: .utf8)
            }
            func stored() throws -> String { try scenario.weir("table", "describe", "shop.people").output }
            try write("properties.sasl.password: \"${env:WEIR_TEST_SECRET}\"")
            try scenario.produce(50)
            let without = try scenario.weir("run", "people.yaml", "--until-caught-up")
            #expect(without.status != 0 && without.errors.contains("WEIR_TEST_SECRET is not set"), "\(without.errors)")
            var weir = scenario.weir
            weir.environment["WEIR_TEST_SECRET"] = "hush"
            let run = try weir("run", "people.yaml", "--until-caught-up", "--quiet")
            #expect(run.status == 0, "\(run.errors)")
            let first = try stored()
            #expect(first.contains("${env:WEIR_TEST_SECRET}") && !first.contains("hush"), "\(first)")

            let blind = try scenario.weir("scan", "shop.people", "--fresh", "--count")
            let reason = "the environment variable WEIR_TEST_SECRET is not set (property properties.sasl.password"
            #expect(blind.status == 1 && blind.errors.contains(reason), "\(blind.errors)")
            let seeing = try weir("scan", "shop.people", "--fresh", "--count", "-o", "csv")
            #expect(seeing.lines.last == "\(scenario.history.rows.count)", "\(seeing.errors)")

            // A wrong address is not stored, since readers would use it.
            let people = folder + "/people.yaml"
            let right = try String(contentsOfFile: people, encoding: .utf8)
            let address = "log-store.address: \"\(scenario.broker.address)\""
            try right.replacingOccurrences(of: address, with: "log-store.address: \"127.0.0.1:1\"")
                .write(toFile: people, atomically: true, encoding: .utf8)
            let wrong = try weir("run", "people.yaml", "--until-caught-up", "--quiet")
            #expect(wrong.status == 1 && wrong.errors.contains("127.0.0.1:1"), "\(wrong.errors)")
            #expect(try weir("scan", "shop.people", "--fresh", "--count").status == 0)

            // Another password, and a broker that has moved.
            try "hush".write(toFile: folder + "/secret", atomically: true, encoding: .utf8)
            try write("properties.sasl.password: \"${file:\(folder)/secret}\"")
            let path = folder + "/people.yaml"
            let moved = scenario.broker.address.replacingOccurrences(of: "127.0.0.1", with: "localhost")
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try text.replacingOccurrences(
                of: "log-store.address: \"\(scenario.broker.address)",
                with: "log-store.address: \"\(moved)"
            )
            .write(toFile: path, atomically: true, encoding: .utf8)
            try scenario.verify()
            let second = try stored()
            #expect(second.contains("${file:\(folder)/secret}") && second.contains(moved), "\(second)")
        }
    }

    /// Checks every record against section 8 of the format, as read by an independent client.
    private static func checkRecords(_ scenario: KafkaScenario) throws {
        let records = try scenario.broker.consume("changes")
        var flips = 0
        var sizes: [Int] = []
        for record in records {
            let value = try #require(record.value, "a record has a value")
            #expect(record.key == nil)
            let bytes = [UInt8](value)
            sizes.append(bytes.count)
            try #require(bytes.count >= 18 && Array(bytes[0..<4]) == [0x6e, 0x65, 0x74, 0x01])
            if bytes[16] == 1 {
                flips += 1
                #expect(bytes.count == 18 && bytes[17] == 0)
            } else {
                #expect(bytes[16] == 0 && bytes[17] <= 3)
                let row = try KafkaScenario.object(String(decoding: bytes[18...], as: UTF8.self))
                #expect(Set(row.keys) == ["id", "name", "seq"])
            }
        }
        #expect(flips >= 3, "each start takes back what the one before had not committed, in every partition")
        guard let kcat = ["/usr/bin/kcat", "/usr/bin/kafkacat"].first(where: FileManager.default.isExecutableFile)
        else {
            return
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: kcat)
        process.arguments = [
            "-b", scenario.broker.address, "-X", "receive.message.max.bytes=1000000000", "-C", "-t", "changes", "-e",
            "-q",
            "-f", "%S\n",
        ]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(text.split(separator: "\n").compactMap { Int($0) }.sorted() == sizes.sorted())
    }
}
