import Bytes
import ChangeEvents
import EventLog
import Foundation
import IcebergFormat
import IcebergTables
import KafkaLog
import LogStores
import MixedTables
import StreamRuntime
import Synchronization
import WeirCommands

/// Time from the restart of a killed process until readers see the first record appended after the restart, in the
/// LogStore and in a commit.
enum RestartBenchmark {
    private static let rounds = 5
    private static let rows = 1_000_000
    private static let commitMilliseconds = 1000
    private static let secondsMax = 120.0
    private static let mirror = "changes"
    private static let table = TableIdentifier(namespace: ["shop"], name: "orders")

    static func run() throws {
        let weir = ChildProcess.programFolder + "/weir"
        let name = "restart to first new record"
        guard FileManager.default.isExecutableFile(atPath: weir) else {
            return Benchmark.skip(name, "no 'weir' beside weir-bench ('make release' builds it)")
        }
        let folder = Benchmark.folder("restart")
        defer { Benchmark.remove(folder) }
        try FileManager.default.createDirectory(atPath: folder + "/file", withIntermediateDirectories: true)
        try EventFill.fill(folder + "/file/log", events: rows, mix: onlyNew)
        try measure(try Scene(weir, folder + "/file", peer: nil), "file log")

        guard let peer = try KafkaPeer.start(in: folder, [.noida]) else {
            return Benchmark.skip(name + ", from Kafka", KafkaPeer.missingReason)
        }
        try EventFill.fill(folder + "/events", events: peer.events, mix: onlyNew)
        try KafkaBenchmarks.produce(from: folder + "/events", to: peer)
        try measure(try Scene(weir, folder + "/kafka", peer: peer), "Kafka")
    }

    private static let onlyNew = ShopStream.Mix(newOrders: 1000, changedOrders: 0, deletedOrders: 0)

    private static func measure(_ scene: Scene, _ source: String) throws {
        defer { scene.end() }
        try scene.start()
        try scene.awaitAll()
        var log: [Double] = []
        var commit: [Double] = []
        for _ in 0..<rounds {
            // Wait, so that the process is killed in the middle of an epoch.
            Thread.sleep(forTimeInterval: 1.5)
            let (inLog, committed) = try scene.restart()
            log.append(inLog)
            commit.append(committed)
        }
        for (what, times) in [("in the LogStore", log), ("committed", commit)] {
            Benchmark.line(
                "kill -9, restart to first new record \(what), \(source)",
                Benchmark.milliseconds(Benchmark.percentile(times, 0.5)),
                detail: "median of \(rounds), best \(Benchmark.milliseconds(times.min() ?? 0)), "
                    + "worst \(Benchmark.milliseconds(times.max() ?? 0)), keyed table of \(scene.rowCount) rows, "
                    + "a commit every \(commitMilliseconds) ms" + scene.remark
            )
        }
    }

    /// A topology whose process is killed and started again while events arrive and two readers follow its table.
    private final class Scene: @unchecked Sendable {
        /// Background events have ids from here on; the events that are waited for have ids from `firstMark` on.
        private static let firstLive = 100_000_000
        private static let firstMark = 200_000_000

        // Set before the threads begin.
        private let weir: String
        private let folder: String
        private let peer: KafkaPeer?
        private let log: any PartitionedLog
        private let catalog: SQLiteCatalog
        private var process: pid_t?
        private var starts = 0
        private(set) var rowCount = 0

        private struct State {
            var appender: any TopicAppender
            var nextLive = firstLive
            var nextMark = firstMark
            /// The time when each mark was first seen.
            var inLog: [Int64: Double] = [:]
            var committed: [Int64: Double] = [:]
            var isOver = false
            var failure: (any Error)?
        }

        private let state: Mutex<State>
        private let writer: FileLogWriter?
        private let threads = DispatchGroup()

        init(_ weir: String, _ folder: String, peer: KafkaPeer?) throws {
            (self.weir, self.folder, self.peer) = (weir, folder, peer)
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let files = try FileLog(root: folder + "/log")
            if let peer {
                let broker = try peer.log()
                (log, writer) = (broker, nil)
                state = Mutex(State(appender: try KafkaAppender(broker, topic: EventFill.topic)))
            } else {
                let writer = FileLogWriter(files)
                (log, self.writer) = (files, writer)
                state = Mutex(State(appender: try FileTopicAppender(writer, topic: EventFill.topic)))
            }
            catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: folder)
        }

        var remark: String {
            peer == nil
                ? "" : ", each start with a new group: how long brokers wait for a killed member is their choice"
        }

        func start() throws {
            starts += 1
            try topology.write(toFile: folder + "/restart.yaml", atomically: true, encoding: .utf8)
            guard let process = ChildProcess.start(weir, ["run", folder + "/restart.yaml"], isSilent: true) else {
                throw WeirError(.storage, "it cannot be started", at: weir)
            }
            self.process = process
        }

        private var topology: String {
            let source =
                if let peer {
                    """
                    { name: shop, type: kafka, topics: [\(EventFill.topic)], format: debezium-json, \
                    properties.bootstrap.servers: "\(peer.address)", properties.group.id: bench-\(starts), \
                    properties.receive.message.max.bytes: "1000000000" }
                    """
                } else {
                    "{ name: shop, type: file-log, topics: [\(EventFill.topic)], format: debezium-json }"
                }
            return """
                name: restart
                pipeline: { commit.interval: \(commitMilliseconds)ms }
                source: \(source)
                tables:
                  - name: shop.orders
                    columns:
                      order_id: long
                      customer_id: long
                      status: string
                      amount: "decimal(12,2)"
                      created_at: timestamptz
                      note: string
                    primary-key: [order_id]
                    properties:
                      log-store.enabled: true
                      log-store.type: file
                      log-store.topic: \(mirror)
                      log-store.data-format: columnar
                route: [{ source-table: shop.public.(.*), sink-table: shop.$1 }]
                sink: { type: mixed-iceberg, warehouse: "\(folder)" }
                """
        }

        /// Waits until all events are committed, then starts the background events and the readers.
        func awaitAll() throws {
            try until("everything is committed") {
                guard try catalog.exists(table), try !MixedTable.isUnfinished(table, in: catalog) else { return false }
                let ledger = try MixedTable.load(table, from: catalog).ledger(topology: "restart")
                return try log.partitions(of: EventFill.topic).allSatisfy { number in
                    let end = try log.offsets(topic: EventFill.topic, partition: number).end
                    return ledger.next(TopicPartition(topic: EventFill.topic, partition: number)) ?? 0 >= end
                }
            }
            rowCount = try log.partitions(of: EventFill.topic).reduce(0) { count, number in
                count + Int(try log.offsets(topic: EventFill.topic, partition: number).end)
            }
            thread { [self] in try appendSteadily() }
            thread { [self] in try followLog() }
            thread { [self] in try followCommits() }
        }

        /// Kills and restarts the process and appends a record. Returns the seconds until each reader has it.
        func restart() throws -> (inLog: Double, committed: Double) {
            guard let process else { throw WeirError(.invalid, "nothing runs", at: weir) }
            kill(process, SIGKILL)
            guard ChildProcess.wait(process) == 128 + SIGKILL else {
                throw WeirError(.invalid, "'weir run' had ended before it was killed", at: folder)
            }
            let begin = FollowBenchmarks.now()
            try start()
            let mark = try state.withLock { state in
                defer { state.nextMark += 1 }
                try state.appender.append(EventFill.orders(state.nextMark..<state.nextMark + 1, partition: 0))
                try state.appender.flush()
                return Int64(state.nextMark)
            }
            try until("a record is seen after a restart") {
                try state.withLock { state in
                    if let failure = state.failure { throw failure }
                    return state.inLog[mark] != nil && state.committed[mark] != nil
                }
            }
            return state.withLock { ((($0.inLog[mark] ?? 0) - begin), (($0.committed[mark] ?? 0) - begin)) }
        }

        func end() {
            state.withLock { $0.isOver = true }
            if let process {
                kill(process, SIGKILL)
                _ = ChildProcess.wait(process)
            }
            threads.wait()
            writer?.close()
        }

        // MARK: Threads

        private func appendSteadily() throws {
            while !isOver {
                try state.withLock { state in
                    try state.appender.append(EventFill.orders(state.nextLive..<state.nextLive + 2, partition: 0))
                    try state.appender.flush()
                    state.nextLive += 2
                }
                usleep(10_000)
            }
        }

        private func followLog() throws {
            let properties = ["log-store.enabled": "true", "log-store.type": "file", "log-store.topic": mirror]
            let settings = try LogStoreSettings(properties, isKeyed: true)
            let changes = try FileLog(root: folder + "/log")
            var follower: LogStoreFollower?
            while !isOver {
                guard let reader = follower else {
                    follower = try LogStoreFollower(
                        try MixedTable.load(table, from: catalog),
                        log: changes,
                        settings: settings
                    )
                    if follower == nil { usleep(1000) }
                    continue
                }
                switch try reader.next() {
                case .changes(let batches):
                    for batch in batches { note(batch.rows.columns[0].pointer(as: Int64.self), batch.count, \.inLog) }
                case .idle: try reader.wait(milliseconds: 20)
                case .committed: break
                case .trimmed: follower = nil
                }
            }
        }

        /// Polls like `weir read --follow` without a LogStore.
        private func followCommits() throws {
            var current = try MixedTable.load(table, from: catalog)
            var sequence = ReadPoint(current: current).changeSequence
            while !isOver {
                usleep(50_000)
                current = try current.refreshed()
                let latest = ReadPoint(current: current).changeSequence
                guard latest > sequence else { continue }
                try ChangeLogScan(current, after: sequence, upTo: latest).forEach { batch in
                    note(batch.rows.columns[0].pointer(as: Int64.self), batch.count, \.committed)
                    return true
                }
                sequence = latest
            }
        }

        private func note(_ ids: UnsafePointer<Int64>, _ count: Int, _ seen: WritableKeyPath<State, [Int64: Double]>) {
            let now = FollowBenchmarks.now()
            state.withLock { state in
                for row in 0..<count where ids[row] >= Self.firstMark && state[keyPath: seen][ids[row]] == nil {
                    state[keyPath: seen][ids[row]] = now
                }
            }
        }

        private var isOver: Bool { state.withLock { $0.isOver } }

        private func thread(_ body: @escaping @Sendable () throws -> Void) {
            threads.enter()
            let thread = Thread { [self] in
                do { try body() } catch { state.withLock { $0.failure = error } }
                threads.leave()
            }
            thread.stackSize = 4 << 20
            thread.start()
        }

        private func until(_ what: String, _ isSo: () throws -> Bool) throws {
            let deadline = Date().addingTimeInterval(secondsMax)
            while try !isSo() {
                guard Date() < deadline else {
                    throw WeirError(.storage, "it takes more than \(Int(secondsMax)) s until \(what)", at: folder)
                }
                usleep(2000)
            }
        }
    }
}
