import Foundation
import Testing
import WeirTesting

extension KafkaBinaryTests {
    @Test func `a broker that stops and comes back is waited for`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.write()
            let run = try scenario.start()
            for _ in 0..<Soak.rounds(3) {
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

    @Test func `a run says that brokers are away, and that records come again`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.write()
            let run = try scenario.start()
            try scenario.produce(100)
            #expect(scenario.settles(run), "\(run.errors)")
            try scenario.broker.stop()
            // Which of librdkafka's messages comes first depends on its state.
            let told = "source 'people': broker \(scenario.broker.address) "
            #expect(run.wait(seconds: 30) { run.errors.contains(told) }, "\(run.errors)")
            try scenario.broker.start()
            try scenario.produce(100)
            #expect(scenario.settles(run), "\(run.errors)")
            let over = "source 'people': records come again"
            #expect(run.wait(seconds: 5) { run.errors.contains(over) }, "\(run.errors)")
            scenario.stop(run)
            try scenario.verify()
        }
    }

    @Test func `processes that come and go share the partitions`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.broker.create("latest", partitions: 2)
            var options = KafkaScenario.Options()
            options.target = "latest"
            try scenario.write(options)
            var runs: [WeirBinary.Running] = []
            for count in (0..<Soak.factor).flatMap({ _ in [2, 3, 1, 2, 1] }) {
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
            try Self.verify(scenario, options, target: "latest")
        }
    }

    // Shorter and longer than its session.
    @Test(arguments: [3.0, 7.0])
    func `a process that was away finds its commits refused and goes on`(seconds: Double) throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.broker.create("latest", partitions: 2)
            var options = KafkaScenario.Options()
            options.commit = "2s"
            options.target = "latest"
            try scenario.write(options)
            let zombie = try scenario.start()
            try scenario.produce(200)
            #expect(scenario.settles(zombie), "seed \(scenario.history.seed)")
            // The process reads these records and is stopped before it commits them.
            try scenario.produce(400)
            Thread.sleep(forTimeInterval: 0.3)
            zombie.signal(SIGSTOP)
            let stopped = Date()
            // The broker keeps dead members, so the one that takes over is of another group.
            options.group = "weir-people-instead"
            try scenario.write(options)
            let other = try scenario.start()
            try scenario.produce(400)
            #expect(scenario.settles(other), "seed \(scenario.history.seed): \(other.errors)")
            Thread.sleep(until: stopped.addingTimeInterval(seconds))
            zombie.signal(SIGCONT)
            try scenario.produce(200)
            #expect(scenario.settles(other), "seed \(scenario.history.seed): \(other.errors)")
            scenario.stop(other)
            try scenario.produce(200)
            // After its session timeout it rejoins as another member, beside the dead one that the broker keeps.
            if seconds < 6 {
                #expect(scenario.settles(zombie), "seed \(scenario.history.seed): \(zombie.errors)")
            } else {
                #expect(zombie.process.isRunning, "\(zombie.errors)")
            }
            scenario.stop(zombie)
            #expect(zombie.errors.contains("partitions were taken over"), "\(zombie.errors)")
            options.group = "weir-people-after"
            try scenario.write(options)
            try scenario.verify()
            try Self.verify(scenario, options, target: "latest")
        }
    }

    @Test func `processes killed at random moments lose and double nothing`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            let kills = Soak.rounds(10)
            try scenario.broker.create("latest", partitions: 2)
            var options = KafkaScenario.Options()
            options.target = "latest"
            var runs: [WeirBinary.Running] = []
            for round in 0..<kills {
                // In another group, two more processes read the partitions that the survivor of the last round still
                // considers its own.
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
            try Self.verify(scenario, options, target: "latest")
            print("Kafka kills, seed \(scenario.history.seed): \(kills) survived")
        }
    }

    @Test func `a topic gets every change once though its writer is killed`() throws {
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder)
            try scenario.broker.create("latest", partitions: 2)
            var options = KafkaScenario.Options()
            options.target = "latest"
            let kills = Soak.rounds(8)
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
            try Self.verify(scenario, options, target: "latest")
        }
    }

    /// Checks that the topic equals that of an undisturbed run: the same changes in the same order for every key.
    private static func verify(_ scenario: KafkaScenario, _ options: KafkaScenario.Options, target: String) throws {
        var options = options
        try scenario.broker.create("undisturbed", partitions: 2)
        (options.name, options.warehouse, options.target) = ("undisturbed", "undisturbed", "undisturbed")
        options.group = "undisturbed"
        try scenario.write(options, to: "undisturbed.yaml")
        let undisturbed = try scenario.weir("run", "undisturbed.yaml", "--until-caught-up", "--quiet")
        #expect(undisturbed.status == 0, "\(undisturbed.errors)")
        let seed = scenario.history.seed
        let (all, rows) = try changes(target, scenario.broker)
        let (expected, _) = try changes("undisturbed", scenario.broker)
        #expect(rows == scenario.history.rows, "seed \(seed)")
        #expect(all == expected && !all.isEmpty, "seed \(seed)")
    }

    /// The committed values of every key in order, and the resulting rows.
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
