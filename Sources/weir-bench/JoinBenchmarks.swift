import Bytes
import ChangeEvents
import Columnar
import Foundation
import Lookups
import MixedTables

/// Lookups of random keys in a dimension table of a million rows. A tenth of the keys is unknown.
enum JoinBenchmarks {
    private static let dimensionRows = 1_000_000
    private static let batchRows = 16_384
    private static let batches = 128

    static func run() throws {
        let folder = Benchmark.folder("join")
        defer { Benchmark.remove(folder) }
        let created = try IngestBenchmarks.createOrders(folder)
        let writer = try KeyedTableWriter(created)
        let table = try OrderRows.commit(
            Array(0..<dimensionRows),
            kind: .insert,
            version: 0,
            with: writer,
            to: created
        )
        var loaded: DimensionTable?
        let load = try Benchmark.cost { loaded = try DimensionTable(table) }
        guard let dimension = loaded, dimension.count == dimensionRows else {
            throw WeirError(.corrupt, "the dimension is not whole")
        }
        let keys = randomKeys()
        var matches = 0
        let cost = try Benchmark.medianCost(of: 3) {
            matches = 0
            for column in keys {
                let (rows, found) = try dimension.lookup([column], count: column.count)
                precondition(rows.count == column.count)
                for isMatch in found where isMatch { matches += 1 }
            }
        }
        let rows = batches * batchRows
        Benchmark.line(
            "join against a dimension of 1 M rows",
            rate: Double(rows) / cost.wall,
            unit: "rows/s",
            target: 1_000_000,
            detail: "one thread, \(dimension.schema.count) columns, \(100 * matches / rows)% match, \(cost.text); "
                + "loaded in \(load.text), peak RSS \(Benchmark.peakMegabytes()) MB"
        )
    }

    private static func randomKeys() -> [ColumnVector] {
        var state: UInt64 = 42
        return (0..<batches).map { _ in
            var column = ColumnBuilder(.long, capacity: batchRows)
            for _ in 0..<batchRows {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                column.append(Int64((state >> 33) % UInt64(dimensionRows * 10 / 9)))
            }
            return column.finish()
        }
    }
}
