import Bytes
import EventLog
import Foundation
import MixedTables
import StreamRuntime
import Synchronization
import WeirCommands

/// Latency from the append of an event until a reader that follows the table sees its row.
enum FollowBenchmarks {
    static let events = 1000
    private static let millisecondsApart: UInt32 = 10
    static let commitMilliseconds = 1000

    static func run() throws {
        try runThroughTable()
        try runThroughBase()
        for share in LogStoreFollowBenchmark.shares { try LogStoreFollowBenchmark.run(share: share) }
    }

    private static func runThroughTable() throws {
        let delays = try delays { table, _, state in try follow(table, state) }
        Benchmark.line(
            "append to visible in a following read, p99",
            Benchmark.milliseconds(Benchmark.percentile(delays, 0.99)),
            detail: "p50 \(Benchmark.milliseconds(Benchmark.percentile(delays, 0.5))), "
                + "\(delays.count) events, a commit every \(commitMilliseconds) ms"
        )
    }

    /// From the append until DuckDB finds the row in the base store, which the run moves it to.
    private static func runThroughBase() throws {
        let title = "append to visible in DuckDB through base, p99"
        guard let reader = DuckDBFollower() else { return Benchmark.skip(title, DuckDBPeer.missingReason) }
        let delays = try delays(materializes: true) { table, folder, state in
            let seen = try reader.follow(table, catalog: folder + "/catalog.db", until: events)
            return state.sent.withLock { sent in seen.map { $0.time - sent[$0.id] } }
        }
        let last = Benchmark.percentile(delays, 0.99)
        let bound = 2 * Double(commitMilliseconds) / 1000
        Benchmark.line(
            title,
            Benchmark.milliseconds(last),
            goal: Benchmark.Goal(text: "≤ 2 × the commit interval", isMet: last <= bound),
            detail: "p50 \(Benchmark.milliseconds(Benchmark.percentile(delays, 0.5))), "
                + "\(delays.count) events, a commit every \(commitMilliseconds) ms"
        )
    }

    /// Events that come one by one into a table that is read meanwhile, and what the reader says of their delays.
    private static func delays(
        materializes: Bool = false,
        _ read: (MixedTable, _ folder: String, State) throws -> [Double]
    ) throws -> [Double] {
        let folder = Benchmark.folder("follow")
        defer { Benchmark.remove(folder) }
        let log = try FileLog(root: folder + "/log")
        try log.createTopic(EventFill.topic)
        let table = try IngestBenchmarks.createOrders(folder)
        let run = IngestRun(
            try IngestBenchmarks.plan(
                log: folder + "/log",
                table,
                commitMilliseconds: commitMilliseconds,
                materializes: materializes
            ),
            deadLetterPath: folder + "/dead.ndjson"
        )
        let state = State()
        let ingest = thread(state) { try run.run(untilCaughtUp: false) }
        let producer = thread(state) { try produce(log, state) }
        defer {
            run.stop()
            producer.wait()
            ingest.wait()
        }
        return try read(table, folder, state)
    }

    /// The state shared by the threads.
    private final class State: Sendable {
        let sent = Mutex([Double](repeating: 0, count: events))
        let failure = Mutex<(any Error)?>(nil)
    }

    private static func produce(_ log: FileLog, _ state: State) throws {
        let writer = FileLogWriter(log)
        defer { writer.close() }
        for id in 0..<events {
            let key = "{\"order_id\":\(id)}"
            let value = """
                {"before":null,"after":{"order_id":\(id),"customer_id":1,"status":"NEW","amount":"1.00",\
                "created_at":"2025-06-10T00:00:00Z","note":null},"source":{"db":"shop","schema":"public",\
                "table":"orders"},"op":"c"}
                """
            var builder = RecordBatchBuilder()
            try Array(key.utf8).withUnsafeBytes { key in
                try Array(value.utf8).withUnsafeBytes { value in
                    try builder.append(key: key, value: value, timestamp: FileLog.now())
                }
            }
            state.sent.withLock { $0[id] = now() }
            _ = try writer.append(topic: EventFill.topic, partition: 0, records: try builder.finish())
            usleep(millisecondsApart * 1000)
        }
    }

    /// Polls as `weir read --follow` does.
    private static func follow(_ table: MixedTable, _ state: State) throws -> [Double] {
        var current = table
        var sequence: Int64 = 0
        var delays: [Double] = []
        while delays.count < events {
            if let error = state.failure.withLock({ $0 }) { throw error }
            usleep(50_000)
            current = try current.refreshed()
            let latest = ReadPoint(current: current).changeSequence
            guard latest > sequence else { continue }
            try ChangeLogScan(current, after: sequence, upTo: latest).forEach { batch in
                let ids = batch.rows.columns[0].pointer(as: Int64.self)
                let seen = now()
                for row in 0..<batch.count { delays.append(seen - state.sent.withLock { $0[Int(ids[row])] }) }
                return true
            }
            sequence = latest
        }
        return delays
    }

    static func now() -> Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }

    /// Starts a thread; the semaphore signals its end.
    private static func thread(_ state: State, _ body: @escaping @Sendable () throws -> Void) -> DispatchSemaphore {
        let done = DispatchSemaphore(value: 0)
        let thread = Thread {
            do { try body() } catch { state.failure.withLock { $0 = error } }
            done.signal()
        }
        thread.stackSize = 4 << 20
        thread.start()
        return done
    }
}
