import Bytes
import Columnar
import EventLog
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import StreamRuntime

/// File log → committed keyed table, and reading the changes back.
enum IngestBenchmarks {
    private static let rounds = 3

    static func createOrders(_ folder: String, partitionedBy partitions: [String] = []) throws -> MixedTable {
        let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
        return try createOrders("orders", in: catalog, partitionedBy: partitions)
    }

    static func createOrders(
        _ name: String,
        in catalog: SQLiteCatalog,
        partitionedBy partitions: [String] = [],
        properties: [String: String] = [:]
    ) throws -> MixedTable {
        try catalog.createNamespace(["shop"], ifNotExists: true)
        let definition = MixedTableDefinition(
            identifier: TableIdentifier(namespace: ["shop"], name: name),
            schema: OrderRows.schema,
            partitionSpec: try PartitionSpec(parsing: partitions, schema: OrderRows.schema),
            primaryKey: ["order_id"],
            properties: properties
        )
        return try MixedTable.create(definition, in: catalog, nowMilliseconds: 0)
    }

    static func plan(
        log: String,
        _ table: MixedTable,
        commitMilliseconds: Int = 10_000,
        logStore: LogStoreOutput? = nil,
        materializes: Bool = false,
        stateMemory: Int = 512 << 20
    ) throws -> IngestPlan {
        plan(
            try FileLog(root: log),
            table,
            commitMilliseconds: commitMilliseconds,
            logStore: logStore,
            materializes: materializes,
            stateMemory: stateMemory
        )
    }

    /// A plan that reads from any log. With a group, processes share the partitions.
    static func plan(
        _ log: any PartitionedLog,
        group: String? = nil,
        _ table: MixedTable,
        commitMilliseconds: Int = 10_000,
        logStore: LogStoreOutput? = nil,
        materializes: Bool = false,
        stateMemory: Int = 512 << 20
    ) -> IngestPlan {
        IngestPlan(
            topology: "bench",
            sources: [
                IngestPlan.Source(
                    name: "shop",
                    log: log,
                    topics: [EventFill.topic],
                    includes: { $0 == EventFill.topic },
                    group: group
                )
            ],
            targets: [
                IngestPlan.Target(
                    name: "shop.orders",
                    sourceSchema: table.schema,
                    primaryKey: ["order_id"],
                    table: table,
                    logStore: logStore
                )
            ],
            route: { $0.hasSuffix(".orders") ? [0] : [] },
            commitMilliseconds: commitMilliseconds,
            materializes: materializes,
            stateMemory: stateMemory
        )
    }

    /// One run over the whole log into a new table.
    private static func ingest(
        log: String,
        into folder: String,
        partitionedBy partitions: [String] = []
    ) throws -> (cost: Benchmark.Cost, progress: IngestProgress, table: MixedTable) {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let table = try createOrders(folder, partitionedBy: partitions)
        let run = IngestRun(try plan(log: log, table), deadLetterPath: folder + "/dead.ndjson")
        let cost = try Benchmark.cost { try run.run(untilCaughtUp: true) }
        guard run.progress.deadLetters == 0 else { throw WeirError(.corrupt, "the benchmark's events must decode") }
        return (cost, run.progress, try table.refreshed())
    }

    static func text(_ cost: Benchmark.Cost, _ progress: IngestProgress) -> String {
        "\(progress.records) events in \(cost.text), \(Benchmark.magnitude(Double(progress.records) / cost.cpu)) "
            + "a processor second, \(progress.commits) commits, \(progress.inserts) I + \(progress.deletes) ED, "
            + "peak RSS \(Benchmark.peakMegabytes()) MB"
    }

    static func run() throws {
        let events = 1_000_000
        let folder = Benchmark.folder("ingest")
        defer { Benchmark.remove(folder) }
        let log = folder + "/log"
        let bytes = try EventFill.fill(log, events: events)
        let peer = DuckDBPeer()
        let lines = folder + "/events.ndjson"
        if peer != nil { try EventFill.dump(log, to: lines) }

        var costs: [Benchmark.Cost] = []
        var peerCosts: [Benchmark.Cost] = []
        var last: (progress: IngestProgress, table: MixedTable)?
        // Interleaved, because the speed of a shared machine varies.
        for round in 0..<rounds {
            let target = "\(folder)/table-\(round)"
            try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
            let (cost, progress, table) = try ingest(log: log, into: target)
            costs.append(cost)
            last = (progress, table)
            if let result = peer?.lastRows(of: lines, to: "\(folder)/batch-\(round).parquet") {
                guard result.rows == progress.inserts - progress.deletes else {
                    throw WeirError(.corrupt, "DuckDB finds \(result.rows) keys in the same events")
                }
                peerCosts.append(result.cost)
            }
        }
        guard let last else { return }
        let cost = Benchmark.median(costs)
        Benchmark.line(
            "file log → committed keyed table, 50% updates",
            rate: Double(last.progress.records) / cost.wall,
            unit: "events/s",
            target: 600_000,
            detail: "\(bytes / events) bytes an event, " + text(cost, last.progress)
        )
        if peerCosts.isEmpty {
            Benchmark.skip("… beside DuckDB's one-shot batch", peer == nil ? DuckDBPeer.missingReason : "DuckDB failed")
        } else {
            let other = Benchmark.median(peerCosts)
            Benchmark.line(
                "… beside DuckDB's one-shot batch",
                String(format: "%.2f × its speed", other.wall / cost.wall),
                goal: Benchmark.Goal(text: "stretch: ≥ 1", isMet: other.wall >= cost.wall),
                detail: "DuckDB \(other.text); by processor time "
                    + String(format: "%.2f ×", other.cpu / max(cost.cpu, 1e-9))
            )
        }
        try readChanges(last.table, expected: last.progress.inserts + last.progress.deletes)
    }

    private static func readChanges(_ table: MixedTable, expected: Int) throws {
        let cost = try Benchmark.medianCost(of: rounds) {
            var changes = 0
            try ChangeLogScan(table, after: 0).forEach { batch in
                changes += batch.count
                return true
            }
            guard changes == expected else { throw WeirError(.corrupt, "\(changes) of \(expected) changes are read") }
        }
        Benchmark.line(
            "change read",
            rate: Double(expected) / cost.wall,
            unit: "changes/s",
            target: 1_000_000,
            detail: "\(expected) changes in \(cost.text)"
        )
    }

    /// The cost of partitions: the same events into a table with sixteen partitions and into one without.
    static func runPartitioned() throws {
        let folder = Benchmark.folder("ingest-partitioned")
        defer { Benchmark.remove(folder) }
        let log = folder + "/log"
        try EventFill.fill(log, events: 1_000_000)
        var plain: [Benchmark.Cost] = []
        var partitioned: [Benchmark.Cost] = []
        var last: IngestProgress?
        // Interleaved, because the speed of a shared machine varies.
        for round in 0..<rounds {
            let first = try ingest(log: log, into: "\(folder)/plain-\(round)")
            let partitions = ["bucket(16, customer_id)"]
            let second = try ingest(log: log, into: "\(folder)/parts-\(round)", partitionedBy: partitions)
            guard second.progress.inserts == first.progress.inserts else {
                throw WeirError(.corrupt, "\(second.progress.inserts) rows instead of \(first.progress.inserts)")
            }
            plain.append(first.cost)
            partitioned.append(second.cost)
            last = second.progress
            Benchmark.remove("\(folder)/plain-\(round)")
            Benchmark.remove("\(folder)/parts-\(round)")
        }
        guard let last else { return }
        let (one, many) = (Benchmark.median(plain), Benchmark.median(partitioned))
        let ratio = one.wall / many.wall
        Benchmark.line(
            "bucket(16, customer_id) beside no partitions, 50% updates",
            String(format: "%.2f × its rate", ratio),
            goal: Benchmark.Goal(text: "≥ 0.75", isMet: ratio >= 0.75),
            detail: "by processor time " + String(format: "%.2f ×", one.cpu / max(many.cpu, 1e-9))
                + "; without \(one.text); partitioned " + text(many, last)
        )
    }

    /// Peak memory for ten million events. Another process writes the log, so that its memory does not count.
    static func runTenMillion() throws {
        let folder = Benchmark.folder("ingest-10m")
        defer { Benchmark.remove(folder) }
        // Filling a log takes as long as the case itself, so an already filled log can be given instead.
        var log = folder + "/log"
        if let known = ProcessInfo.processInfo.environment["WEIR_BENCH_LOG"] {
            log = known
        } else if ChildProcess.runSelf([BenchmarkCase.childMarker, "fill", log, "10000000"]) != 0 {
            throw WeirError(.storage, "the log could not be filled", at: log)
        }
        let (cost, progress, _) = try ingest(log: log, into: folder)
        Benchmark.line(
            "10 M events, file log → committed keyed table",
            rate: Double(progress.records) / cost.wall,
            unit: "events/s",
            target: 600_000,
            detail: text(cost, progress)
        )
        let peak = Benchmark.peakMegabytes()
        Benchmark.line(
            "10 M events, peak memory",
            "\(peak) MB",
            goal: Benchmark.Goal(text: "< 600 MB", isMet: peak < 600)
        )
    }
}
