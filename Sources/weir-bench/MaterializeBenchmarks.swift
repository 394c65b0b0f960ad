import Bytes
import ChangeEvents
import Columnar
import Foundation
import IcebergTables
import MixedTables
import StreamRuntime

/// Changes that a run moves into base: what it costs the run, and what it costs those who read base.
enum MaterializeBenchmarks {
    static func run() throws {
        try ingest()
        try scans()
    }

    // MARK: The run

    private static let rounds = 3
    private static let events = 2_000_000
    private static let presentKeys = 10_000_000
    /// A tenth of what their two indexes take.
    private static let stateMemory = 24 << 20

    private struct Runs {
        var costs: [Benchmark.Cost] = []
        /// Seconds from the last commit until base had everything.
        var rests: [Double] = []
    }

    /// Time until everything is committed, with and without moving changes into base meanwhile.
    private static func ingest() throws {
        let folder = Benchmark.folder("materialize")
        defer { Benchmark.remove(folder) }
        let log = folder + "/log"
        _ = try EventFill.fill(log, events: events)
        var (without, with, third) = (Runs(), Runs(), Runs())
        for round in 0..<rounds {
            for (name, version) in [("without", "2"), ("with", "2"), ("v3", "3")] {
                let target = "\(folder)/\(name)-\(round)"
                try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
                let catalog = try SQLiteCatalog(path: target + "/catalog.db", warehouse: "file://" + target)
                let table = try IngestBenchmarks.createOrders(
                    "orders",
                    in: catalog,
                    properties: ["format-version": version]
                )
                switch name {
                case "without": try ingest(log, into: table, materializes: false, &without)
                case "with": try ingest(log, into: table, materializes: true, &with)
                default: try ingest(log, into: table, materializes: true, &third)
                }
                Benchmark.remove(target)
            }
        }
        let what = "ingest with inline materializing, 50% updates"
        compare("\(what) ÷ without", with, without, goal: 0.75)
        compare("… into format version 3 ÷ version 2", third, with, goal: nil)
        try ingestBesidePresentKeys(log, folder, "… into a table of 10 M other keys ÷ without")
    }

    /// Every run begins with the same state of one table, which has many keys already.
    private static func ingestBesidePresentKeys(_ log: String, _ folder: String, _ title: String) throws {
        let target = folder + "/present"
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        let catalog = try SQLiteCatalog(path: target + "/catalog.db", warehouse: "file://" + target)
        var table = try IngestBenchmarks.createOrders("orders", in: catalog)
        let writer = try KeyedTableWriter(table)
        let part = presentKeys / 4
        for number in 0..<4 {
            // No order of the log has such a number.
            let first = 1_000_000_000 + number * part
            let keys = Array(first..<first + part)
            table = try OrderRows.commit(keys, kind: .insert, version: 0, with: writer, to: table)
        }
        table = try FullOptimize(table, nowMilliseconds: 0).run().table
        let stores = [table.base, table.change].compactMap(\.self)
        var (without, with, bounded) = (Runs(), Runs(), Runs())
        for _ in 0..<rounds {
            for kind in 0..<3 {
                for store in stores {
                    try catalog.unregister(store.identifier)
                    try catalog.register(store.identifier, metadataLocation: store.metadataLocation)
                }
                switch kind {
                case 0: try ingest(log, into: table, materializes: false, &without)
                case 1: try ingest(log, into: table, materializes: true, &with)
                default:
                    let keys = target + "/keys"
                    try ingest(
                        log,
                        into: table,
                        materializes: true,
                        stateMemory: stateMemory,
                        stateFolder: keys,
                        &bounded
                    )
                    Benchmark.remove(keys)
                }
            }
        }
        compare(title, with, without, goal: 0.75)
        compare("… with \(stateMemory >> 20) MB of state.memory ÷ 512 MB", bounded, with, goal: nil)
    }

    private static func ingest(
        _ log: String,
        into table: MixedTable,
        materializes: Bool,
        stateMemory: Int = 512 << 20,
        stateFolder: String? = nil,
        _ runs: inout Runs
    ) throws {
        let plan = try IngestBenchmarks.plan(
            log: log,
            table,
            commitMilliseconds: 1000,
            materializes: materializes,
            stateMemory: stateMemory
        )
        let run = IngestRun(plan, deadLetterPath: log + "/dead.ndjson", stateFolder: stateFolder)
        let begin = ContinuousClock.now
        let whole = try Benchmark.cost { try run.run(untilCaughtUp: true) }
        guard let last = run.state.lastCommit else { throw WeirError(.corrupt, "nothing was committed") }
        let committed = Double((last - begin) / .milliseconds(1)) / 1000
        runs.costs.append(Benchmark.Cost(wall: committed, cpu: whole.cpu))
        runs.rests.append(whole.wall - committed)
    }

    private static func compare(_ name: String, _ runs: Runs, _ others: Runs, goal: Double?) {
        let (own, other) = (Benchmark.median(runs.costs), Benchmark.median(others.costs))
        let ratio = other.wall / own.wall
        Benchmark.line(
            name,
            String(format: "%.2f × its speed", ratio),
            goal: goal.map { Benchmark.Goal(text: "≥ \($0)", isMet: ratio >= $0) },
            detail: "\(events) events, a commit a second: \(own.text) and \(other.text), time until the last commit; "
                + "base has everything \(Benchmark.shown(runs.rests.sorted()[rounds / 2])) s later"
        )
    }

    // MARK: The readers

    private static let rows = 5_000_000
    private static let updates = 10

    /// DuckDB over base after every round of updating a tenth of the rows, and over the compacted table.
    private static func scans() throws {
        guard let peer = DuckDBScan() else {
            return Benchmark.skip("DuckDB scan of base after \(updates) rounds of updates", DuckDBPeer.missingReason)
        }
        for isSpread in [false, true] {
            let folder = Benchmark.folder("base-scan")
            defer { Benchmark.remove(folder) }
            let created = try IngestBenchmarks.createOrders(folder)
            let writer = try KeyedTableWriter(created)
            let materializer = Materializer(created)
            var table = try OrderRows.commit(Array(0..<rows), kind: .insert, version: 0, with: writer, to: created)
            try move(materializer)
            var times: [Double] = []
            var moving: [Double] = []
            for version in 1...updates {
                // The newest tenth of the keys, or a tenth that is spread over all of them.
                let keys =
                    isSpread
                    ? Array(stride(from: version - 1, to: rows, by: updates)) : Array(rows - rows / updates..<rows)
                table = try OrderRows.commit(keys, kind: .updateAfter, version: version, with: writer, to: table)
                moving.append(try Benchmark.seconds { try move(materializer) })
                times.append(try peer.seconds(materializer.table, rows: rows))
            }
            let files = try materializer.table.base.plan()
            let compacted = try FullOptimize(table.refreshed(), nowMilliseconds: 0).run().table
            let whole = try peer.seconds(compacted, rows: rows)
            let worst = (times.max() ?? 0) / whole
            let all = times.map { String(format: "%.2f", $0 / whole) }
            Benchmark.line(
                "DuckDB scan of base, \(updates) × 10% \(isSpread ? "spread" : "recent") ÷ compacted",
                String(format: "%.2f × its time", worst),
                goal: Benchmark.Goal(text: "≤ 1.3", isMet: worst <= 1.3),
                detail: "the worst of \(all.joined(separator: " ")); "
                    + "\(files.count) data files, \(files.flatMap(\.deletes).count) delete files; a round is moved in "
                    + "\(Benchmark.shown(moving.sorted()[updates / 2])) s"
            )
        }
    }

    private static func move(_ materializer: Materializer) throws {
        while try materializer.step(nowMilliseconds: 0) != .caughtUp {}
    }
}

/// A query over base by DuckDB's Iceberg extension, each in a new process.
struct DuckDBScan {
    private let python: String

    init?() {
        guard let python = ChildProcess.peersPython(with: "duckdb") else { return nil }
        self.python = python
    }

    /// The fastest of three scans of all columns, without the start of the process.
    func seconds(_ table: MixedTable, rows: Int) throws -> Double {
        let location = table.base.metadataLocation
        let path = location.hasPrefix("file://") ? String(location.dropFirst(7)) : location
        guard let text = ChildProcess.output(python, ["-c", Self.program, path]) else {
            throw WeirError(.invalid, "DuckDB cannot read \(path)")
        }
        let parts = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard parts.count == 2, Int(parts[1]) == rows else {
            throw WeirError(.corrupt, "DuckDB reads \(text) rows instead of \(rows)", at: path)
        }
        return parts[0]
    }

    private static let program =
        DuckDBPeer.connectToIceberg + """
            times, rows = [], 0
            for _ in range(3):
                started = time.monotonic()
                rows = db.execute(
                    "SELECT count(order_id), max(customer_id), max(status), sum(amount), max(epoch_us(created_at)), "
                    "max(length(note)) "
                    f"FROM iceberg_scan('{sys.argv[1]}')"
                ).fetchone()[0]
                times.append(time.monotonic() - started)
            print(min(times), rows)
            """
}
