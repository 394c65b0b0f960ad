import Bytes
import Columnar
import EventLog
import Foundation
import IcebergTables
import MixedTables
import StreamRuntime
import Synchronization
import Testing
import WeirTesting

/// One run that stays up, and other engines that work on its table's change store between bursts of records.
@Suite struct NeighbourRunTests {
    private static let topology = IngestFixture.people.replacingOccurrences(
        of: "commit.interval: 1h, commit.bytes: 1kb",
        with: "commit.interval: 20ms"
    )

    /// What a neighbour does to the change store.
    private enum Work: CaseIterable {
        /// An engine begins a transaction.
        case begin
        /// Base takes the changes in, and maintenance removes their files.
        case expireFiles
        /// The same, and the snapshots before go too.
        case expireSnapshots

        func run(on fixture: IngestFixture) throws {
            if self != .begin { _ = try FullOptimize(fixture.table("shop.people"), nowMilliseconds: 1).run() }
            // A neighbour that loses a race tries again.
            for _ in 0..<50 {
                let table = try fixture.table("shop.people")
                let change = try #require(table.change)
                var transaction = Transaction(change)
                switch self {
                case .begin: transaction.append([], summary: ["tx.begin.signature": "spark"])
                case .expireFiles, .expireSnapshots:
                    let map = try OptimizedSequence.read(table.base, snapshotId: table.base.metadata.currentSnapshotId)
                    let merged = try change.plan().filter {
                        $0.dataSequenceNumber <= map.sequence(ofPartition: $0.file.partition)
                    }
                    transaction.overwrite(adding: [], removing: merged.map(\.file), operation: .delete)
                }
                do throws(WeirError) {
                    let changed = try transaction.commit()
                    guard self == .expireSnapshots, let current = changed.currentSnapshot else { return }
                    var expiry = Transaction(changed)
                    expiry.removeSnapshots(Set(changed.snapshots.map(\.id)).subtracting([current.id]))
                    _ = try expiry.commit()
                    return
                } catch {
                    guard error.code == .conflict else { throw error }
                }
            }
            Issue.record("the neighbour never got its turn")
        }
    }

    private static func waitUntil(_ what: String, _ holds: () throws -> Bool) throws {
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            if try holds() { return }
            Thread.sleep(forTimeInterval: 0.02)
        }
        Issue.record("waited in vain for \(what)")
    }

    @Test func `columns that another engine makes wider before the tables are opened get whole values`() throws {
        try withTemporaryFolder { folder in
            let fixture = try IdleTableTests.prepare(folder, 0..<40)
            let text = IdleTableTests.topology().replacingOccurrences(of: "id: long", with: "id: int")
            let plan = try IngestPlan.resolve(
                IngestFixture.topology(text),
                catalog: fixture.catalog(),
                nowMilliseconds: 1_700_000_000_000
            ) { (_) throws(WeirError) in try FileLog(root: fixture.logRoot) }
            let table = try fixture.table("shop.people")
            for store in [table.base, try #require(table.change)] {
                var transaction = Transaction(store)
                transaction.setSchema { (metadata) throws(WeirError) in
                    Schema(
                        store.schema.fields.map { field in
                            Field(
                                id: field.id,
                                name: field.name,
                                type: field.type == .int ? .long : field.type,
                                isRequired: field.isRequired
                            )
                        }
                    )
                }
                _ = try transaction.commit()
            }
            _ = try IngestRun(plan, deadLetterPath: fixture.deadLetters).run(untilCaughtUp: true)
            var ids: [Scalar] = []
            try MergeOnReadScan(fixture.table("shop.people")).forEachInOrder { (batch) throws(WeirError) in
                for row in 0..<batch.count { ids.append(batch.columns[0].scalar(row)) }
                return true
            }
            #expect(Set(ids) == Set((0..<40).map { Scalar.long(Int64($0)) }) && ids.count == 40)
        }
    }

    @Test(.hangGuard, arguments: SeededGenerator.seeds(1))
    func `expiry and foreign transactions in the change store end no run`(seed: UInt64) throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("people")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            let plan = try IngestPlan.resolve(
                IngestFixture.topology(Self.topology),
                catalog: fixture.catalog(),
                nowMilliseconds: 1_700_000_000_000
            ) { (_) throws(WeirError) in log }
            let run = IngestRun(plan, deadLetterPath: fixture.deadLetters)
            let failure = Mutex<WeirError?>(nil)
            let done = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                do throws(WeirError) { _ = try run.run(untilCaughtUp: false) } catch { failure.withLock { $0 = error } }
                done.signal()
            }
            defer {
                run.stop()
                done.wait()
            }
            var history = DebeziumHistory(seed: seed)
            var start = 0
            var works = [Work.expireSnapshots, .begin, .expireFiles, .begin, .expireSnapshots]
            while true {
                history.extend(40)
                try history.append(start..<history.records.count, to: writer, topic: "people")
                start = history.records.count
                try Self.waitUntil("rows, seed \(seed), before \(works)") {
                    try failure.withLock { $0 } != nil || fixture.people() == history.rows
                }
                if let error = failure.withLock({ $0 }) {
                    Issue.record("the run ended: \(error)")
                    return
                }
                guard let work = works.popLast() else { break }
                try work.run(on: fixture)
            }
            #expect(try fixture.people() == history.rows, "seed \(seed)")
        }
    }

    @Test func `a position that is not behind the last record stops a run before it reads`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("people")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            var history = DebeziumHistory(seed: 5)
            history.extend(30)
            try history.append(0..<20, to: writer, topic: "people")
            try fixture.run()
            let rows = try fixture.people()
            let before = try #require(try fixture.table("shop.people").change)
            let name = "weir.positions.test"
            let good = try #require(before.properties[name])
            try history.append(20..<history.records.count, to: writer, topic: "people")
            // Back by some records, or gone: both would repeat what the table holds.
            for wrong in ["{\"people\":{\"0\":4}}", "{}"] {
                var transaction = Transaction(try #require(try fixture.table("shop.people").change))
                transaction.setProperties([name: wrong])
                _ = try transaction.commit()
                let error = #expect(throws: WeirError.self, "\(wrong)") { try fixture.run() }
                #expect(error?.code == .corrupt, "\(wrong): \(String(describing: error))")
                #expect(error?.description.contains("people") == true)
                #expect(try fixture.people() == rows)
            }
            var transaction = Transaction(try #require(try fixture.table("shop.people").change))
            transaction.setProperties([name: good])
            _ = try transaction.commit()
            try fixture.run()
            #expect(try fixture.people() == history.rows)
        }
    }
}
