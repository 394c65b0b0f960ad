import Bytes
import ChangeEvents
import Columnar
import EventLog
import Foundation
import IcebergFormat
import IcebergTables
import Lookups
import MixedTables
import ObjectStorage
import StreamRuntime
import Synchronization
import WeirCommands

/// File log → committed keyed table, then what can be read back from it.
enum IngestBenchmarks {
    static let orderFields: [(String, FieldType)] = [
        ("order_id", .long), ("customer_id", .long), ("status", .string),
        ("amount", .decimal(precision: 12, scale: 2)), ("created_at", .timestamptz), ("note", .string),
    ]

    /// Writes the shop's stream into a file log; returns the events and their bytes.
    static func fill(_ root: String, events: Int) throws -> (events: Int, bytes: Int) {
        let log = try FileLog(root: root)
        for table in ShopStream.Table.allCases { try log.createTopic(table.topic) }
        let writer = FileLogWriter(log)
        defer { writer.close() }
        // Half of the orders' events are updates.
        var stream = ShopStream(
            customers: 1000,
            events: events,
            mix: ShopStream.Mix(newOrders: 500, changedOrders: 500, deletedOrders: 0)
        )
        let appended = try stream.append(to: writer)
        return (events, appended)
    }

    static func createOrders(_ folder: String) throws -> MixedTable {
        let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
        try catalog.createNamespace(["shop"], ifNotExists: true)
        let fields = orderFields.enumerated().map { Field(id: $0.offset + 1, name: $0.element.0, type: $0.element.1) }
        let definition = MixedTableDefinition(
            identifier: TableIdentifier(namespace: ["shop"], name: "orders"),
            schema: Schema(fields),
            primaryKey: ["order_id"]
        )
        return try MixedTable.create(definition, in: catalog, nowMilliseconds: 0)
    }

    static func plan(_ folder: String, _ table: MixedTable) throws -> IngestPlan {
        IngestPlan(
            topology: "bench",
            sources: [
                IngestPlan.Source(
                    name: "shop",
                    log: try FileLog(root: folder + "/log"),
                    topics: [ShopStream.Table.orders.topic],
                    includes: { $0 == ShopStream.Table.orders.topic }
                )
            ],
            targets: [
                IngestPlan.Target(
                    name: "shop.orders",
                    sourceSchema: table.schema,
                    primaryKey: ["order_id"],
                    table: table
                )
            ],
            route: { $0.hasSuffix(".orders") ? [0] : [] }
        )
    }

    static func run(events: Int) throws {
        let folder = Benchmark.folder("ingest")
        defer { Benchmark.remove(folder) }
        let (_, bytes) = try fill(folder + "/log", events: events)
        let table = try createOrders(folder)
        let ingest = IngestRun(try plan(folder, table), deadLetterPath: folder + "/dead.ndjson")
        let before = Benchmark.cpuSeconds()
        let seconds = try Benchmark.seconds { try ingest.run(untilCaughtUp: true) }
        let progress = ingest.progress
        Benchmark.line(
            "file log → committed keyed table, 50% updates",
            rate: Double(progress.records) / seconds,
            unit: "events/s",
            detail: "\(progress.records) events of \(bytes / events) bytes in \(Benchmark.shown(seconds)) s, "
                + "cpu \(Benchmark.shown(Benchmark.cpuSeconds() - before)) s, "
                + "peak RSS \(Benchmark.peakMegabytes()) MB, "
                + "\(progress.commits) commits, \(progress.inserts) I + \(progress.deletes) ED, "
                + "\(progress.deadLetters) dead letters"
        )
        let latest = try table.refreshed()
        let changeSeconds = try Benchmark.seconds {
            var changes = 0
            try ChangeLogScan(latest, after: 0).forEach { batch in
                changes += batch.count
                return true
            }
            guard changes == progress.inserts + progress.deletes else {
                throw WeirError(.corrupt, "changes are missing")
            }
        }
        Benchmark.line(
            "change read",
            rate: Double(progress.inserts + progress.deletes) / changeSeconds,
            unit: "changes/s",
            detail: ""
        )
    }
}
