import Foundation
import Testing
import WeirTesting

/// The binary with a broker in a separate process: every record once, whatever happens to either.
@Suite(
    .serialized,
    .mostlyWaits,
    .hangGuard,
    .enabled(if: KafkaBroker.isAvailable, "no Kafka broker is installed")
)
struct KafkaBinaryTests {
    @Test func `topics by name and by pattern, and those that come later`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder, topic: "cdc.a")
            try scenario.broker.create("cdc.more.b", partitions: 3)
            try scenario.broker.create("other.more.c")
            var options = KafkaScenario.Options()
            options.topics = "topics: [cdc.a]"
            options.source = ["topic-pattern: cdc\\.more\\..*"]
            try scenario.write(options)
            try scenario.produce(300, to: "cdc.a")
            try scenario.produce(200, ids: 100..<150, to: "cdc.more.b")
            try scenario.broker.produce([KafkaHistory.insert(999, "not ours")], to: "other.more.c")
            try scenario.verify()
            let second = try scenario.weir("run", "people.yaml", "--until-caught-up", "-o", "json")
            #expect(try KafkaScenario.object(second.output)["records"] as? Int == 0, "\(second.output)")

            let run = try scenario.start()
            try scenario.produce(100, to: "cdc.a")
            #expect(scenario.settles(run), "\(run.errors)")
            try scenario.broker.create("cdc.more.later", partitions: 2)
            try scenario.produce(100, ids: 200..<220, to: "cdc.more.later")
            try scenario.broker.widen("cdc.a", to: 6)
            for partition in 4..<6 {
                let ids = partition * 100..<partition * 100 + 10
                try scenario.broker.produce(scenario.history.records(50, ids: ids), to: "cdc.a", partition: partition)
            }
            #expect(scenario.settles(run), "\(run.errors)")
            scenario.stop(run)
            try scenario.verify()
        }
    }

    @Test func `a topic that was made anew with fewer partitions is told once`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.broker.create("latest", partitions: 2)
            var options = KafkaScenario.Options()
            options.target = "latest"
            try scenario.write(options)
            try scenario.produce(200)
            try scenario.verify()
            try scenario.broker.delete("people")
            try scenario.broker.create("people", partitions: 2)
            try scenario.produce(100)
            let run = try scenario.weir("run", "people.yaml", "--until-caught-up")
            #expect(run.status == 1 && run.errors.contains("deleted and created again"), "\(run.errors)")
            let rule = "source.scan.on-lost-offsets=earliest"
            let passed = try scenario.weir("run", "people.yaml", "--until-caught-up", "--set", rule)
            #expect(passed.status == 0 && passed.errors.contains("topic people has no partition 3"), "\(passed.errors)")
            let sent = try scenario.broker.consume("latest", readsCommitted: true).count
            // Without the rule again.
            try scenario.verify()
            #expect(try scenario.broker.consume("latest", readsCommitted: true).count == sent)
            let check = try scenario.weir("check", "people.yaml")
            #expect(check.status == 0, "\(check.output)")
        }
    }

    @Test func `aborted and open transactions are in no table`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.write()
            let run = try scenario.start()
            for round in 0..<3 {
                try scenario.broker.produce(scenario.history.records(100), to: "people", transaction: .committed)
                let aborted = (0..<40).map { KafkaHistory.insert($0 + 20, "aborted \(round)") }
                try scenario.broker.produce(aborted, to: "people", transaction: .aborted)
                try scenario.produce(100)
            }
            let open = (1000..<1040).map { KafkaHistory.insert($0, "open") }
            try scenario.broker.produce(open, to: "people", transaction: .leftOpen)
            #expect(scenario.settles(run), "\(run.errors)")
            scenario.stop(run)
            try scenario.verify()

            // The same records are there for a reader that asks for them.
            var options = KafkaScenario.Options()
            (options.name, options.warehouse, options.group) = ("all", "all", "all")
            options.source = ["properties.isolation.level: read_uncommitted"]
            try scenario.write(options, to: "all.yaml")
            let all = try scenario.weir("run", "all.yaml", "--until-caught-up", "--quiet")
            #expect(all.status == 0, "\(all.errors)")
            let scan = try scenario.weir("scan", "shop.people", "--warehouse", "all", "-o", "json")
            #expect(scan.output.contains("\"open\"") && scan.output.contains("\"id\":1039"), "\(scan.errors)")
        }
    }

    @Test func `records that are gone before they were read end the run, or are passed over`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.write()
            try scenario.broker.produce(scenario.history.records(100), to: "people", partition: 1)
            try scenario.verify()
            let before = try scenario.broker.consume("people").count
            let lost = (0..<50).map { KafkaHistory.insert($0, "lost") }
            try scenario.broker.produce(lost, to: "people", partition: 1)
            try scenario.broker.trim("people", partition: 1, before: Int64(before + 50))
            try scenario.broker.produce(scenario.history.records(100), to: "people", partition: 1)
            let failed = try scenario.weir("run", "people.yaml", "--until-caught-up")
            #expect(failed.status == 1)
            let range = "offsets \(before) to \(before + 49)"
            #expect(failed.errors.contains(range) && failed.errors.contains("people"), "\(failed.errors)")

            var options = KafkaScenario.Options()
            options.source = ["scan.on-lost-offsets: earliest"]
            try scenario.write(options)
            let passed = try scenario.weir("run", "people.yaml", "--until-caught-up")
            #expect(passed.status == 0)
            #expect(passed.errors.contains("\(range) of people/1 were not in the log any more"), "\(passed.errors)")
            try scenario.verify()
        }
    }

    @Test(arguments: ["topics: [cdc.a, cdc.b]", "topics: [cdc.b]"])
    func `a topic that is deleted while it is read ends the run with its name`(topics: String) throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder, topic: "cdc.a")
            try scenario.broker.create("cdc.b", partitions: 2)
            var options = KafkaScenario.Options()
            options.topics = topics
            try scenario.write(options)
            let run = try scenario.start()
            if topics.contains("cdc.a") { try scenario.produce(100, to: "cdc.a") }
            try scenario.produce(50, ids: 100..<120, to: "cdc.b")
            #expect(scenario.settles(run), "\(run.errors)")
            try scenario.broker.delete("cdc.b")
            let ended = run.finish(seconds: 60)
            #expect(ended.status == 1)
            #expect(ended.errors.contains("cdc.b"), "\(ended.errors)")
        }
    }

    @Test func `a pattern that matches nothing yet is told, and waited for unless the run is to end`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder, topic: "other")
            var options = KafkaScenario.Options()
            options.topics = "topic-pattern: cdc\\..*"
            try scenario.write(options)
            let warning = "no topic matches topic-pattern 'cdc\\..*' of source 'people' yet"
            let ended = try scenario.weir.start(["run", "people.yaml", "--until-caught-up"]).finish(seconds: 30)
            #expect(ended.status == 0 && ended.errors.contains(warning), "\(ended.errors)")
            let run = try scenario.start()
            #expect(run.wait(seconds: 30) { run.errors.contains(warning) }, "\(run.errors)")
            try scenario.broker.create("cdc.a", partitions: 2)
            try scenario.produce(50, to: "cdc.a")
            #expect(scenario.settles(run), "\(run.errors)")
            scenario.stop(run)
        }
    }

    @Test(arguments: [1, 3])
    func `a topic of a pattern may be deleted and made anew while it is read`(partitions: Int) throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder, topic: "cdc.a")
            try scenario.broker.create("cdc.b", partitions: 2)
            var options = KafkaScenario.Options()
            options.topics = "topic-pattern: cdc\\..*"
            options.source = ["scan.on-lost-offsets: earliest"]
            try scenario.write(options)
            let run = try scenario.start()
            try scenario.produce(100, to: "cdc.a")
            try scenario.produce(50, ids: 100..<120, to: "cdc.b")
            #expect(scenario.settles(run), "\(run.errors)")
            try scenario.broker.delete("cdc.b")
            #expect(run.wait(seconds: 30) { run.errors.contains("topic cdc.b is not there any more") }, "\(run.errors)")
            try scenario.produce(100, to: "cdc.a")
            #expect(scenario.settles(run), "\(run.errors)")
            // A topic that was recreated with fewer or more partitions is read from its beginning.
            try scenario.broker.create("cdc.b", partitions: partitions)
            try scenario.produce(60, ids: 100..<120, to: "cdc.b")
            #expect(scenario.settles(run), "\(run.errors)")
            scenario.stop(run)
            try scenario.verify()
        }
    }

    @Test(arguments: [0, 40, 800])
    func `a topic that was made anew is not taken for the old one`(records: Int) throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.write()
            try scenario.produce(200)
            try scenario.verify()
            let rows = try scenario.rows()
            try scenario.broker.delete("people")
            try scenario.broker.create("people", partitions: 4)
            if records > 0 { try scenario.produce(records) }
            let run = try scenario.weir("run", "people.yaml", "--until-caught-up")
            #expect(run.status == 1)
            let sign = records < 800 ? "lies beyond the end, which is offset" : "is not the one that was read before"
            #expect(run.errors.contains(sign), "\(run.errors)")
            #expect(run.errors.contains("deleted and created again") && run.errors.contains("topic people"))
            #expect(try scenario.rows() == rows)
            let check = try scenario.weir("check", "people.yaml")
            #expect(check.status == 3 && check.output.contains(sign), "\(check.output)")

            let rule = "source.scan.on-lost-offsets=earliest"
            let passed = try scenario.weir("run", "people.yaml", "--until-caught-up", "--set", rule)
            #expect(passed.status == 0, "\(passed.errors)")
            #expect(passed.errors.contains("is not the log that was read before"), "\(passed.errors)")
            try scenario.verify()
        }
    }

    @Test(arguments: ["file-log", "kafka"])
    func `two topics get the changes of one table`(source: String) throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            for topic in ["first", "second"] { try scenario.broker.create(topic) }
            let limit = "properties.receive.message.max.bytes: \"1000000000\""
            let client = "properties.bootstrap.servers: \(scenario.broker.address), \(limit)"
            var reading = "type: file-log"
            if source == "kafka" { reading = "type: kafka, \(client)" }
            let text = """
                name: people
                source: [{ name: people, topics: [people], format: debezium-json, \(reading) }]
                tables:
                    - { name: shop.people, columns: { id: long, name: string, seq: long }, primary-key: [id] }
                route: [{ source-table: shop.public.people, sink-table: shop.people }]
                sink:
                    - { type: mixed-iceberg, warehouse: warehouse }
                    - { name: a, type: kafka, format: upsert-kafka, topic: first, tables: [shop.people], \(client) }
                    - { name: b, type: kafka, format: upsert-kafka, topic: second, tables: [shop.people], \(client) }
                """
            try text.write(toFile: folder + "/people.yaml", atomically: true, encoding: .utf8)
            if source == "kafka" {
                try scenario.produce(200)
            } else {
                let lines = scenario.history.records(200).compactMap(\.value).joined(separator: "\n")
                try lines.write(toFile: folder + "/people.ndjson", atomically: true, encoding: .utf8)
                try scenario.weir("log", "create", "people")
                try scenario.weir("log", "append", "people", "people.ndjson")
            }
            for _ in 0..<2 {
                let run = try scenario.weir("run", "people.yaml", "--until-caught-up", "--quiet")
                #expect(run.status == 0, "\(run.errors)")
            }
            let first = try scenario.broker.consume("first", readsCommitted: true).map(\.valueText)
            let second = try scenario.broker.consume("second", readsCommitted: true).map(\.valueText)
            #expect(!first.isEmpty && first.count == second.count)
            #expect(try scenario.rows() == scenario.history.rows)
        }
    }

    @Test func `a topic gets nothing twice when its sources are shared no more, and again`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.broker.create("latest", partitions: 2)
            var options = KafkaScenario.Options()
            options.target = "latest"
            var counts: [Int] = []
            for round in 0..<4 {
                try scenario.write(options)
                if round % 2 == 1 {
                    // Beside a source that only one process can read, none is shared.
                    let path = folder + "/people.yaml"
                    let text = try String(contentsOfFile: path, encoding: .utf8)
                    let more =
                        "source:\n    - { name: more, type: file-log, topic-pattern: more, format: debezium-json }\n"
                    try text.replacingOccurrences(of: "source:\n", with: more).write(
                        toFile: path,
                        atomically: true,
                        encoding: .utf8
                    )
                }
                try scenario.verify()
                let before = try scenario.broker.consume("latest", readsCommitted: true).count
                if round > 0 { #expect(before == counts[round - 1], "round \(round)") }
                try scenario.produce(50)
                try scenario.verify()
                counts.append(try scenario.broker.consume("latest", readsCommitted: true).count)
                #expect(counts[round] > before)
            }
        }
    }

    @Test func `what cannot work is told with its name, and soon`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.write()
            let text = try String(contentsOfFile: folder + "/people.yaml", encoding: .utf8)
            let mistakes = [
                (scenario.broker.address, "127.0.0.1:1", "127.0.0.1:1"),
                ("topics: [people]", "topics: [poeple, people]", "poeple"),
                // The broker speaks no TLS.
                (
                    "format: debezium-json\n", "format: debezium-json\n      properties.security.protocol: SSL\n",
                    "127.0.0.1"
                ),
                ("properties.session.timeout.ms", "properties.sesion.timeout.ms", "sesion.timeout.ms"),
                (
                    "properties.heartbeat.interval.ms: \"", "properties.heartbeat.interval.ms: \"soon",
                    "heartbeat.interval.ms"
                ),
            ]
            for (right, wrong, name) in mistakes {
                let changed = text.replacingOccurrences(of: right, with: wrong)
                try changed.write(toFile: folder + "/bad.yaml", atomically: true, encoding: .utf8)
                let check = try scenario.weir.start(["check", "bad.yaml"])
                let run = try scenario.weir.start(["run", "bad.yaml"])
                for (command, status) in [(check, 3), (run, 1)] as [(WeirBinary.Running, Int32)] {
                    let result = command.finish(seconds: 30)
                    #expect(result.status == status, "with \(wrong): \(result.errors)")
                    let said = result.output + result.errors
                    #expect(said.contains(name), "with \(wrong): \(said)")
                }
            }
            // No leftovers prevent the correct configuration from working.
            try scenario.produce(50)
            try scenario.verify()
        }
    }
}
