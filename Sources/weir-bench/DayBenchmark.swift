import Bytes
import ChangeEvents
import Foundation
import IcebergTables
import MixedTables
import Synchronization

/// A keyed table that gets changes every second for a day of simulated time, each moved into base at once, with
/// snapshots that expire as they do by default: what a commit costs in the first, the middle and the last hundredth.
enum DayBenchmark {
    private static let seconds =
        ProcessInfo.processInfo.environment["WEIR_BENCH_SECONDS"].flatMap { Int($0) }.map { max(1000, $0) } ?? 86_400
    private static let part = seconds / 100
    /// Until then the number of snapshots grows.
    private static let warmUp = 250
    /// Rows that live at a time; each second adds four, changes two and deletes four.
    private static let liveRows = 4_000
    /// Files that nothing refers to are deleted this often. The changes that base has count as such.
    private static let secondsBetweenCleaning = 2_000

    /// What one second came to.
    private struct Sample {
        let commit: Benchmark.Cost
        let move: Benchmark.Cost
        let metadataBytes: [Int]
        let manifests: [Int]
        let dataFiles: Int
        let deleteFiles: Int
    }

    static func run() throws {
        let folder = Benchmark.folder("day")
        defer { Benchmark.remove(folder) }
        let now = Atomic<Int64>(1_750_000_000_000)
        let clock = TransactionClock(
            nowMs: { now.load(ordering: .relaxed) },
            sleep: TransactionClock.system.sleep,
            random: TransactionClock.system.random
        )
        var table = try IngestBenchmarks.createOrders(folder)
        let writer = try KeyedTableWriter(table)
        let materializer = Materializer(table, clock: clock)
        var ledger = PositionLedger()
        var parts: [[Sample]] = [[], [], []]
        let starts = [warmUp, seconds / 2, seconds - part]
        for second in 0..<seconds {
            now.add(1000, ordering: .relaxed)
            try write(second, with: writer)
            var next = ledger
            next.advance(TopicPartition(topic: EventFill.topic, partition: 0), to: Int64(second + 1))
            var epoch = TableEpoch(try writer.cut(), of: table, topology: "bench", from: ledger, to: next)
            epoch.clock = clock
            let commit = try Benchmark.cost { table = try MixedTable.commit([epoch])[0] }
            ledger = next
            let move = try Benchmark.cost {
                let time = now.load(ordering: .relaxed)
                while try materializer.step(nowMilliseconds: time) != .caughtUp {}
            }
            table = materializer.table
            for index in parts.indices where starts[index]..<starts[index] + part ~= second {
                parts[index].append(try sample(table, commit, move))
                if parts[index].count == part { show(parts[index], until: second) }
            }
            if second % secondsBetweenCleaning == secondsBetweenCleaning - 1 { try clean(table) }
        }
        let rows = try MergeOnReadScan(table).count()
        guard rows == min(liveRows, seconds * 4) else { throw WeirError(.corrupt, "\(rows) rows are left") }
    }

    private static func write(_ second: Int, with writer: KeyedTableWriter) throws {
        let first = second * 4
        _ = try writer.write(OrderRows.changes(keys: first..<first + 4, kind: .insert, version: 0))
        guard first >= liveRows else { return }
        let oldest = first - liveRows
        let changed = [oldest + 4 + second &* 7_919 % (liveRows - 8), first - 1]
        _ = try writer.write(OrderRows.changes(keys: changed, kind: .updateAfter, version: second))
        _ = try writer.write(OrderRows.changes(keys: oldest..<oldest + 4, kind: .delete, version: 0))
    }

    private static func sample(
        _ table: MixedTable,
        _ commit: Benchmark.Cost,
        _ move: Benchmark.Cost
    ) throws -> Sample {
        let stores = [table.change, table.base].compactMap(\.self)
        let files = try table.base.plan()
        return Sample(
            commit: commit,
            move: move,
            metadataBytes: try stores.map { try $0.storage.read($0.metadataLocation).count },
            manifests: try stores.map { store in try store.currentSnapshot.map(store.manifests)?.count ?? 0 },
            dataFiles: files.count,
            deleteFiles: Set(files.flatMap(\.deletes).map(\.file.path)).count
        )
    }

    private static func clean(_ table: MixedTable) throws {
        for store in [table.change, table.base].compactMap(\.self) {
            let reachable = try ReachableFiles(store)
            let isBase = store.identifier == table.base.identifier
            for entry in try store.storage.list(store.location)
            where !(entry.path == reachable.current || reachable.metadata.contains(entry.path))
                && !(isBase && reachable.data.contains(entry.path))
            {
                try store.storage.delete(entry.path)
            }
        }
    }

    /// A line for a part of the day, with medians.
    private static func show(_ part: [Sample], until second: Int) {
        func median(_ value: (Sample) -> Double) -> Double { Benchmark.percentile(part.map(value), 0.5) }
        func count(_ value: (Sample) -> Int) -> Int { Int(median { Double(value($0)) }) }
        let moves = (wall: median(\.move.wall), cpu: median(\.move.cpu))
        Benchmark.line(
            "commit \(second + 2 - part.count) to \(second + 1), one a second",
            Benchmark.milliseconds(median(\.commit.wall)),
            detail: "median, processor \(Benchmark.milliseconds(median(\.commit.cpu))); moved into base in "
                + "\(Benchmark.milliseconds(moves.wall)), processor \(Benchmark.milliseconds(moves.cpu)); metadata of changes "
                + "\(count { $0.metadataBytes[0] }) bytes and \(count { $0.manifests[0] }) manifests, of base "
                + "\(count { $0.metadataBytes[1] }) bytes and \(count { $0.manifests[1] }) manifests; base has "
                + "\(count(\.dataFiles)) data files and \(count(\.deleteFiles)) delete files"
        )
    }
}
