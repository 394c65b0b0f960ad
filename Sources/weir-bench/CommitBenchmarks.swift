import Bytes
import ChangeEvents
import Foundation
import IcebergTables
import MixedTables

/// The cost of a commit as a table grows older: the 10th, the 1,000th and the 10,000th commit of one table, whose
/// snapshots expire as they do by default.
enum CommitBenchmarks {
    private static let marks = [10, 1_000, 10_000]
    /// The number of commits around each mark; their median is shown.
    private static let window = 15
    private static let secondsMax = 180.0

    static func run() throws {
        let folder = Benchmark.folder("commits")
        defer { Benchmark.remove(folder) }
        var table = try IngestBenchmarks.createOrders(folder)
        let writer = try KeyedTableWriter(table)
        var ledger = PositionLedger()
        var age = 0
        var medians: [Double] = []
        let begin = FollowBenchmarks.now()
        for mark in marks {
            let first = max(0, mark - window / 2 - 1)
            while age < first, FollowBenchmarks.now() - begin < secondsMax {
                _ = try commit(age, with: writer, to: &table, &ledger)
                age += 1
            }
            guard age >= first else {
                Benchmark.skip("commit \(mark) of one table", "the \(age) before took \(Int(secondsMax)) s")
                return
            }
            var times: [Double] = []
            for _ in 0..<window {
                times.append(try commit(age, with: writer, to: &table, &ledger))
                age += 1
            }
            medians.append(Benchmark.percentile(times, 0.5))
            let snapshots = table.ingestStore.snapshots.count
            Benchmark.line(
                "commit \(mark) of one table",
                Benchmark.milliseconds(medians[medians.count - 1]),
                detail:
                    "median of \(window) around it, one row each, writing its file not counted; \(snapshots) snapshots"
            )
        }
        let ratio = medians[2] / medians[0]
        Benchmark.line(
            "commit 10,000 ÷ commit 10",
            String(format: "%.2f", ratio),
            goal: Benchmark.Goal(text: "≤ 1.1", isMet: ratio <= 1.1)
        )
    }

    /// Commits one row and returns how long the commit took.
    private static func commit(
        _ number: Int,
        with writer: KeyedTableWriter,
        to table: inout MixedTable,
        _ ledger: inout PositionLedger
    ) throws -> Double {
        _ = try writer.write(OrderRows.changes(keys: [number], kind: .insert, version: 0))
        let epoch = try writer.cut()
        var next = ledger
        next.advance(TopicPartition(topic: EventFill.topic, partition: 0), to: Int64(number + 1))
        let seconds = try Benchmark.seconds {
            table = try table.commit(epoch, topology: "bench", from: ledger, to: next)
        }
        ledger = next
        return seconds
    }
}
