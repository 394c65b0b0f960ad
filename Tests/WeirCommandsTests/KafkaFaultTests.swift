import Foundation
import Testing
import WeirTesting

extension KafkaBinaryTests {
    @Test func `a broker that stops and comes back is waited for`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.write()
            let run = try scenario.start()
            for _ in 0..<3 {
                try scenario.produce(200)
                Thread.sleep(forTimeInterval: Double(scenario.history.pick(500)) / 1000)
                try scenario.broker.stop()
                Thread.sleep(forTimeInterval: Double(scenario.history.pick(1500)) / 1000)
                try scenario.broker.start()
                try scenario.produce(200)
            }
            #expect(scenario.settles(run), "seed \(scenario.history.seed): \(run.errors)")
            scenario.stop(run)
            try scenario.verify()
        }
    }

    @Test func `processes that come and go share the partitions`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.write()
            var runs: [WeirBinary.Running] = []
            for count in [2, 3, 1, 2, 1] {
                while runs.count < count { runs.append(try scenario.start()) }
                while runs.count > count { scenario.stop(runs.remove(at: scenario.history.pick(runs.count))) }
                for _ in 0..<4 {
                    try scenario.produce(80)
                    Thread.sleep(forTimeInterval: Double(scenario.history.pick(300)) / 1000)
                }
            }
            #expect(scenario.settles(runs.first), "seed \(scenario.history.seed)")
            for run in runs { scenario.stop(run) }
            try scenario.verify()
        }
    }

    @Test func `a process that was away finds its commits refused and goes on`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder, on: .tansu)
            var options = KafkaScenario.Options()
            options.commit = "2s"
            try scenario.write(options)
            let runs = [try scenario.start(), try scenario.start()]
            try scenario.produce(200)
            #expect(scenario.settles(), "seed \(scenario.history.seed)")
            // Both read their share of this, and have not committed it when one is stopped.
            try scenario.produce(400)
            Thread.sleep(forTimeInterval: 0.3)
            runs[0].signal(SIGSTOP)
            try scenario.produce(400)
            #expect(scenario.settles(runs[1]), "seed \(scenario.history.seed): \(runs[1].errors)")
            runs[0].signal(SIGCONT)
            try scenario.produce(200)
            #expect(scenario.settles(runs[0]), "seed \(scenario.history.seed): \(runs[0].errors)")
            // Now the other one goes, for good.
            runs[1].signal(SIGKILL)
            try scenario.produce(200)
            #expect(scenario.settles(runs[0]), "seed \(scenario.history.seed): \(runs[0].errors)")
            scenario.stop(runs[0])
            #expect(runs[0].errors.contains("partitions were taken over"), "\(runs[0].errors)")
            try scenario.verify()
        }
    }

    @Test func `processes killed at random moments lose and double nothing`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            let kills = SeededGenerator.isSoak ? 200 : 10
            var options = KafkaScenario.Options()
            var runs: [WeirBinary.Running] = []
            for round in 0..<kills {
                // In a group of their own, two more read what the survivor of the last round believes to be its share.
                options.group = "weir-people-\(round)"
                try scenario.write(options)
                let survivors = runs
                runs = [try scenario.start(), try scenario.start()]
                try scenario.produce(150)
                Thread.sleep(forTimeInterval: Double(scenario.history.pick(1500)) / 1000)
                for victim in survivors + [runs.remove(at: scenario.history.pick(2))] {
                    victim.signal(SIGKILL)
                    let ended = victim.finish(seconds: 10)
                    #expect(ended.status == SIGKILL, "\(ended.errors)")
                }
                try scenario.produce(50)
                if round % 5 == 4 {
                    for run in runs { scenario.stop(run) }
                    runs = []
                    options.group = "weir-people-after-\(round)"
                    try scenario.write(options)
                    try scenario.verify("after kill \(round),")
                }
            }
            print("Kafka kills, seed \(scenario.history.seed): \(kills) survived")
        }
    }

    @Test func `a topic gets every change once though its writer is killed`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            for topic in ["latest", "undisturbed"] { try scenario.broker.create(topic, partitions: 2) }
            var options = KafkaScenario.Options()
            options.target = "latest"
            let kills = SeededGenerator.isSoak ? 100 : 8
            for round in 0..<kills {
                options.group = "weir-people-\(round)"
                try scenario.write(options)
                let run = try scenario.start()
                try scenario.produce(200)
                Thread.sleep(forTimeInterval: Double(scenario.history.pick(1200)) / 1000)
                run.signal(SIGKILL)
                #expect(run.finish(seconds: 10).status == SIGKILL, "\(run.errors)")
            }
            options.group = "weir-people"
            try scenario.write(options)
            try scenario.verify()

            (options.name, options.warehouse, options.target) = ("undisturbed", "undisturbed", "undisturbed")
            options.group = "undisturbed"
            try scenario.write(options, to: "undisturbed.yaml")
            let undisturbed = try scenario.weir("run", "undisturbed.yaml", "--until-caught-up", "--quiet")
            #expect(undisturbed.status == 0, "\(undisturbed.errors)")

            let seed = scenario.history.seed
            let (all, rows) = try Self.changes("latest", scenario.broker)
            let (expected, _) = try Self.changes("undisturbed", scenario.broker)
            #expect(rows == scenario.history.rows, "seed \(seed)")
            #expect(all == expected && !all.isEmpty, "seed \(seed)")
        }
    }

    /// The committed values of every key in their order, and the rows they lead to.
    private static func changes(
        _ topic: String,
        _ broker: KafkaBroker
    ) throws -> (all: [String: [String]], rows: [Int: KafkaHistory.Row]) {
        var all: [String: [String]] = [:]
        var rows: [Int: KafkaHistory.Row] = [:]
        for record in try broker.consume(topic, readsCommitted: true) {
            let key = try #require(record.keyText)
            let id = try #require(KafkaScenario.object(key)["id"] as? Int)
            all[key, default: []].append(record.valueText ?? "deleted")
            rows[id] = try record.valueText.map { try KafkaScenario.row(try KafkaScenario.object($0)).1 }
        }
        return (all, rows)
    }
}
