import Bytes
import EventLog
import Foundation
import LogStores
import MixedTables
import StreamRuntime
import Synchronization
import WeirCommands

/// Latency from the append of an event to the source until a reader that follows the table's LogStore has its row:
/// source log → decode → LogStore → reader. The source is on the file log, and by default so is the LogStore.
///
/// Events are appended in batches every few milliseconds, at a share of the maximum rate of the same path. The producer
/// runs on the same cores.
enum LogStoreFollowBenchmark {
    static let shares = [0.1, 0.5, 0.8]
    static let seconds = 3.0
    private static let millisecondsApart = 5.0
    /// The maximum rate of the path in events per second, by store, measured once.
    private static let maximum = Mutex<[String: Double]>([:])

    /// Where the LogStore is.
    struct Store: Sendable {
        let name: String
        /// Whether the results have a goal. They have none on a broker, whose own latency is part of them.
        var hasGoal = true
        /// Creates its topic and an appender. The argument is the writer of the file log that contains the source.
        let open: @Sendable (FileLogWriter) throws -> LogStoreOutput

        static let file = Store(name: "file") { writer in
            try writer.log.createTopic("changes")
            return LogStoreOutput(
                log: writer.log,
                appender: try FileTopicAppender(writer, topic: "changes"),
                settings: try settings("file", topic: "changes")
            )
        }

        static func settings(_ type: String, topic: String, address: String = "") throws -> LogStoreSettings {
            let properties = [
                "log-store.enabled": "true", "log-store.type": type, "log-store.topic": topic,
                "log-store.address": address, "log-store.data-format": "columnar",
            ]
            return try LogStoreSettings(properties, isKeyed: true)
        }
    }

    static func run(share: Double, store: Store = .file) throws {
        let top = try maximum.withLock { known in
            if let known = known[store.name] { return known }
            let measured = try highestRate(store)
            known[store.name] = measured
            return measured
        }
        let delays = try measure(rate: top * share, store)
        Benchmark.line(
            "append to read --follow through the \(store.name) LogStore, \(Int(share * 100))% of maximum, p99",
            Benchmark.milliseconds(Benchmark.percentile(delays, 0.99)),
            goal: !store.hasGoal
                ? nil
                : Benchmark.Goal(
                    text: "p50 ≤ 5 ms, p99 ≤ 25 ms",
                    isMet: Benchmark.percentile(delays, 0.5) <= 0.005 && Benchmark.percentile(delays, 0.99) <= 0.025
                ),
            detail: "p50 \(Benchmark.milliseconds(Benchmark.percentile(delays, 0.5))), \(delays.count) events at "
                + "\(Benchmark.magnitude(top * share))/s, maximum \(Benchmark.magnitude(top))/s, columnar records"
        )
    }

    /// The rate at which events come out of the LogStore while they are appended at full speed.
    private static func highestRate(_ store: Store) throws -> Double {
        let events = 2_000_000
        let scene = try Scene(store)
        defer { scene.end() }
        try scene.start()
        let shared = Shared(0)
        let done = DispatchSemaphore(value: 0)
        let first = FollowBenchmarks.now()
        Thread.detachNewThread {
            do {
                for start in stride(from: 0, to: events, by: 2000) { try scene.append(start..<start + 2000) }
            } catch { shared.failure.withLock { $0 = error } }
            done.signal()
        }
        defer { done.wait() }
        var seen = 0
        while seen < events {
            if let error = shared.failure.withLock({ $0 }) { throw error }
            seen += try scene.read { _ in }
        }
        return Double(events) / (FollowBenchmarks.now() - first)
    }

    private static func measure(rate: Double, _ store: Store) throws -> [Double] {
        let scene = try Scene(store)
        defer { scene.end() }
        try scene.start()
        let perBatch = max(1, Int(rate * millisecondsApart / 1000))
        let batches = Int(seconds * 1000 / millisecondsApart)
        let shared = Shared(perBatch * batches)
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            do {
                let begin = FollowBenchmarks.now()
                for batch in 0..<batches {
                    let due = begin + Double(batch) * millisecondsApart / 1000
                    let wait = due - FollowBenchmarks.now()
                    if wait > 0 { usleep(UInt32(wait * 1_000_000)) }
                    let ids = batch * perBatch..<(batch + 1) * perBatch
                    let now = FollowBenchmarks.now()
                    shared.sent.withLock { sent in for id in ids { sent[id] = now } }
                    try scene.append(ids)
                }
            } catch { shared.failure.withLock { $0 = error } }
            done.signal()
        }
        var delays: [Double] = []
        delays.reserveCapacity(perBatch * batches)
        while delays.count < perBatch * batches {
            if let error = shared.failure.withLock({ $0 }) { throw error }
            _ = try scene.read { ids in
                let seen = FollowBenchmarks.now()
                shared.sent.withLock { sent in
                    for id in ids { delays.append(seen - sent[Int(id) - Template.firstId]) }
                }
            }
        }
        done.wait()
        return delays
    }

    /// State shared by producer and reader: when each event was sent, and a failure.
    private final class Shared: Sendable {
        let sent: Mutex<[Double]>
        let failure = Mutex<(any Error)?>(nil)

        init(_ events: Int) { sent = Mutex([Double](repeating: 0, count: events)) }
    }

    /// The text of an event in which only the id changes, so that the producer needs little CPU.
    private struct Template {
        /// Ids begin here, so that all have the same number of digits.
        static let firstId = 100_000_000
        private(set) var bytes: [UInt8]
        private let store: Int

        init(_ before: String, _ after: String) {
            store = before.utf8.count
            bytes = Array("\(before)\(Self.firstId)\(after)".utf8)
        }

        mutating func write(_ number: Int) {
            var left = number
            for digit in stride(from: store + 8, to: store, by: -1) {
                bytes[digit] = UInt8(48 + left % 10)
                left /= 10
            }
        }
    }

    /// A source log, a run that mirrors it to a LogStore, and a reader of the LogStore.
    private final class Scene: @unchecked Sendable {
        // The producer's thread appends; the caller's thread does everything else.
        private let folder: String
        private let log: FileLog
        private let writer: FileLogWriter
        private let table: MixedTable
        private let run: IngestRun
        private let changes: LogStoreOutput
        private var follower: LogStoreFollower?
        private let ended = DispatchSemaphore(value: 0)
        private var isRunning = false
        /// The number of events in a record batch, as from a producer with a short linger time.
        private static let batchEvents = 1000
        private var key = Template("{\"order_id\":", "}")
        private var value = Template(
            #"{"before":null,"after":{"order_id":"#,
            #","customer_id":1,"status":"NEW","amount":"1.00","created_at":"2025-06-10T00:00:00Z","note":null},"#
                + #""source":{"db":"shop","schema":"public","table":"orders"},"op":"c"}"#
        )

        init(_ store: Store) throws {
            folder = Benchmark.folder("follow-log")
            log = try FileLog(root: folder + "/log")
            try log.createTopic(EventFill.topic)
            writer = FileLogWriter(log)
            table = try IngestBenchmarks.createOrders(folder)
            changes = try store.open(writer)
            run = IngestRun(
                try IngestBenchmarks.plan(log: folder + "/log", table, commitMilliseconds: 1000, logStore: changes),
                deadLetterPath: folder + "/dead.ndjson"
            )
        }

        /// Starts the run and returns after the first row has arrived, so that the start is not measured.
        func start() throws {
            isRunning = true
            Thread.detachNewThread { [self] in
                do { try run.run(untilCaughtUp: false) } catch { print("run failed: \(error)") }
                ended.signal()
            }
            try append(Template.firstId - 1..<Template.firstId)
            while try read({ _ in }) == 0 {}
        }

        func end() {
            run.stop()
            if isRunning { ended.wait() }
            writer.close()
            Benchmark.remove(folder)
        }

        func append(_ ids: Range<Int>) throws {
            var tickets: [AppendTicket] = []
            for start in stride(from: ids.lowerBound, to: ids.upperBound, by: Self.batchEvents) {
                var builder = RecordBatchBuilder(capacity: Self.batchEvents * (value.bytes.count + 40))
                for id in start..<min(start + Self.batchEvents, ids.upperBound) {
                    key.write(id)
                    value.write(id)
                    try key.bytes.withUnsafeBytes { key in
                        try value.bytes.withUnsafeBytes { value in
                            try builder.append(key: key, value: value, timestamp: 1)
                        }
                    }
                }
                let records = try builder.finish()
                tickets.append(try writer.submit(topic: EventFill.topic, partition: 0, records: records))
            }
            for ticket in tickets { _ = try ticket.wait() }
        }

        /// Passes the ids of new rows to `body` and returns their number. Waits briefly if there are none.
        func read(_ body: (UnsafeBufferPointer<Int64>) -> Void) throws -> Int {
            if follower == nil {
                follower = try LogStoreFollower(try table.refreshed(), log: changes.log, settings: changes.settings)
                if follower == nil { usleep(1000) }
            }
            guard let follower else { return 0 }
            switch try follower.next() {
            case .changes(let batches):
                for batch in batches {
                    body(UnsafeBufferPointer(start: batch.rows.columns[0].pointer(as: Int64.self), count: batch.count))
                }
                return batches.reduce(0) { $0 + $1.count }
            case .idle:
                try follower.wait(milliseconds: 50)
                return 0
            case .committed: return 0
            case .trimmed: throw WeirError(.corrupt, "the benchmark's log is not trimmed")
            }
        }
    }
}
