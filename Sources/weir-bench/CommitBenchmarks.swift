import Bytes
import ChangeEvents
import Foundation
import IcebergTables
import MixedTables

/// What a commit costs as a table gets older: the 1st, the 1,000th and the 10,000th of one table.
enum CommitBenchmarks {
    private static let marks = [1, 1_000, 10_000]
    /// Commits around each mark whose median is shown.
    private static let window = 9
    /// A table that gets slow with age would take all day to get to the last mark.
    private static let secondsMax = 150.0

    static func run() throws {
        let folder = Benchmark.folder("commits")
        defer { Benchmark.remove(folder) }
        var table = try IngestBenchmarks.createOrders(folder)
        let writer = try KeyedTableWriter(table)
        var ledger = PositionLedger()
        var times: [Double] = []
        let begin = FollowBenchmarks.now()
        while times.count < (marks.last ?? 0) + window / 2, FollowBenchmarks.now() - begin < secondsMax {
            let number = times.count
            _ = try writer.write(OrderRows.changes(keys: [number], kind: .insert, version: 0))
            let epoch = try writer.cut()
            var next = ledger
            next.advance(topic: EventFill.topic, partition: 0, to: Int64(number + 1))
            times.append(
                try Benchmark.seconds {
                    table = try table.commit(epoch, topology: "bench", from: ledger, to: next)
                }
            )
            ledger = next
        }
        for mark in marks where mark <= times.count {
            let last = min(times.count, mark + window / 2)
            show(mark, times[max(0, last - window)..<last])
        }
        guard let missed = marks.first(where: { $0 > times.count }) else { return }
        // The highest number that was reached says how it grows.
        show(times.count, times.suffix(window))
        Benchmark.skip("commit \(missed) of one table", "\(times.count) commits took \(Int(secondsMax)) s")
    }

    private static func show(_ number: Int, _ times: some Collection<Double>) {
        Benchmark.line(
            "commit \(number) of one table",
            Benchmark.milliseconds(Benchmark.percentile(Array(times), 0.5)),
            detail: "median of \(times.count) around it, one row each, files not counted"
        )
    }
}
