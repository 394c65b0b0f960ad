import Foundation
import Testing
import WeirTesting

/// Members of one group that die silently, on a broker that ends their sessions. The binary runs with another
/// librdkafka than it was built with.
@Suite(
    .serialized,
    .mostlyWaits,
    .hangGuard,
    .enabled(if: KafkaBroker.isAvailable, "no Kafka broker is installed"),
    .enabled(if: KafkaClientLibrary.isAvailable, "confluent-kafka is not installed")
)
struct KafkaTakeoverTests {
    @Test func `a process that is silent for longer than its session is replaced, comes back and goes on`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder, broker: .tansu)
            let doctor = try scenario.weir("doctor")
            #expect(doctor.output.contains(try #require(KafkaClientLibrary.path?.split(separator: "/").last)))
            var options = KafkaScenario.Options()
            options.commit = "1s"
            options.sessionMilliseconds = 8000
            try scenario.write(options)
            let (silent, other) = (try scenario.start(), try scenario.start())
            try Self.produce(&scenario, 200)
            #expect(scenario.settles(other), "\(silent.errors) \(other.errors)")
            let share = try Self.share(of: silent, pausing: other, &scenario)
            #expect(share.count == 2, "\(share)")

            // The process reads these records and stalls before it commits them.
            try Self.produce(&scenario, 400)
            Thread.sleep(forTimeInterval: 0.2)
            silent.signal(SIGSTOP)
            let start = Date()
            try Self.produce(&scenario, 400)
            // This broker keeps the partitions of the static member from the other one, which notices after 20 s.
            #expect(scenario.settles(other, seconds: 120), "\(other.errors)")
            print("Kafka takeover: all partitions committed by the other after \(Date().timeIntervalSince(start)) s")
            #expect(Date().timeIntervalSince(start) > 7, "the session ended before its time")
            // The new member continues, more than once.
            try Self.produce(&scenario, 200)
            #expect(scenario.settles(other), "\(other.errors)")

            let claims = try Self.claims(folder)
            silent.signal(SIGCONT)
            try Self.produce(&scenario, 200)
            // Every partition is claimed again when the member is back.
            let isBack = silent.wait(seconds: 30) {
                guard let now = try? Self.claims(folder) else { return false }
                return (0..<4).allSatisfy { now[$0] ?? 0 > claims[$0] ?? 0 }
            }
            #expect(isBack, "\(silent.errors)")
            #expect(scenario.settles(silent), "\(silent.errors) \(other.errors)")
            let after = try Self.share(of: silent, pausing: other, &scenario)
            #expect(after.count == 2, "\(after)")

            scenario.stop(other)
            try Self.produce(&scenario, 200)
            #expect(scenario.settles(silent), "\(silent.errors)")
            scenario.stop(silent)
            #expect(silent.errors.contains("partitions were taken over"), "\(silent.errors)")
            #expect(!other.errors.contains("partitions were taken over"), "\(other.errors)")
            // It commits its offsets to the group before it leaves.
            let committed = try scenario.broker.committed(group: options.group, topic: "people")
            #expect(committed.mapValues { Int($0) } == (try scenario.positions()))
            try scenario.verify()
        }
    }

    @Test func `processes that are killed are replaced within their group`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder, broker: .tansu)
            var options = KafkaScenario.Options()
            options.commit = "300ms"
            // This broker lets a static member wait for three seconds at each step, twice at a change.
            options.sessionMilliseconds = 8000
            try scenario.write(options)
            var runs = [try scenario.start(), try scenario.start()]
            try Self.produce(&scenario, 100)
            #expect(scenario.settles(runs[0], seconds: 120), "seed \(scenario.history.seed): \(runs[0].errors)")
            let kills = Soak.rounds(2)
            for kill in 1...kills {
                let when = "kill \(kill), seed \(scenario.history.seed)"
                try Self.produce(&scenario, 200)
                Thread.sleep(forTimeInterval: Double(scenario.history.pick(600)) / 1000)
                let victim = runs.remove(at: scenario.history.pick(2))
                victim.signal(SIGKILL)
                #expect(victim.finish(seconds: 10).status == SIGKILL, "\(when): \(victim.errors)")
                try Self.produce(&scenario, 100)
                // Every other time the next one joins before the dead one's session is over.
                if kill % 2 == 0 { runs.append(try scenario.start()) }
                #expect(scenario.settles(runs[0], seconds: 120), "\(when): \(runs[0].errors)")
                if runs.count < 2 { runs.append(try scenario.start()) }
            }
            for run in runs { scenario.stop(run) }
            try scenario.verify()
        }
    }

    /// Produces records, then one record per partition in its own batch: this broker reports the end of such a batch as
    /// the end offset.
    private static func produce(_ scenario: inout KafkaScenario, _ count: Int) throws {
        try scenario.produce(count)
        try scenario.dealRows()
    }

    /// The partitions whose records a process commits while the other one is paused for less than its session.
    private static func share(
        of run: WeirBinary.Running,
        pausing other: WeirBinary.Running,
        _ scenario: inout KafkaScenario
    ) throws -> Set<Int> {
        let before = try scenario.positions()
        other.signal(SIGSTOP)
        defer { other.signal(SIGCONT) }
        try scenario.dealRows()
        func moved() -> Set<Int> {
            let now = (try? scenario.positions()) ?? [:]
            return Set(now.filter { $0.value != before[$0.key] }.keys)
        }
        run.wait(seconds: 4) { !moved().isEmpty }
        // The rows of one commit arrive together; the next commit may add more.
        Thread.sleep(forTimeInterval: 1.2)
        return moved()
    }

    /// The number of claims of each partition, from the change store.
    private static func claims(_ folder: String) throws -> [Int: Int] {
        let metadata = folder + "/warehouse/shop/people_change_/metadata"
        let names = try FileManager.default.contentsOfDirectory(atPath: metadata)
        let newest = try #require(names.filter { $0.hasSuffix(".metadata.json") }.max())
        let text = try String(contentsOfFile: "\(metadata)/\(newest)", encoding: .utf8)
        let properties = try #require(KafkaScenario.object(text)["properties"] as? [String: String])
        let claims = try KafkaScenario.object(try #require(properties["weir.claims.people"]))
        let numbers = try #require(claims["people"] as? [String: Int])
        return Dictionary(uniqueKeysWithValues: numbers.compactMap { name, number in Int(name).map { ($0, number) } })
    }
}
