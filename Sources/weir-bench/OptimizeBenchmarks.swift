import Bytes
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import Optimizing

/// Rewriting files of a table while it is written: how fast, at which cost for the key index, how much is written for a
/// changed row, and what readers have of it.
enum OptimizeBenchmarks {
    static func run() throws {
        try planning()
        try rewriting()
        try amplification()
        try scans()
    }

    private static let settings = OptimizingSettings()

    // MARK: Planning

    private static let plannedFiles = 100_000

    /// A table of many small files in a hundred partitions, as its metadata says it.
    private static func planning() throws {
        let folder = Benchmark.folder("optimize-plan")
        defer { Benchmark.remove(folder) }
        let table = try IngestBenchmarks.createOrders(folder)
        for part in 0..<10 {
            let files = (0..<plannedFiles / 10).map { number in
                let node = 4 + number % 4
                return DataFile(
                    path: "\(table.base.dataLocation)/\(node)-B-1-00000-0-\(part)-\(number).parquet",
                    recordCount: 1000,
                    fileSize: Int64(1 + number % 200) << 20
                )
            }
            var transaction = Transaction(try table.base.refreshed())
            transaction.append(files)
            _ = try transaction.commit()
        }
        let state = try table.refreshed()
        let optimizer = TableOptimizer(settings, threads: 2, nowMilliseconds: { 0 })
        var steps = 0
        let seconds = try (0..<3).map { _ in
            try Benchmark.seconds { steps = try optimizer.evaluate(state, .kind(.major)).plan.steps.count }
        }.sorted()[1]
        Benchmark.line(
            "plan of a table of \(plannedFiles) files",
            "\(Benchmark.shown(seconds)) s",
            goal: Benchmark.Goal(text: "≤ 1", isMet: seconds <= 1),
            detail: "\(steps) steps within the budget of one plan"
        )
    }

    // MARK: Rewriting

    private static let rows = 5_000_000

    /// A rewrite of all files, of which a twentieth is deleted, by one and two threads, and its commit beside the key index.
    private static func rewriting() throws {
        let folder = Benchmark.folder("optimize-rewrite")
        defer { Benchmark.remove(folder) }
        let created = try IngestBenchmarks.createOrders(folder)
        let writer = try KeyedTableWriter(created)
        let materializer = Materializer(created)
        materializer.rewriteFileBytes = 0
        var table = created
        for part in 0..<8 {
            let keys = Array(part * rows / 8..<(part + 1) * rows / 8)
            table = try OrderRows.commit(keys, kind: .insert, version: 0, with: writer, to: table)
            while try materializer.step(nowMilliseconds: 0) != .caughtUp {}
        }
        let changed = Array(stride(from: 0, to: rows, by: 20))
        table = try OrderRows.commit(changed, kind: .updateAfter, version: 1, with: writer, to: table)
        while try materializer.step(nowMilliseconds: 0) != .caughtUp {}
        let files = try materializer.table.base.plan()
        let byNode = Dictionary(grouping: files) { FileRole.base(path: $0.file.path).node.id }
        let tasks = byNode.sorted { $0.key < $1.key }.map { BaseRewrite.Task(.rows, $0.value) }
        var (one, two): ([Double], [Double]) = ([], [])
        var made: BaseRewrite?
        for _ in 0..<3 {
            for threads in [1, 2] {
                made?.discard(from: table)
                let seconds = try Benchmark.seconds {
                    made = try BaseRewrite.run(tasks, of: materializer.table, threads: threads)
                }
                if threads == 1 { one.append(seconds) } else { two.append(seconds) }
            }
        }
        guard let rewrite = made else { return }
        let (single, double) = (one.sorted()[1], two.sorted()[1])
        Benchmark.line(
            "rewrite, 2 threads ÷ 1",
            String(format: "%.2f × its speed", single / double),
            goal: Benchmark.Goal(text: "≥ 1.7", isMet: single / double >= 1.7),
            detail: "\(Int(Double(rows) / double / 1000)) k rows/s, \(files.count) files of "
                + "\(files.reduce(0) { $0 + $1.file.fileSize } >> 20) MB, 5% deleted; row maps \(rewrite.mapBytes >> 10) KB"
        )
        // Deletes that come before the commit.
        let late = Array(stride(from: 7, to: rows, by: 1000))
        table = try OrderRows.commit(late, kind: .updateAfter, version: 2, with: writer, to: table)
        materializer.keep(rewrite.paths)
        while try materializer.step(nowMilliseconds: 0) != .caughtUp {}
        var outcome = BaseRewrite.Outcome()
        let commit = try Benchmark.seconds { outcome = try materializer.commit(rewrite, nowMilliseconds: 0) }
        Benchmark.line(
            "commit of a rewrite beside \(outcome.movedDeletes) deletes",
            "\(Benchmark.shown(commit * 1000)) ms",
            goal: Benchmark.Goal(text: "≤ 50", isMet: commit <= 0.05),
            detail: "what a run cannot move changes meanwhile; ingest does not wait for it"
        )
        let maps = materializer.movedBytes
        let settle = Benchmark.seconds { materializer.settleMoves(merges: .max) }
        Benchmark.line(
            "index work for a rewrite once its map is too large ÷ the rewrite",
            String(format: "%.1f%%", settle / double * 100),
            detail:
                "\(Benchmark.shown(settle * 1000)) ms for \(materializer.keyCount) keys, in parts of a 256th; the map takes "
                + "\(maps >> 10) KB, the index \(materializer.keyBytes.memory >> 20) MB"
        )
    }

    // MARK: Write amplification

    private static let epochs = 1000
    private static let epochRows = 2000

    /// Small epochs of half new and half updated rows, optimized after every tenth.
    private static func amplification() throws {
        let folder = Benchmark.folder("optimize-steady")
        defer { Benchmark.remove(folder) }
        let created = try IngestBenchmarks.createOrders(folder)
        let writer = try KeyedTableWriter(created)
        let materializer = Materializer(created)
        materializer.rewriteFileBytes = 4 << 20
        var table = created
        var (inserted, rewritten): (Int64, Int64) = (0, 0)
        var random = SystemRandomNumberGenerator()
        var next = 0
        for epoch in 0..<epochs {
            var keys = Set((next..<next + epochRows / 2))
            next += epochRows / 2
            while keys.count < epochRows { keys.insert(Int.random(in: 0..<next, using: &random)) }
            table = try OrderRows.commit(Array(keys), kind: .updateAfter, version: epoch, with: writer, to: table)
            while case .merged(let merge) = try materializer.step(nowMilliseconds: 0) {
                inserted += merge.inserted
                rewritten += merge.rewritten
            }
            if epoch % 10 == 9 { rewritten += try optimize(materializer) }
        }
        let files = try materializer.table.base.plan()
        let amplification = Double(inserted + rewritten) / Double(inserted)
        Benchmark.line(
            "rows written per changed row, \(epochs) epochs of 50% updates",
            String(format: "%.2f", amplification),
            goal: Benchmark.Goal(text: "≤ 6", isMet: amplification <= 6),
            detail:
                "\(inserted) rows changed, \(files.count) data files with \(files.flatMap(\.deletes).count) delete files are left"
        )
    }

    /// Does what is due, as a run does; returns the rows that were written again.
    private static func optimize(_ materializer: Materializer) throws -> Int64 {
        var rows: Int64 = 0
        for _ in 0..<10 {
            guard let files = materializer.baseFiles else { return rows }
            let picture = TablePicture(files, of: materializer.table, buckets: try materializer.table.nodesOfBase())
            let plan = OptimizingStrategy(settings).plan(picture, .due(sinceMinor: 0, sinceFull: 0))
            if plan.isEmpty { return rows }
            let work = plan.steps.map { step in
                BaseRewrite.Task(step.work == .rows ? .rows : .deletes, step.files.map { files[$0] })
            }
            let rewrite = try BaseRewrite.run(work, of: materializer.table, threads: 2)
            rows += try materializer.commit(rewrite, nowMilliseconds: 0).rows
            materializer.settleMoves(merges: 8)
        }
        return rows
    }

    // MARK: Readers

    private static let updates = 10

    /// DuckDB over base after every round of updating a tenth of the rows that are spread over all of them.
    private static func scans() throws {
        let title = "DuckDB scan of an optimized base, \(updates) × 10% spread ÷ compacted"
        guard let peer = DuckDBScan() else { return Benchmark.skip(title, DuckDBPeer.missingReason) }
        let folder = Benchmark.folder("optimize-scan")
        defer { Benchmark.remove(folder) }
        let created = try IngestBenchmarks.createOrders(folder)
        let writer = try KeyedTableWriter(created)
        let materializer = Materializer(created)
        materializer.rewriteFileBytes = 4 << 20
        var table = try OrderRows.commit(Array(0..<rows), kind: .insert, version: 0, with: writer, to: created)
        while try materializer.step(nowMilliseconds: 0) != .caughtUp {}
        var times: [Double] = []
        for version in 1...updates {
            let keys = Array(stride(from: version - 1, to: rows, by: updates))
            table = try OrderRows.commit(keys, kind: .updateAfter, version: version, with: writer, to: table)
            while try materializer.step(nowMilliseconds: 0) != .caughtUp {}
            _ = try optimize(materializer)
            times.append(try peer.seconds(materializer.table, rows: rows))
        }
        let compacted = try TableOptimizer(settings, threads: 2, nowMilliseconds: { 0 }).run(table, .kind(.full)).table
        let whole = try peer.seconds(compacted, rows: rows)
        let worst = (times.max() ?? 0) / whole
        Benchmark.line(
            title,
            String(format: "%.2f × its time", worst),
            goal: Benchmark.Goal(text: "≤ 1.2", isMet: worst <= 1.2),
            detail: "the worst of " + times.map { String(format: "%.2f", $0 / whole) }.joined(separator: " ")
        )
    }
}
