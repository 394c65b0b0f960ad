import Bytes
import ChangeEvents
import Columnar
import Foundation
import IcebergFormat
import MixedTables
import Synchronization

/// Merge-on-read over five million rows, of which a tenth changed after base was written, before and after optimizing.
enum ScanBenchmarks {
    private static let rows = 5_000_000

    static func run() throws {
        let folder = Benchmark.folder("scan")
        defer { Benchmark.remove(folder) }
        let created = try IngestBenchmarks.createOrders(folder)
        let writer = try KeyedTableWriter(created)
        var table = try OrderRows.commit(Array(0..<rows), kind: .insert, version: 0, with: writer, to: created)
        table = try FullOptimize(table, nowMilliseconds: 0).run().table
        for version in 1...5 {
            // Every tenth key, spread over five commits.
            let keys = stride(from: 10 * (version - 1), to: rows, by: 50).map { $0 }
            table = try OrderRows.commit(keys, kind: .updateAfter, version: version, with: writer, to: table)
        }
        try scan(table, "merge-on-read scan, 10% changed, not optimized", target: 2_000_000)
        try besidePyArrow(table, "… beside pyarrow's scan of its data files", goal: 0.6)
        var optimized: MixedTable?
        let cost = try Benchmark.cost { optimized = try FullOptimize(table, nowMilliseconds: 0).run().table }
        guard let optimized else { return }
        try scan(optimized, "merge-on-read scan, optimized", target: 8_000_000)
        try besidePyArrow(optimized, "… beside pyarrow's scan of the same files", goal: 1)
        Benchmark.line("full optimize", rate: Double(rows) / cost.wall, unit: "rows/s", detail: cost.text)
    }

    private static let rounds = 3

    /// The scan of a table in turns with pyarrow's of its data files, without deletes.
    private static func besidePyArrow(_ table: MixedTable, _ name: String, goal: Double) throws {
        guard let peer = PyArrowPeer() else { return Benchmark.skip(name, PyArrowPeer.missingReason) }
        let sequence = try OptimizedSequence.read(table.base, snapshotId: table.base.metadata.currentSnapshotId)
            .sequence(ofPartition: [])
        let changes = try table.change?.plan(sequencesAbove: sequence) ?? []
        let inserts = changes.map(\.file.path).filter { DataFileName(path: $0)?.type == .insert }
        let files = try table.base.plan().map(\.file.path) + inserts
        let scan = try MergeOnReadScan(table)
        var (own, others): ([Benchmark.Cost], [Benchmark.Cost]) = ([], [])
        for _ in 0..<rounds {
            own.append(try Benchmark.cost { try scan.forEach { _ in true } })
            guard let result = peer.scan(files, runs: 2), let best = result.costs.min(by: { $0.wall < $1.wall }) else {
                return Benchmark.skip(name, "pyarrow failed")
            }
            others.append(best)
        }
        let (walls, cpus) = ([own, others].map(Benchmark.medianWall), [own, others].map(Benchmark.medianCPU))
        let ratio = walls[1] / walls[0]
        Benchmark.line(
            name,
            String(format: "%.2f × its speed", ratio),
            goal: Benchmark.Goal(text: "≥ \(goal)", isMet: ratio >= goal),
            detail:
                "medians of \(rounds): \(Benchmark.shown(walls[0])) s and \(Benchmark.shown(walls[1])) s; by processor "
                + String(format: "time %.2f ×", cpus[1] / max(cpus[0], 1e-9))
        )
    }

    private static func scan(_ table: MixedTable, _ name: String, target: Double) throws {
        let scan = try MergeOnReadScan(table)
        let found = Atomic<Int>(0)
        let cost = try Benchmark.medianCost(of: 3) {
            found.store(0, ordering: .relaxed)
            try scan.forEach { batch in
                found.wrappingAdd(batch.count, ordering: .relaxed)
                return true
            }
        }
        let count = found.load(ordering: .relaxed)
        guard count == rows else { throw WeirError(.corrupt, "\(count) of \(rows) rows are read") }
        Benchmark.line(
            name,
            rate: Double(rows) / cost.wall,
            unit: "rows/s",
            target: target,
            detail: "\(scan.schema.count) columns in \(cost.text), "
                + "\(Benchmark.magnitude(Double(rows) / cost.cpu)) a processor second, "
                + "peak RSS \(Benchmark.peakMegabytes()) MB"
        )
    }
}
