import Foundation
import Testing
import WeirTesting

/// Restarts after `kill -9` and after a stop do not wait for the end of a session. This broker never ends a session.
@Suite(
    .serialized,
    .mostlyWaits,
    .hangGuard,
    .enabled(if: KafkaBroker.isAvailable, "no Kafka broker is installed")
)
struct KafkaRestartTests {
    private static let sessionMilliseconds = 300_000

    @Test func `a process that was killed reads on as soon as it is started again`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder, broker: .noida)
            var options = KafkaScenario.Options()
            options.sessionMilliseconds = Self.sessionMilliseconds
            try scenario.write(options)
            var run = try scenario.start()
            try scenario.dealRows()
            #expect(scenario.settles(run), "\(run.errors)")
            var waits: [Double] = []
            for _ in 0..<5 {
                run.signal(SIGKILL)
                #expect(run.finish(seconds: 30).status == SIGKILL)
                try scenario.dealRows()
                let start = Date()
                run = try scenario.start()
                let isBack = run.wait(seconds: 300) {
                    (try? scenario.rows()) == scenario.history.rows || !run.process.isRunning
                }
                waits.append(Date().timeIntervalSince(start))
                #expect(isBack && run.process.isRunning, "\(run.errors)")
            }
            print(
                "Kafka restart: rows \(waits.map { ($0 * 100).rounded() / 100 }) s after the start of a killed process"
            )
            scenario.stop(run)
            try scenario.verify()
        }
    }

    @Test func `of two processes one is stopped, and the other takes over`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder, broker: .noida)
            var options = KafkaScenario.Options()
            // The partitions of a process that could not leave its group are released after this time.
            options.sessionMilliseconds = 60_000
            try scenario.write(options)
            let first = try scenario.start(isQuiet: false)
            let second = try scenario.start(isQuiet: false)
            try scenario.dealRows()
            #expect(scenario.settles(first, seconds: 300), "\(first.errors) \(second.errors)")
            #expect(Self.share(first, second), "\(first.errors) \(second.errors)")
            scenario.stop(first)
            try scenario.dealRows()
            #expect(scenario.settles(second, seconds: 300), "\(second.errors)")
            // Whoever replaces it shares the work.
            let third = try scenario.start(isQuiet: false)
            try scenario.dealRows()
            #expect(scenario.settles(third, seconds: 300), "\(second.errors) \(third.errors)")
            #expect(Self.share(second, third), "\(second.errors) \(third.errors)")
            scenario.stop(second)
            let stopped = Date()
            try scenario.dealRows()
            #expect(scenario.settles(third, seconds: 300), "\(third.errors)")
            print("Kafka takeover: rows \(-stopped.timeIntervalSinceNow) s after the end of a stopped process")
            scenario.stop(third)
            try scenario.verify()
        }
    }

    /// Waits until two processes have two of the four partitions each.
    private static func share(_ one: WeirBinary.Running, _ other: WeirBinary.Running) -> Bool {
        one.wait(seconds: 300) {
            [one, other].allSatisfy { run in
                let begun = run.errors.split(separator: "\n").last { $0.contains(" begins with ") }
                return begun?.contains(" begins with 2 partitions") == true
            }
        }
    }

    @Test func `a stop ends a run whose brokers are away, and the next one goes on`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.broker.create("latest", partitions: 2)
            var options = KafkaScenario.Options()
            options.target = "latest"
            // Nothing is committed before the brokers are gone.
            options.commit = "10min"
            try scenario.write(options)
            try scenario.produce(50)
            try scenario.verify()
            let run = try scenario.start()
            try scenario.produce(100)
            // Mostly it has read them by then.
            Thread.sleep(forTimeInterval: 3)
            scenario.broker.pause()
            run.signal(SIGTERM)
            let ended = run.finish(seconds: 60)
            scenario.broker.resume()
            #expect(ended.status >= 0, "it goes on: \(ended.errors)")
            options.commit = "100ms"
            options.group = "weir-people-after"
            try scenario.write(options)
            try scenario.verify()
            let sent = try scenario.broker.consume("latest", readsCommitted: true)
            let values = sent.compactMap(\.valueText)
            #expect(Set(values).count == values.count, "a change is there twice, seed \(scenario.history.seed)")
        }
    }

    @Test func `a source table that a route takes in later reaches the topic from its beginning`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.broker.create("more", partitions: 1)
            try scenario.broker.create("latest", partitions: 2)
            var options = KafkaScenario.Options()
            options.topics = "topics: [people, more]"
            options.target = "latest"
            try scenario.write(options)
            try scenario.dealRows()
            let late = KafkaHistory.insert(77, "late")
            let value = try #require(late.value)
            let other = value.replacingOccurrences(of: "\"table\":\"people\"", with: "\"table\":\"more\"")
            try #require(other != value)
            try scenario.broker.produce([(late.key, other)], to: "more", partition: 0)
            let before = try scenario.weir("run", "people.yaml", "--until-caught-up", "--quiet")
            #expect(before.status == 0, "\(before.errors)")
            func sent() throws -> [String] {
                try scenario.broker.consume("latest", readsCommitted: true).compactMap(\.valueText)
            }
            #expect(try sent().count == 4)
            let path = folder + "/people.yaml"
            let route = "{ source-table: shop.public.people, sink-table: shop.people }"
            let more = "\(route), { source-table: shop.public.more, sink-table: shop.people }"
            let text = try String(contentsOfFile: path, encoding: .utf8).replacingOccurrences(of: route, with: more)
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            for _ in 0..<2 {
                let run = try scenario.weir("run", "people.yaml", "--until-caught-up", "--quiet")
                #expect(run.status == 0, "\(run.errors)")
                let values = try sent()
                #expect(values.count == 5 && values.count { $0.contains("late") } == 1, "\(values)")
            }
        }
    }
}
