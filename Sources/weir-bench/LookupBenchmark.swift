import Bytes
import ChangeEvents
import Foundation
import MixedTables

/// A look-up of one key by a new `weir` process, in a table that many small commits have changed since it was written.
enum LookupBenchmark {
    private static let rows = 10_000_000
    private static let commits = 1_000
    /// Half of them of new keys, half of keys from everywhere.
    private static let rowsPerCommit = 20
    private static let lookups = 21

    static func run() throws {
        let title = "look-up of one key by a new process"
        let weir = ChildProcess.programFolder + "/weir"
        guard FileManager.default.isExecutableFile(atPath: weir) else {
            return Benchmark.skip(title, "no 'weir' beside weir-bench ('make release' builds it)")
        }
        let folder = Benchmark.folder("lookup")
        defer { Benchmark.remove(folder) }
        let created = try IngestBenchmarks.createOrders(folder)
        let writer = try KeyedTableWriter(created)
        var table = created
        for start in stride(from: 0, to: rows, by: rows / 4) {
            let keys = Array(start..<start + rows / 4)
            table = try OrderRows.commit(keys, kind: .insert, version: 0, with: writer, to: table)
        }
        table = try FullOptimize(table, nowMilliseconds: 0).run().table
        try lookUp(weir, folder, "\(title), 10 M rows just rewritten", goal: nil)

        let materializer = Materializer(table)
        var random: UInt64 = 7
        var moving: [Double] = []
        for commit in 0..<commits {
            let first = rows + commit * rowsPerCommit / 2
            var keys = Array(first..<first + rowsPerCommit / 2)
            for _ in 0..<rowsPerCommit / 2 {
                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                keys.append(Int((random >> 33) % UInt64(rows)))
            }
            // As a run does between two epochs: otherwise the writer takes all that has moved for other engines' work.
            _ = try writer.baseHasMoved()
            table = try OrderRows.commit(keys, kind: .updateAfter, version: commit, with: writer, to: table)
            moving.append(
                try Benchmark.seconds { while try materializer.step(nowMilliseconds: 0) != .caughtUp {} }
            )
        }
        let files = try materializer.table.base.plan()
        try lookUp(
            weir,
            folder,
            "… after \(commits) commits, each moved into base",
            goal: 0.06,
            detail:
                "\(files.count) data files, \(Set(files.flatMap(\.deletes).map(\.file.path)).count) delete files, a commit "
                + "is moved in \(Benchmark.milliseconds(Benchmark.percentile(moving, 0.5)))"
        )
    }

    private static func lookUp(
        _ weir: String,
        _ folder: String,
        _ title: String,
        goal: Double?,
        detail: String = ""
    ) throws {
        var costs: [Benchmark.Cost] = []
        for number in 0..<lookups {
            let key = number * (rows / lookups) + 12_345
            let arguments = ["lookup", "--warehouse", folder, "shop.orders", "\(key)"]
            guard let cost = ChildProcess.cost(weir, arguments) else {
                throw WeirError(.invalid, "'weir \(arguments.joined(separator: " "))' fails", at: weir)
            }
            costs.append(cost)
        }
        let wall = Benchmark.medianWall(costs)
        let processor = "processor \(Benchmark.milliseconds(Benchmark.medianCPU(costs)))"
        Benchmark.line(
            title,
            Benchmark.milliseconds(wall),
            goal: goal.map { Benchmark.Goal(text: "≤ \(Benchmark.milliseconds($0))", isMet: wall <= $0) },
            detail: "median of \(lookups), \([processor, detail].filter { !$0.isEmpty }.joined(separator: ", "))"
        )
    }
}
