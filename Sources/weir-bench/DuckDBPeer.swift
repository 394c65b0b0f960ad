import Foundation

/// The same work as one batch in DuckDB: read the events, keep the last row of each key, write Parquet.
struct DuckDBPeer {
    private let python: String

    /// Nil when DuckDB for Python is not installed where `make test-peers` puts it.
    init?() {
        guard let python = ChildProcess.peersPython(with: "duckdb") else { return nil }
        self.python = python
    }

    /// The beginning of a program: a connection `db` with the Iceberg extension, as the tests open it.
    static let connectToIceberg = """
        import sys, time
        sys.path.insert(0, "Tests/WeirCommandsTests/Fixtures/peers")
        import duckdb, duckdb_engine
        db = duckdb_engine.connect()

        """

    static let missingReason = "no DuckDB in .deps/peers ('make test-peers' installs it)"

    /// Runs one batch in a new process. The time excludes the start of Python. Nil if it failed.
    func lastRows(of events: String, to result: String) -> (cost: Benchmark.Cost, rows: Int)? {
        guard let text = ChildProcess.output(python, ["-c", Self.program, events, result]) else { return nil }
        let parts = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard parts.count == 3 else { return nil }
        return (Benchmark.Cost(wall: parts[0], cpu: parts[1]), Int(parts[2]))
    }

    // The types are given, so that DuckDB spends no time inferring them.
    private static let program = """
        import duckdb, os, sys, time
        events, result = sys.argv[1:]
        db = duckdb.connect()
        started, before = time.monotonic(), os.times()
        db.execute(f\"\"\"
            COPY (
                SELECT unnest(last) FROM (
                    SELECT arg_max("after", seq) AS last
                    FROM read_json('{events}', format = 'newline_delimited', columns = {{
                        seq: 'BIGINT',
                        after: 'STRUCT(order_id BIGINT, customer_id BIGINT, status VARCHAR, amount DECIMAL(12, 2),
                                       created_at TIMESTAMPTZ, note VARCHAR)'
                    }})
                    GROUP BY "after".order_id
                )
            ) TO '{result}' (FORMAT parquet, COMPRESSION zstd)\"\"\")
        ended, after = time.monotonic(), os.times()
        rows = db.execute(f"SELECT count(*) FROM '{result}'").fetchone()[0]
        print(ended - started, after.user + after.system - before.user - before.system, rows)
        """
}
