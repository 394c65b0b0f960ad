import Bytes
import ChangeEvents
import Foundation
import IcebergTables
import MixedTables

/// The cost of a commit as a table grows older: the 1st, the 1,000th and the 10,000th commit of one table.
enum CommitBenchmarks {
    private static let marks = [1, 1_000, 10_000]
    /// The number of commits around each mark; their median is shown.
    private static let window = 9
    /// Up to this number, commits are made one by one. Ten thousand would take a quarter of an hour.
    private static let realMax = 1_100
    private static let snapshotsAtOnce = 250
    private static let secondsMax = 150.0

    static func run() throws {
        let folder = Benchmark.folder("commits")
        defer { Benchmark.remove(folder) }
        var table = try IngestBenchmarks.createOrders(folder)
        let writer = try KeyedTableWriter(table)
        var ledger = PositionLedger()
        var age = 0
        let begin = FollowBenchmarks.now()
        for mark in marks {
            let first = max(0, mark - window / 2 - 1)
            while age < first, FollowBenchmarks.now() - begin < secondsMax {
                if mark <= realMax {
                    _ = try commit(age, with: writer, to: &table, &ledger)
                    age += 1
                } else {
                    let count = min(snapshotsAtOnce, first - age)
                    try grow(&table, by: count)
                    age += count
                }
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
            Benchmark.line(
                "commit \(mark) of one table",
                Benchmark.milliseconds(Benchmark.percentile(times, 0.5)),
                detail: "median of \(window) around it, one row each, writing its file not counted"
                    + (mark > realMax ? "; most of the earlier snapshots are empty ones" : "")
            )
        }
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

    /// Adds `count` empty snapshots in one commit.
    private static func grow(_ table: inout MixedTable, by count: Int) throws {
        var transaction = Transaction(table.ingestStore)
        for _ in 0..<count { transaction.append([], summary: ["snapshot.producer": "INGESTION"]) }
        _ = try transaction.commit()
        table = try table.refreshed()
    }
}
