import Bytes
import Columnar
import EventLog
import Foundation
import IcebergTables
import MixedTables
import StreamRuntime
import Testing
import WeirTesting

/// A long-lived run, and other engines that modify its table's change store between bursts of records.
@Suite struct NeighbourRunTests {
    private static let topology = IngestFixture.people.replacingOccurrences(
        of: "commit.interval: 1h, commit.bytes: 1kb",
        with: "commit.interval: 20ms"
    )

    /// An action of another engine on the change store.
    private enum Work: CaseIterable {
        /// An engine begins a transaction.
        case begin
        /// Changes are merged into base, and maintenance removes their files.
        case expireFiles
        /// The same, and earlier snapshots are expired too.
        case expireSnapshots

        func run(on fixture: IngestFixture) throws {
            // So late that nothing waits for the transactions.
            if self != .begin { _ = try FullOptimize(fixture.table("shop.people"), nowMilliseconds: 1 << 50).run() }
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

    @Test func `columns that another engine makes wider before the tables are opened get whole values`() throws {
        try withTemporaryFolder { folder in
            let fixture = try IdleTableTests.prepare(folder, 0..<40)
            let text = IdleTableTests.topology().replacingOccurrences(of: "id: long", with: "id: int")
            let plan = try fixture.plan(text)
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
            let run = try LiveRun(fixture, fixture.plan(Self.topology))
            defer { run.run.stop() }
            var history = DebeziumHistory(seed: seed)
            var start = 0
            var works = [Work.expireSnapshots, .begin, .expireFiles, .begin, .expireSnapshots]
            while true {
                history.extend(40)
                try history.append(start..<history.records.count, to: writer, topic: "people")
                start = history.records.count
                try run.wait("rows, seed \(seed), before \(works)") { try fixture.people() == history.rows }
                guard let work = works.popLast() else { break }
                try work.run(on: fixture)
            }
            try run.stop()
            #expect(try fixture.people() == history.rows, "seed \(seed)")
        }
    }

    /// Overwrites a topology's positions, like damage or a manual edit.
    private static func set(_ positions: String, of name: String, _ fixture: IngestFixture) throws {
        var transaction = Transaction(try fixture.table(name).ingestStore)
        transaction.setProperties(["weir.positions.test": positions])
        _ = try transaction.commit()
    }

    @Test func `a position that is not right behind the last record stops a run, and nothing is lost or repeated`()
        throws
    {
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
            let before = try fixture.table("shop.people").ingestStore
            let good = try #require(before.properties["weir.positions.test"])
            try history.append(20..<history.records.count, to: writer, topic: "people")
            // A lower position or a missing one would repeat rows. A higher one would skip rows.
            for wrong in ["{\"people\":{\"0\":4}}", "{}", "{\"people\":{\"0\":21}}", "{\"people\":{\"0\":27}}"] {
                try Self.set(wrong, of: "shop.people", fixture)
                let error = #expect(throws: WeirError.self, "\(wrong)") { try fixture.run() }
                #expect(error?.code == .corrupt, "\(wrong): \(String(describing: error))")
                #expect(error?.description.contains("people") == true)
                #expect(try fixture.people() == rows, "\(wrong)")
            }
            // Beyond the end of the log.
            try Self.set("{\"people\":{\"0\":1000}}", of: "shop.people", fixture)
            #expect(throws: WeirError.self) { try fixture.run() }
            #expect(try fixture.people() == rows)
            try Self.set(good, of: "shop.people", fixture)
            try fixture.run()
            #expect(try fixture.people() == history.rows)
        }
    }

    @Test func `of two tables that one log leads to, the one whose position was moved ahead is named`() throws {
        try withTemporaryFolder { folder in
            let fixture = try IdleTableTests.prepare(folder, 0..<20)
            let text = IdleTableTests.topology(ghosts: "shop.public.people")
            try fixture.run(text)
            try IdleTableTests.append(20..<30, to: fixture)
            let good = try #require(try fixture.table("shop.ghosts").ingestStore.properties["weir.positions.test"])
            try Self.set("{\"people\":{\"0\":25}}", of: "shop.ghosts", fixture)
            let error = #expect(throws: WeirError.self) { try fixture.run(text) }
            #expect(
                error?.code == .corrupt && error?.message.contains("position 25") == true,
                "\(String(describing: error))"
            )
            #expect(error?.advice?.contains("set it to 20") == true)
            try Self.set(good, of: "shop.ghosts", fixture)
            try fixture.run(text)
            #expect(try fixture.ids("shop.ghosts") == Array(0..<30))
            #expect(try fixture.contents("shop.people").count == 30)
        }
    }
}
