import Foundation
import Testing
import WeirTesting

extension KafkaBinaryTests {
    /// An hour ago, because brokers drop records older than a week.
    private static let epoch = Int64(Date().timeIntervalSince1970 * 1000) - 3_600_000
    /// Milliseconds after the epoch, by partition and batch. Two partitions stay empty, and times need not be
    /// ascending.
    private static let batches: [[[Int64]]] = [[[0, 10, 10, 20, 30], [40], [35], [60, 50, 70]], [[5, 15], [25]]]

    /// Writes a topology with its own warehouse that starts at a time. Returns its file.
    private static func write(_ scenario: KafkaScenario, startingAt time: String, name: String) throws -> String {
        var options = KafkaScenario.Options()
        (options.name, options.warehouse, options.group) = (name, name, name)
        options.source = ["scan.startup.mode: timestamp", "scan.startup.timestamp-millis: \(time)"]
        try scenario.write(options, to: name + ".yaml")
        return name + ".yaml"
    }

    private static func ids(_ scenario: KafkaScenario, _ warehouse: String) throws -> [Int] {
        let scan = try scenario.weir("scan", "shop.people", "--warehouse", warehouse, "-o", "json")
        try #require(scan.status == 0, "\(scan.errors)")
        return try scan.lines.map { try #require(KafkaScenario.object($0)["id"] as? Int) }.sorted()
    }

    @Test func `a run that starts at a time begins with the first record of that time or later`() throws {
        try withTemporaryFolder { folder in
            let scenario = try KafkaScenario(folder)
            func produce(_ times: [Int64], partition: Int, id: Int) throws {
                let records = times.enumerated().map { index, time in
                    let row = KafkaHistory.insert(id + index, "at \(time)")
                    return (timestamp: Self.epoch + time, key: row.key ?? "", value: row.value ?? "")
                }
                try scenario.broker.produce(records, to: "people", partition: partition)
            }
            for (partition, batches) in Self.batches.enumerated() {
                var id = partition * 100
                for batch in batches {
                    try produce(batch, partition: partition, id: id)
                    id += batch.count
                }
            }
            let stored = try scenario.broker.consume("people").map { $0.timestamp - Self.epoch }
            try #require(stored.sorted() == Self.batches.joined().joined().sorted(), "the broker keeps the times")

            for time: Int64 in [-1000, 0, 1, 5, 10, 11, 26, 31, 36, 41, 61, 70, 71] {
                let name = "at-\(time)"
                let file = try Self.write(scenario, startingAt: "\(Self.epoch + time)", name: name)
                let run = try scenario.weir("run", file, "--until-caught-up", "--quiet")
                #expect(run.status == 0, "\(run.errors)")
                let expected = Self.batches.enumerated().flatMap { partition, batches in
                    let times = Array(batches.joined())
                    let first = times.firstIndex { $0 >= time } ?? times.count
                    return (first..<times.count).map { partition * 100 + $0 }
                }
                #expect(try Self.ids(scenario, name) == expected, "start at \(time)")
            }

            // After the last record the position is the end; a run that continues there does not search for the time
            // again.
            try produce([1, 80], partition: 0, id: 50)
            try produce([2], partition: 2, id: 200)
            let run = try scenario.weir("run", "at-71.yaml", "--until-caught-up", "--quiet")
            #expect(run.status == 0, "\(run.errors)")
            #expect(try Self.ids(scenario, "at-71") == [50, 51, 200])
        }
    }

    @Test func `a start that is no time is told with its position`() throws {
        try withTemporaryFolder { folder in
            let scenario = try KafkaScenario(folder)
            let file = try Self.write(scenario, startingAt: "2023-11-14T22:13:20Z", name: "wrong")
            let position = "wrong.yaml:15:38: error: "
            let message = "'2023-11-14T22:13:20Z' is no value of 'scan.startup.timestamp-millis'"
            for (command, status) in [("check", 3), ("run", 1)] as [(String, Int32)] {
                let result = try scenario.weir(command, file)
                let said = result.output + result.errors
                #expect(result.status == status, "\(said)")
                #expect(said.contains(position + message) && said.contains("write milliseconds since 1970"), "\(said)")
            }
            #expect(!FileManager.default.fileExists(atPath: folder + "/wrong"), "a warehouse was made")
        }
    }
}
