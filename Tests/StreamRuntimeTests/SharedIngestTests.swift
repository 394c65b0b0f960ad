import Bytes
import ChangeEvents
import EventLog
import Foundation
import IcebergTables
import LogStores
import MixedTables
import StreamRuntime
import Testing
import WeirTesting

/// Several processes of one topology in one group, as runs on threads of this process.
@Suite struct SharedIngestTests {
    private static let partitions = 4

    private static let people = IngestFixture.people.replacingOccurrences(
        of: "    primary-key: [id]\n",
        with: """
                primary-key: [id]
                properties: { log-store.enabled: true, log-store.type: file, log-store.topic: changes }

            """
    )

    private static func append(_ history: DebeziumHistory, _ range: Range<Int>, to writer: FileLogWriter) throws {
        for record in history.records[range] {
            var builder = RecordBatchBuilder()
            var key = record.key ?? ""
            let partition = key.withUTF8 {
                KeyPartitioner.partition(of: UnsafeRawBufferPointer($0), count: partitions)
            }
            try key.withUTF8 { key in
                if var value = record.value {
                    try value.withUTF8 { value in
                        try builder.append(
                            key: UnsafeRawBufferPointer(key),
                            value: UnsafeRawBufferPointer(value),
                            timestamp: 1
                        )
                    }
                } else {
                    try builder.append(key: UnsafeRawBufferPointer(key), value: nil, timestamp: 1)
                }
            }
            _ = try writer.append(topic: "people", partition: partition, records: builder.finish())
        }
    }

    private static func settings() throws -> LogStoreSettings {
        let properties = ["log-store.enabled": "true", "log-store.type": "file", "log-store.topic": "changes"]
        return try LogStoreSettings(properties, isKeyed: true)
    }

    private static func isCaughtUp(_ fixture: IngestFixture, _ log: FileLog) throws -> Bool {
        let ledger = try fixture.table("shop.people").ledger(topology: "test")
        return try (0..<partitions).allSatisfy { number in
            let end = try log.offsets(topic: "people", partition: number).end
            return ledger.next(topic: "people", partition: number) ?? 0 >= end
        }
    }

    private static func poisonedOffsets(_ folder: String) throws -> Set<String> {
        var found: Set<String> = []
        for name in try FileManager.default.contentsOfDirectory(atPath: folder + "/dead-letters") {
            let text = try String(contentsOfFile: "\(folder)/dead-letters/\(name)", encoding: .utf8)
            for line in text.split(separator: "\n") {
                let letter = try JSONDecoder().decode(DeadLetter.self, from: Data(line.utf8))
                found.insert("\(letter.partition) \(letter.offset)")
            }
        }
        return found
    }

    @Test(arguments: SeededGenerator.seeds(3))
    func `members that come, go and stall leave every change in the table once`(seed: UInt64) throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let fileLog = try FileLog(root: fixture.logRoot)
            try fileLog.createTopic("people", partitions: Self.partitions)
            let writer = FileLogWriter(fileLog)
            defer { writer.close() }
            try fileLog.createTopic("changes", partitions: 2)
            let log = GroupedFileLog(fileLog)
            var history = DebeziumHistory(seed: seed)
            var random = SeededGenerator(seed: seed ^ 0x5eed)
            var workers: [LiveRun] = []
            var appended = 0
            var stalls = 0
            var follower: LogStoreFollower?
            var mirrored: [Int: DebeziumHistory.Row] = [:]
            // 2 → 3 → 1 members, some of which stall in between: they continue to write without knowing that they left
            // the group.
            for (step, count) in [2, 3, 3, 2, 1, 2, 1].enumerated() {
                while workers.count < count {
                    let plan = try fixture.plan(Self.people, writer: writer)
                    workers.append(LiveRun(fixture, plan, member: step * 10 + workers.count, of: log))
                }
                while workers.count > count {
                    try workers.remove(at: Int(random.next() % UInt64(workers.count))).stop()
                }
                for round in 0..<6 {
                    history.extend(20)
                    try Self.append(history, appended..<history.records.count, to: writer)
                    appended = history.records.count
                    Thread.sleep(forTimeInterval: Double(random.next() % 20) / 1000)
                    if round == 2 && step % 2 == 1 {
                        let parity = Int(random.next() % 2)
                        let stalled = log.stall { $0 % 2 == parity }
                        stalls += stalled
                        // While others take over, the stalled members read and commit until their commits are rejected.
                        let before = Self.refused(workers)
                        for _ in 0..<40 where stalled > 0 && Self.refused(workers) == before {
                            history.extend(5)
                            try Self.append(history, appended..<history.records.count, to: writer)
                            appended = history.records.count
                            Thread.sleep(forTimeInterval: 0.025)
                        }
                    }
                    if round == 4 { log.wake() }
                    // The reader starts during the run and reads to its end.
                    if follower == nil {
                        let table = try fixture.table("shop.people")
                        follower = try LogStoreFollower(table, log: fileLog, settings: Self.settings())
                        if follower != nil { mirrored = try fixture.people(at: ReadPoint(current: table)) }
                    }
                }
            }
            log.wake()
            try workers[0].wait("everything is committed, seed \(seed)") { try Self.isCaughtUp(fixture, fileLog) }
            let fenced = Self.refused(workers)
            for worker in workers { try worker.stop() }
            #expect(try Self.isCaughtUp(fixture, fileLog), "seed \(seed)")
            #expect(try fixture.people() == history.rows, "seed \(seed)")
            let reader = try #require(follower)
            while try !reader.isAtEnd(of: fileLog) {
                guard case .changes(let batches) = try reader.next() else { continue }
                for batch in batches { IngestFixture.apply(batch, to: &mirrored) }
            }
            #expect(mirrored == history.rows, "the LogStore, seed \(seed)")
            #expect(try fixture.replayedPeople() == history.rows, "seed \(seed)")
            #expect(try Self.poisonedOffsets(folder).count == history.poisoned, "seed \(seed)")
            print("shared ingest, seed \(seed): \(stalls) stalls, \(fenced) commits refused")
        }
    }

    private static func refused(_ workers: [LiveRun]) -> Int { workers.reduce(0) { $0 + $1.run.progress.fenced } }

    @Test func `a commit of partitions that another process has claimed is refused`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("people")
            try fixture.run()
            let owned: Set = [TopicPartition(topic: "people", partition: 0)]
            let (zombie, old) = try fixture.table("shop.people").claiming(owned, topology: "test")
            let ledger = try zombie.ledger(topology: "test")
            var next = ledger
            next.advance(topic: "people", partition: 0, to: 5)
            let empty = try KeyedTableWriter(zombie).cut()
            // The zombie's commit is checked against the newest state, where its claim is not valid any more.
            let (_, new) = try zombie.claiming(owned, topology: "test")
            #expect(old != new)
            #expect {
                _ = try zombie.commit(empty, topology: "test", from: ledger, to: next, claim: old)
            } throws: { error in
                (error as? WeirError)?.code == .fenced
            }
            #expect(try fixture.table("shop.people").ledger(topology: "test") == ledger)
        }
    }
}
