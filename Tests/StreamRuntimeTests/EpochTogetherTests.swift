import Bytes
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import StreamRuntime
import Synchronization
import Testing
import WeirTesting

/// The tables of one epoch become visible at one moment.
@Suite struct EpochTogetherTests {
    private static let topology = """
        name: test
        pipeline: { commit.interval: 20ms }
        source: { name: s, type: file-log, topics: [people], format: debezium-json }
        tables:
          - { name: shop.rows, columns: { id: long, name: string } }
          - { name: shop.again, columns: { id: long, name: string } }
          - { name: shop.keyed, columns: { id: long, name: string }, primary-key: [id] }
        route:
          - { source-table: shop.public.people, sink-table: shop.rows }
          - { source-table: shop.public.people, sink-table: shop.again }
          - { source-table: shop.public.people, sink-table: shop.keyed }
        sink: { type: mixed-iceberg }
        """

    /// Runs a block again and again on a thread of its own, until it is told to end or fails.
    private final class Loop: Sendable {
        private let isOver = Atomic<Bool>(false)
        private let failure = Mutex<(any Error)?>(nil)
        private let done = DispatchSemaphore(value: 0)

        init(_ body: @escaping @Sendable () throws -> Void) {
            Thread.detachNewThread { [self] in
                do {
                    while !isOver.load(ordering: .relaxed) { try body() }
                } catch {
                    failure.withLock { $0 = error }
                }
                done.signal()
            }
        }

        /// Ends the loop and throws its error.
        func end() throws {
            isOver.store(true, ordering: .relaxed)
            done.wait()
            if let error = failure.withLock({ $0 }) { throw error }
        }
    }

    @Test(.hangGuard) func `a reader that loops over the catalog never sees two tables of an epoch apart`() throws {
        try withTemporaryFolder { folder in
            let fixture = try IdleTableTests.prepare(folder, 0..<1)
            let ids = try ["shop.rows", "shop.again", "shop.keyed_change_"].map { try TableIdentifier($0) }
            let live = LiveRun(fixture, try fixture.plan(Self.topology))
            defer { live.run.stop() }
            let seen = Mutex<(states: Set<[String]>, foreign: Int)>(([], 0))
            // Another writer gets in between on one table: the run goes on, and no epoch is torn.
            let (catalog, others) = (try fixture.catalog(), try fixture.catalog())
            let writer = Loop {
                var transaction = Transaction(try others.load(ids[1]))
                transaction.setProperties(["foreign": "\(seen.withLock { $0.foreign } + 1)"])
                transaction.retryPatiently()
                _ = try transaction.commit()
                seen.withLock { $0.foreign += 1 }
                Thread.sleep(forTimeInterval: 0.02)
            }
            let reader = Loop {
                let states = try catalog.load(ids).map { table in
                    let rows = table.currentSnapshot?.summary["total-records"] ?? "no"
                    return "\(rows) rows, \(table.properties["weir.positions.test"] ?? "no position")"
                }
                seen.withLock { _ = $0.states.insert(states) }
            }
            var count = 1
            while seen.withLock({ $0.states.count < 20 || $0.foreign < 20 }) {
                try IdleTableTests.append(count..<count + 3, to: fixture)
                count += 3
                try live.wait("\(count) rows") { try fixture.ids("shop.again").count == count }
            }
            try reader.end()
            try writer.end()
            try live.stop()
            let (states, foreign) = seen.withLock { $0 }
            #expect(states.filter { Set($0).count != 1 } == [])
            #expect(try fixture.ids("shop.rows") == Array(0..<count))
            #expect(try fixture.ids("shop.again") == Array(0..<count))
            #expect(try fixture.contents("shop.keyed").count == count)
            #expect(try fixture.table("shop.again").properties["foreign"] == "\(foreign)")
            let (commits, retries) = (live.run.progress.commits, live.run.progress.retries)
            // Each attempt that is lost is lost to a commit of another.
            let ofBase = Int(try fixture.table("shop.keyed").base.metadata.lastSequenceNumber)
            #expect(retries <= foreign + ofBase)
            print(
                "tables of an epoch: \(states.count) states seen, \(commits / 3) epochs, \(retries) retries beside "
                    + "\(foreign) commits of another writer"
            )
        }
    }

    @Test(.hangGuard) func `a reader of base stores never sees two tables of an epoch apart once they keep up`() throws
    {
        try withTemporaryFolder { folder in
            let fixture = try IdleTableTests.prepare(folder, 0..<5)
            let topology = Self.topology
                .replacingOccurrences(of: "string } }", with: "string }, primary-key: [id] }")
            let ids = try ["shop.rows", "shop.again", "shop.keyed"].map { try TableIdentifier($0) }
            let live = LiveRun(fixture, try fixture.plan(topology))
            defer { live.run.stop() }
            let catalog = try fixture.catalog()
            @Sendable func rows() throws -> [Int] {
                try catalog.load(ids).map { Int($0.currentSnapshot?.summary["total-records"] ?? "") ?? 0 }
            }
            // Their keys are loaded with the first changes, for each by itself.
            try live.wait("base to have the first rows") { try rows() == [5, 5, 5] }
            let seen = Mutex<Set<[Int]>>([])
            let others = try fixture.catalog()
            // Another engine sets properties of one of the base stores.
            let writer = Loop {
                var transaction = Transaction(try others.load(ids[1]))
                transaction.setProperties(["other": "\(UUID())"])
                transaction.retryPatiently()
                _ = try transaction.commit()
                Thread.sleep(forTimeInterval: 0.3)
            }
            let reader = Loop {
                let state = try rows()
                seen.withLock { _ = $0.insert(state) }
            }
            var count = 5
            while seen.withLock({ $0.count < 15 }) {
                try IdleTableTests.append(count..<count + 2, to: fixture)
                count += 2
                if count % 5 == 0 {
                    try live.wait("base to have \(count) rows") { try rows() == [count, count, count] }
                }
                Thread.sleep(forTimeInterval: 0.01)
            }
            try live.wait("base to have \(count) rows") { try rows() == [count, count, count] }
            try reader.end()
            try writer.end()
            try live.stop()
            let states = seen.withLock { $0 }
            #expect(states.filter { Set($0).count != 1 } == [])
            for id in ids { #expect(try fixture.baseContents("\(id)").count == count) }
            print(
                "base stores of an epoch: \(states.count) states seen, \(live.run.progress.retries) retries of epochs"
            )
        }
    }

    @Test(.hangGuard) func `a table that is refused stops the epoch of all tables, and is named`() throws {
        try withTemporaryFolder { folder in
            let fixture = try IdleTableTests.prepare(folder, 0..<20)
            let live = LiveRun(fixture, try fixture.plan(Self.topology))
            try live.wait("the first rows") { try fixture.ids("shop.again").count == 20 }
            // Another process of the topology commits to one of the tables while the run is under way.
            var other = Transaction(try fixture.table("shop.again").ingestStore)
            other.setProperties(["weir.positions.test": "{\"people\":{\"0\":25}}"])
            other.retryPatiently()
            _ = try other.commit()
            try IdleTableTests.append(20..<30, to: fixture)
            try LiveRun.wait("the end of the run") { live.isOver }
            let error = live.end()
            #expect(error?.code == .conflict && error?.location?.hasPrefix("commit to shop.again") == true)
            #expect(try fixture.ids("shop.rows") == Array(0..<20))
            #expect(try fixture.contents("shop.keyed").count == 20)
        }
    }
}
