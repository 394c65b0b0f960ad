import Bytes
import Foundation
import MixedTables
import Synchronization

/// The key index of a base store, as a run uses it: begun with its state folder, and larger than its memory.
enum BaseIndexBenchmark {
    private static let rows = 10_000_000
    private static let changed = 100_000

    static func run() throws {
        let folder = Benchmark.folder("base-index")
        defer { Benchmark.remove(folder) }
        let created = try IngestBenchmarks.createOrders(folder)
        let writer = try KeyedTableWriter(created)
        var table = created
        let first = Materializer(created, state: state(folder, memory: 512 << 20))
        for start in stride(from: 0, to: rows, by: rows / 5) {
            let keys = Array(start..<start + rows / 5)
            table = try OrderRows.commit(keys, kind: .insert, version: 0, with: writer, to: table)
            while try first.step(nowMilliseconds: 0) != .caughtUp {}
        }
        first.end()
        var version = 0
        func change(_ count: Int) throws {
            version += 1
            let keys = stride(from: version, to: rows, by: rows / count).prefix(count)
            table = try OrderRows.commit(Array(keys), kind: .updateAfter, version: version, with: writer, to: table)
        }

        try change(changed)
        let cold = Materializer(table, state: state(folder, memory: 512 << 20))
        let read = try seconds(toKnowKeysOf: cold)
        let bytes = Double(cold.keyBytes.memory) / Double(rows)
        Benchmark.line(
            "base index, start with the table alone",
            Benchmark.milliseconds(read),
            detail: "\(Benchmark.magnitude(Double(cold.keyCount))) keys, " + String(format: "%.1f bytes a key", bytes)
        )
        let save = Benchmark.seconds { cold.saveKeys() }
        let disk = cold.keyBytes.disk >> 20
        cold.end()
        try change(changed)
        try warm(
            table,
            folder,
            memory: 512 << 20,
            "after no commit",
            "saved in \(Benchmark.milliseconds(save)), \(disk) MB"
        )
        let other = Materializer(table)
        for _ in 0..<12 {
            try change(changed)
            while try other.step(nowMilliseconds: 0) != .caughtUp {}
        }
        other.end()
        try change(changed)
        try warm(table, folder, memory: 512 << 20, "after 12 commits of \(changed / 1000),000 changes", "")

        for memory in [512 << 20, rows * 11 / 4] {
            let materializer = Materializer(table, state: state(folder, memory: memory))
            try change(changed)
            while try materializer.step(nowMilliseconds: 0) != .caughtUp {}
            try change(10 * changed)
            let time = try Benchmark.seconds {
                while try materializer.step(rewriteBytes: 0, nowMilliseconds: 0) != .caughtUp {}
            }
            Benchmark.line(
                "base index, moving 1 M updates of 10 M rows, \(memory >> 20) MB of memory",
                rate: Double(10 * changed) / time,
                unit: "rows/s",
                detail: "\(materializer.keyBytes.memory >> 20) MB in memory afterwards"
            )
            materializer.end()
        }
    }

    private static func warm(_ table: MixedTable, _ folder: String, memory: Int, _ when: String, _ more: String) throws
    {
        let events = Mutex<[KeyIndexState.Event]>([])
        let materializer = Materializer(
            table,
            state: state(folder, memory: memory) { event in events.withLock { $0.append(event) } }
        )
        let time = try seconds(toKnowKeysOf: materializer)
        guard case .reopened(let keys, let behind)? = events.withLock({ $0.last }) else {
            throw WeirError(.corrupt, "the saved index is not used")
        }
        Benchmark.line(
            "base index, start with the state folder, \(when)",
            Benchmark.milliseconds(time),
            goal: Benchmark.Goal(text: "≤ 2 s", isMet: time <= 2),
            detail: "\(Benchmark.magnitude(Double(keys))) keys, \(behind ?? -1) commits behind"
                + (more.isEmpty ? "" : ", \(more)")
        )
        materializer.end()
    }

    private static func state(
        _ folder: String,
        memory: Int,
        onEvent: @escaping @Sendable (KeyIndexState.Event) -> Void = { _ in }
    ) -> KeyIndexState {
        KeyIndexState(folder + "/keys", memory: KeyMemory(bytes: memory), onEvent: onEvent)
    }

    /// The time from when a step begins to need the keys of base until they are known as of its current state.
    private static func seconds(toKnowKeysOf materializer: Materializer) throws -> Double {
        var began: Double?
        var took: Double?
        _ = try materializer.step(
            bytesMax: 1,
            rewriteBytes: 0,
            nowMilliseconds: 0,
            onBacklog: { backlog in
                let now = ProcessInfo.processInfo.systemUptime
                if backlog.isLoading { began = now } else if let began { took = took ?? now - began }
            }
        )
        guard let took else { throw WeirError(.invalid, "the step needed no keys") }
        return took
    }
}
