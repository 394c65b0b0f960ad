import Bytes
import ChangeEvents
import Foundation
import IcebergTables
import MixedTables

/// The cost of a commit as a table grows older: the 1,000th and the 10,000th commit of one table, whose snapshots expire
/// as they do by default, beside the 10th of new ones. Then that of an epoch of several tables beside one of one table.
enum CommitBenchmarks {
    private static let marks = [1_000, 10_000]
    /// The commits of a new table around its tenth that are timed.
    private static let young = 5..<15
    /// The new tables beside each mark.
    private static let youngTables = 5
    private static let secondsMax = 180.0

    static func run() throws {
        let folder = Benchmark.folder("commits")
        defer { Benchmark.remove(folder) }
        var old = try AgingTable(folder + "/old")
        let begin = FollowBenchmarks.now()
        for mark in marks {
            let window = young.count * youngTables
            while old.age < mark - window / 2, FollowBenchmarks.now() - begin < secondsMax { _ = try old.commit() }
            guard old.age >= mark - window / 2 else {
                Benchmark.skip("commit \(mark) of one table", "the \(old.age) before took \(Int(secondsMax)) s")
                break
            }
            var (oldCosts, youngCosts): ([Benchmark.Cost], [Benchmark.Cost]) = ([], [])
            for number in 0..<youngTables {
                var new = try AgingTable("\(folder)/young-\(mark)-\(number)")
                while new.age < young.lowerBound { _ = try new.commit() }
                // In turns, because the speed of a shared machine varies.
                for _ in young {
                    youngCosts.append(try new.commit())
                    oldCosts.append(try old.commit())
                }
            }
            print(mark, oldCosts, youngCosts, snapshots: old.snapshots)
        }
        try runTogether(folder)
    }

    private static func print(
        _ mark: Int,
        _ old: [Benchmark.Cost],
        _ young: [Benchmark.Cost],
        snapshots: Int
    ) {
        let (walls, cpus) = ([old, young].map(Benchmark.medianWall), [old, young].map(Benchmark.medianCPU))
        let ratio = walls[0] / walls[1]
        Benchmark.line(
            "commit \(mark) of a table ÷ commit 10 of a new one",
            String(format: "%.2f × its time", ratio),
            goal: Benchmark.Goal(text: "≤ 1.1", isMet: ratio <= 1.1),
            detail: "one row each, writing its file not counted; medians of \(old.count): "
                + "\(Benchmark.milliseconds(walls[0])) and \(Benchmark.milliseconds(walls[1])), processor "
                + "\(Benchmark.milliseconds(cpus[0])) and \(Benchmark.milliseconds(cpus[1])); \(snapshots) snapshots"
        )
    }

    private static let together = 5
    private static let epochs = 60

    /// An epoch of five tables and one of one table, in turns.
    private static func runTogether(_ folder: String) throws {
        var alone = try AgingTable(folder + "/alone")
        var (one, many): ([Benchmark.Cost], [Benchmark.Cost]) = ([], [])
        let catalog = try AgingTable.catalog(folder + "/together")
        var tables = try (0..<together).map { try AgingTable("orders\($0)", in: catalog) }
        for _ in 0..<epochs {
            one.append(try alone.commit())
            many.append(try AgingTable.commit(&tables))
        }
        let (walls, cpus) = ([many, one].map(Benchmark.medianWall), [many, one].map(Benchmark.medianCPU))
        Benchmark.line(
            "epoch of \(together) tables ÷ epoch of one",
            String(format: "%.2f × its time", walls[0] / walls[1]),
            detail: "medians of \(epochs): \(Benchmark.milliseconds(walls[0])) and "
                + "\(Benchmark.milliseconds(walls[1])), processor \(Benchmark.milliseconds(cpus[0])) and "
                + "\(Benchmark.milliseconds(cpus[1]))"
        )
    }
}

/// A table that gets one row in each commit.
private struct AgingTable {
    private var table: MixedTable
    private let writer: KeyedTableWriter
    private var ledger = PositionLedger()
    private(set) var age = 0

    static func catalog(_ folder: String) throws -> SQLiteCatalog {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
    }

    init(_ folder: String) throws { try self.init("orders", in: Self.catalog(folder)) }

    init(_ name: String, in catalog: SQLiteCatalog) throws {
        table = try IngestBenchmarks.createOrders(name, in: catalog)
        writer = try KeyedTableWriter(table)
    }

    var snapshots: Int { table.ingestStore.snapshots.count }

    private mutating func epoch() throws -> TableEpoch {
        _ = try writer.write(OrderRows.changes(keys: [age], kind: .insert, version: 0))
        var next = ledger
        next.advance(TopicPartition(topic: EventFill.topic, partition: 0), to: Int64(age + 1))
        defer { ledger = next }
        return TableEpoch(try writer.cut(), of: table, topology: "bench", from: ledger, to: next)
    }

    /// Commits one row and returns what the commit cost.
    mutating func commit() throws -> Benchmark.Cost {
        let epoch = try epoch()
        age += 1
        return try Benchmark.cost { table = try MixedTable.commit([epoch])[0] }
    }

    /// Commits one row to each table in one commit.
    static func commit(_ tables: inout [AgingTable]) throws -> Benchmark.Cost {
        var epochs: [TableEpoch] = []
        for index in tables.indices {
            epochs.append(try tables[index].epoch())
            tables[index].age += 1
        }
        return try Benchmark.cost {
            for (index, table) in try MixedTable.commit(epochs).enumerated() { tables[index].table = table }
        }
    }
}
