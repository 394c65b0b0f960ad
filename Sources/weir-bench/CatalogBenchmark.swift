import Bytes
import Foundation
import IcebergFormat
import IcebergTables

/// Moves of a table's pointer per second, through a catalog in SQLite and one in PostgreSQL.
///
/// `WEIR_BENCH_POSTGRES` is the address of a database. The case uses a catalog name of its own in it.
enum CatalogBenchmark {
    private static let moves = 300
    private static let rounds = 3
    private static let tables = ["a", "b", "c"].map { TableIdentifier(namespace: ["bench"], name: $0) }

    static func run() throws {
        let title = "catalog commits, PostgreSQL beside SQLite"
        guard let uri = ProcessInfo.processInfo.environment["WEIR_BENCH_POSTGRES"] else {
            return Benchmark.skip(title, "WEIR_BENCH_POSTGRES names no database")
        }
        let folder = Benchmark.folder("catalog")
        defer { Benchmark.remove(folder) }
        let catalogs: [any PointerCatalog] = [
            try SQLiteCatalog(path: folder + "/catalog.db", warehouse: folder),
            try PostgresCatalog(
                PostgresAddress(uri),
                name: "bench-\(ProcessInfo.processInfo.processIdentifier)",
                warehouse: folder
            ),
        ]
        for catalog in catalogs {
            try catalog.createNamespace(["bench"], ifNotExists: true)
            for table in tables { try catalog.register(table, metadataLocation: "file:///0") }
        }
        for width in [1, tables.count] {
            var rates: [[Double]] = [[], []]
            // Interleaved, because the speed of a shared machine varies.
            for round in 0..<rounds {
                for (index, catalog) in catalogs.enumerated() {
                    rates[index].append(try rate(catalog, Array(tables.prefix(width)), round))
                }
            }
            let medians = rates.map { Benchmark.percentile($0, 0.5) }
            Benchmark.line(
                width == 1 ? title : "… of \(width) tables at once",
                String(format: "%.2f × its rate", medians[1] / medians[0]),
                detail: "SQLite \(Int(medians[0])), PostgreSQL \(Int(medians[1])) commits/s"
            )
        }
        for catalog in catalogs {
            for table in tables { try catalog.unregister(table) }
            try catalog.dropNamespace(["bench"])
        }
    }

    private static func rate(
        _ catalog: any PointerCatalog,
        _ tables: [TableIdentifier],
        _ round: Int
    ) throws -> Double {
        var current = try catalog.metadataLocations(of: tables)
        let seconds = try Benchmark.seconds {
            for move in 0..<moves {
                let next = "file:///\(tables.count)-\(round)-\(move)"
                let swaps = zip(tables, current).map { PointerSwap($0, from: $1, to: next) }
                guard try catalog.swap(swaps).isEmpty else {
                    throw WeirError(.conflict, "another process uses the benchmark's tables")
                }
                current = tables.map { _ in next }
            }
        }
        return Double(moves) / seconds
    }
}
