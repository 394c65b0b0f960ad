import Bytes
import MixedTables

/// DuckDB reading base again and again: whenever the catalog names another metadata file of it.
struct DuckDBFollower {
    private let python: String

    init?() {
        guard let python = ChildProcess.peersPython(with: "duckdb") else { return nil }
        self.python = python
    }

    /// Rows in the order in which they are first seen, with the time on the clock of `FollowBenchmarks.now()` at which
    /// the query had ended.
    func follow(_ table: MixedTable, catalog: String, until count: Int) throws -> [(id: Int, time: Double)] {
        let arguments = ["-c", Self.program, catalog, table.identifier.name, String(count)]
        guard let text = ChildProcess.output(python, arguments) else {
            throw WeirError(.invalid, "DuckDB does not find \(count) rows in \(table.identifier)")
        }
        return text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ")
            guard parts.count == 2, let id = Int(parts[0]), let time = Double(parts[1]) else { return nil }
            return (id, time)
        }
    }

    /// Gives up after two minutes.
    private static let program =
        DuckDBPeer.connectToIceberg + """
            import sqlite3
            catalog, table, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
            pointers = sqlite3.connect(catalog, timeout=10, isolation_level=None)
            seen, last, deadline = {}, None, time.monotonic() + 120
            while len(seen) < count:
                if time.monotonic() > deadline: sys.exit(1)
                rows = pointers.execute("SELECT metadata_location FROM iceberg_tables WHERE table_name = ?", [table])
                path = rows.fetchone()[0].removeprefix("file://")
                if path == last:
                    time.sleep(0.02)
                    continue
                last = path
                try:
                    ids = db.execute(f"SELECT order_id FROM iceberg_scan('{path}')").fetchall()
                except duckdb.Error:
                    continue  # a table without a snapshot, or a metadata file that others have replaced meanwhile
                now = time.monotonic()
                for (id,) in ids: seen.setdefault(id, now)
            for id, at in seen.items(): print(id, at)
            """
}
