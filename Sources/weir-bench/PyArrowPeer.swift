import Foundation

/// The scan of Parquet files by pyarrow's dataset, all columns, on as many threads as it likes.
struct PyArrowPeer {
    private let python: String

    /// Nil when pyarrow is not installed where `make test-peers` puts it.
    init?() {
        guard let python = ChildProcess.peersPython(with: "pyarrow.dataset") else { return nil }
        self.python = python
    }

    static let missingReason = "no pyarrow in .deps/peers ('make test-peers' installs it)"

    /// Scans the files several times in a new process. Each cost is without the start of Python.
    func scan(_ files: [String], runs: Int) -> (costs: [Benchmark.Cost], rows: Int)? {
        let paths = files.map { $0.hasPrefix("file://") ? String($0.dropFirst(7)) : $0 }
        guard let text = ChildProcess.output(python, ["-c", Self.program, String(runs)] + paths) else { return nil }
        let parts = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard parts.count == 1 + 2 * runs else { return nil }
        let costs = (0..<runs).map { Benchmark.Cost(wall: parts[1 + 2 * $0], cpu: parts[2 + 2 * $0]) }
        return (costs, Int(parts[0]))
    }

    private static let program = """
        import os, sys, time
        import pyarrow.dataset as dataset
        files = dataset.dataset(sys.argv[2:], format="parquet")
        rows, costs = 0, []
        for _ in range(int(sys.argv[1])):
            started, before = time.monotonic(), os.times()
            rows = sum(batch.num_rows for batch in files.to_batches())
            ended, after = time.monotonic(), os.times()
            costs += [ended - started, after.user + after.system - before.user - before.system]
        print(rows, *costs)
        """
}
