import Bytes
import ChangeEvents
import Columnar
import EventLog
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import StreamRuntime
import Synchronization
import Topology

/// The steps of the demo. Each step measures its work and fails if a table does not match the shop's state.
final class DemoRun {
    struct Figure {
        let step: String
        let count: Int
        let unit: String
        let seconds: Double
    }

    private let warehouse: DemoWarehouse
    private let line: ProgressLine
    private let showsProgress: Bool
    private(set) var figures: [Figure] = []
    /// The row counts of the shop after the last event, by table.
    private var expected: [String: Int] = [:]

    init(_ warehouse: DemoWarehouse, showsProgress: Bool) {
        self.warehouse = warehouse
        self.showsProgress = showsProgress
        line = ProgressLine(isOn: showsProgress)
    }

    private func measure(_ step: String, _ unit: String, _ body: () throws(WeirError) -> Int) throws(WeirError) {
        let watch = Stopwatch()
        defer { line.clear() }
        let count = try body()
        figures.append(Figure(step: step, count: count, unit: unit, seconds: watch.seconds))
    }

    // MARK: Log

    func appendEvents(_ events: Int) throws(WeirError) {
        let log = try warehouse.locations.log()
        for table in ShopStream.Table.allCases { try log.createTopic(table.topic) }
        let writer = FileLogWriter(log, owner: "weir demo")
        defer { writer.close() }
        try measure("log append", "events") { () throws(WeirError) in
            var shop = ShopStream(customers: min(5_000, max(1, events / 20)), events: events)
            try shop.append(to: writer) { done in
                line.show(done: done, of: events) { HumanText.count(done, "event") }
            }
            expected = [
                "customers": shop.liveCustomers, "orders": shop.liveOrders, "orders_enriched": shop.liveOrders,
            ]
            return events
        }
    }

    // MARK: Tables

    func ingest(_ events: Int) throws(WeirError) {
        let yaml = try warehouse.writeTopology()
        guard let topology = Topology.check(yaml: yaml).topology else {
            throw WeirError(.invalid, "the demo's topology does not pass its check", at: warehouse.topologyPath)
        }
        let runner = try TopologyRunner(topology, warehouse.locations, log: RunLog(isQuiet: true))
        try measure("ingest and join", "events") { () throws(WeirError) in
            let counts = try runner.run(untilCaughtUp: true)
            guard counts.deadLetters == 0, counts.records == events else {
                throw WeirError(
                    .corrupt,
                    "\(counts.records) of \(events) events were read and \(counts.deadLetters) not taken in",
                    at: runner.deadLetterPath
                )
            }
            return counts.records
        }
    }

    private func load(_ name: String) throws(WeirError) -> MixedTable {
        let identifier = TableIdentifier(namespace: [DemoTopology.name], name: name)
        return try MixedTable.load(identifier, from: try warehouse.locations.existingCatalog())
    }

    /// Reads every row of every table and compares the row counts with the shop's.
    ///
    /// - Parameter isBase: whether only the base stores are read, which the run has brought up to date.
    func scan(_ step: String, ofBase isBase: Bool = false) throws(WeirError) {
        try measure(step, "rows") { () throws(WeirError) in
            var total = 0
            for name in DemoTopology.tables {
                let table = try load(name)
                let read = isBase ? MixedTable(base: table.base, change: nil, primaryKey: []) : table
                let rows = try MergeOnReadScan(read).count()
                guard rows == expected[name] else {
                    throw WeirError(
                        .corrupt,
                        "shop.\(name) has \(rows) rows, the shop has \(expected[name] ?? 0)",
                        at: warehouse.locations.warehouse,
                        advice: "this is a bug in Weir; please report it with the output of 'weir doctor'"
                    )
                }
                total += rows
            }
            return total
        }
    }

    /// Reads every change of the orders. Inserts minus deletes must equal the number of rows.
    func readChanges() throws(WeirError) {
        try measure("change read", "changes") { () throws(WeirError) in
            var balance = 0
            var changes = 0
            try ChangeLogScan(try load("orders"), after: 0).forEach { (batch) throws(WeirError) in
                for row in 0..<batch.count { balance += batch.kind(row).isRetraction ? -1 : 1 }
                changes += batch.count
                return true
            }
            guard balance == expected["orders"] else {
                throw WeirError(
                    .corrupt,
                    "the changes of shop.orders add up to \(balance) rows, the shop has \(expected["orders"] ?? 0)",
                    at: warehouse.locations.warehouse
                )
            }
            return changes
        }
    }

    func tableCounts() -> [(table: String, rows: Int)] {
        DemoTopology.tables.map { ("shop.\($0)", expected[$0] ?? 0) }
    }
}
