import Bytes
import ChangeEvents
import Columnar
import EventLog
import Testing
import WeirTesting

@testable import LogStores

/// Random epochs, commits and crashes: a reader that retracts rows ends with exactly the committed rows.
struct LogStoreModelTests {
    private static let schema = Schema(["id": .int, "value": .string])

    /// A job that writes a keyed table. A crash loses everything after its last commit.
    private struct Job {
        let writer: LogStoreWriter
        var table: [Int32: String] = [:]
        var committed: [(epoch: Int64, table: [Int32: String])] = [(0, [:])]

        mutating func write(rows: Int, _ random: inout SeededGenerator) throws {
            var changes: [Change] = []
            func change(_ kind: ChangeKind, _ id: Int32, _ value: String) -> Change {
                Change(kind: kind, values: [.int(id), .string(value)])
            }
            for _ in 0..<rows {
                let id = Int32.random(in: 0..<12, using: &random)
                let value = "v\(Int.random(in: 0..<1_000_000, using: &random))"
                switch (table[id], Bool.random(using: &random)) {
                case (nil, _):
                    changes.append(change(.insert, id, value))
                    table[id] = value
                case (let old?, true):
                    changes += [change(.updateBefore, id, old), change(.updateAfter, id, value)]
                    table[id] = value
                case (let old?, false):
                    changes.append(change(.delete, id, old))
                    table[id] = nil
                }
            }
            guard !changes.isEmpty else { return }
            try writer.write(ChangeBatch(changes, schema: LogStoreModelTests.schema))
        }

        mutating func commit() throws {
            try writer.flush()
            committed.append((writer.epoch, table))
            writer.beginEpoch(writer.epoch + 1)
        }

        mutating func crash(_ random: inout SeededGenerator) throws {
            // Mostly back to the last commit, sometimes to an older one.
            let back = Int.random(in: 0..<4, using: &random) == 0 ? min(2, committed.count) : 1
            committed.removeLast(back - 1)
            guard let last = committed.last else { return }
            table = last.table
            try writer.flip(last.epoch)
            // A flip record may be repeated.
            if Bool.random(using: &random) { try writer.flip(last.epoch) }
        }
    }

    /// Reads one partition into a table. A reader may be lost and continue from its saved state.
    private struct Follower {
        let partition: Int
        var saved: (state: LogStoreReaderState, table: [Int32: [String]])
        var reader: LogStoreReader
        var table: [Int32: [String]] = [:]

        mutating func apply(_ changes: [LogStoreChanges]) {
            for change in changes.changes {
                guard case .int(let id) = change.values[0], case .string(let value) = change.values[1] else { continue }
                if change.kind.isRetraction {
                    table[id]?.removeAll { $0 == value }
                    if table[id]?.isEmpty == true { table[id] = nil }
                } else {
                    table[id, default: []].append(value)
                }
            }
        }
    }

    private func run(_ log: some PartitionedLog, _ appender: any TopicAppender, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var jobs: [Job] = []
        for id in ["aaaa", "bbbb"].prefix(Int.random(in: 1...2, using: &random)) {
            let writer = try LogStoreWriter(
                appender,
                schema: Self.schema,
                primaryKey: [0],
                upstream: UpstreamID(id),
                format: Bool.random(using: &random) ? .json : .columnar
            )
            jobs.append(Job(writer: writer))
        }
        let window = Int64.random(in: 1..<12, using: &random)
        func reader(_ partition: Int, _ state: LogStoreReaderState) throws -> LogStoreReader {
            try LogStoreReader(
                log,
                topic: appender.topic,
                partition: partition,
                schema: Self.schema,
                state: state,
                isConsistent: true,
                windowRecords: window
            )
        }
        var followers = try appender.partitions.map { partition in
            let state = LogStoreReaderState(offset: 0)
            return Follower(partition: partition, saved: (state, [:]), reader: try reader(partition, state))
        }
        func follow(_ index: Int) throws -> Bool {
            guard let changes = try followers[index].reader.next(maxBytes: 200) else { return false }
            followers[index].apply(changes)
            return true
        }
        for _ in 0..<120 {
            let job = Int.random(in: 0..<jobs.count, using: &random)
            let index = Int.random(in: 0..<followers.count, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4: try jobs[job].write(rows: Int.random(in: 0..<8, using: &random), &random)
            case 4, 5: try jobs[job].commit()
            case 6: try jobs[job].crash(&random)
            case 7:
                let follower = followers[index]
                followers[index].saved = (follower.reader.state, follower.table)
            case 8:
                let saved = followers[index].saved
                followers[index].table = saved.table
                followers[index].reader = try reader(followers[index].partition, saved.state)
            default: _ = try follow(index)
            }
        }
        for job in jobs.indices { try jobs[job].crash(&random) }
        var found: [Int32: [String]] = [:]
        for index in followers.indices {
            while try follow(index) {}
            found.merge(followers[index].table) { $0 + $1 }
        }
        // Two jobs may hold a row of the same key each.
        var expected: [Int32: [String]] = [:]
        for job in jobs { for (id, value) in job.table { expected[id, default: []].append(value) } }
        #expect(found.mapValues { $0.sorted() } == expected.mapValues { $0.sorted() }, "seed \(seed)")
    }

    @Test(arguments: SeededGenerator.seeds(60))
    func readersEndWithWhatWasCommitted(seed: UInt64) throws {
        let log = MemoryLog(partitions: 2)
        try run(log, log, seed: seed)
    }

    /// Readers that have the files of a commit and start in the log between the last flip and that commit.
    @Test(arguments: SeededGenerator.seeds(40))
    func readersTakeOverFromFiles(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let log = MemoryLog(partitions: 2)
        let format = Bool.random(using: &random) ? LogStoreFormat.json : .columnar
        let writer = try LogStoreWriter(
            log,
            schema: Self.schema,
            primaryKey: [0],
            upstream: UpstreamID("aaaa"),
            format: format
        )
        var job = Job(writer: writer)
        var followers: [(epoch: Int64, follower: Follower)] = []
        // After the last flip of each partition: rows before it may have been retracted.
        var flipEnds: [Int64] = [0, 0]
        func takeOver() throws {
            guard let commit = job.committed.last else { return }
            for partition in 0..<2 {
                let end = Int64(log.values(partition).count)
                let offset = Int64.random(in: flipEnds[partition]...end, using: &random)
                let state = LogStoreReaderState(offset: offset, startAfter: [writer.upstream: commit.epoch])
                let reader = try LogStoreReader(
                    log,
                    topic: log.topic,
                    partition: partition,
                    schema: Self.schema,
                    state: state,
                    isConsistent: true,
                    windowRecords: 5
                )
                var follower = Follower(partition: partition, saved: (state, [:]), reader: reader)
                for (id, value) in commit.table where Self.partition(of: id) == partition {
                    follower.table[id] = [value]
                }
                followers.append((commit.epoch, follower))
            }
        }
        for _ in 0..<80 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0..<4: try job.write(rows: Int.random(in: 0..<8, using: &random), &random)
            case 4, 5:
                try job.commit()
                if Bool.random(using: &random) { try takeOver() }
            case 6:
                try job.crash(&random)
                flipEnds = (0..<2).map { Int64(log.values($0).count) }
                // The files of an abandoned commit are no start point for a reader.
                let epoch = job.committed.last?.epoch ?? 0
                followers.removeAll { $0.epoch > epoch }
            default:
                guard let index = followers.indices.randomElement(using: &random) else { continue }
                if let changes = try followers[index].follower.reader.next() {
                    followers[index].follower.apply(changes)
                }
            }
        }
        try job.crash(&random)
        let epoch = job.committed.last?.epoch ?? 0
        for (began, start) in followers where began <= epoch {
            var follower = start
            while let changes = try follower.reader.next() { follower.apply(changes) }
            let expected = job.table.filter { Self.partition(of: $0.key) == follower.partition }.mapValues { [$0] }
            #expect(follower.table == expected, "seed \(seed), from epoch \(began)")
        }
    }

    private static func partition(of id: Int32) -> Int { Int(KeyHash.hash(of: [.int(id)])) % 2 }

    @Test(arguments: SeededGenerator.seeds(4))
    func theFileLogServesAsALogStore(seed: UInt64) throws {
        try withTemporaryFolder { folder in
            var settings = FileLogSettings()
            settings.segmentBytes = 2048
            settings.flush = .never
            let log = try FileLog(root: folder + "/log", settings: settings)
            try log.createTopic("orders-log", partitions: 3)
            let writer = FileLogWriter(log)
            let appender = try FileTopicAppender(writer, topic: "orders-log")
            try run(log, appender, seed: seed)
            try appender.close()
            for (partition, end) in appender.ends {
                #expect(try log.offsets(topic: "orders-log", partition: partition).end == end)
            }
            #expect(throws: WeirError.self) {
                try appender.append(RawBatch([[1]], topic: "orders-log", partition: 0))
            }
        }
    }
}
