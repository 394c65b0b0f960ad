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
        pipeline: { commit.interval: 1h, commit.bytes: 1kb }
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

    /// Runs a block on threads of its own: `concurrentPerform` runs no more at once than there are cores.
    private static func atOnce(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let done = DispatchGroup()
        for worker in 0..<count {
            done.enter()
            Thread.detachNewThread {
                body(worker)
                done.leave()
            }
        }
        done.wait()
    }

    @Test(.hangGuard) func `a reader that loops over the catalog never sees two tables of an epoch apart`() throws {
        try withTemporaryFolder { folder in
            let fixture = try IdleTableTests.prepare(folder, 0..<400)
            let ids = try ["shop.rows", "shop.again", "shop.keyed_change_"].map { try TableIdentifier($0) }
            let isDone = Atomic<Bool>(false)
            let failures = Mutex<[String]>([])
            let seen = Mutex<Set<String>>([])
            let foreign = Mutex(0)
            let commits = Mutex(0)
            Self.atOnce(3) { worker in
                do {
                    switch worker {
                    case 0:
                        defer { isDone.store(true, ordering: .relaxed) }
                        let progress = try fixture.run(Self.topology)
                        commits.withLock { $0 = Int(progress.commits) }
                    case 1:
                        // Another writer gets in between on one table: the run goes on, and no epoch is torn.
                        let catalog = try fixture.catalog()
                        while !isDone.load(ordering: .relaxed) {
                            guard let table = try? catalog.load(ids[1]) else { continue }
                            let number = foreign.withLock { number in
                                number += 1
                                return number
                            }
                            var transaction = Transaction(table)
                            transaction.setProperties(["foreign": "\(number)"])
                            transaction.retryPatiently()
                            _ = try transaction.commit()
                            Thread.sleep(forTimeInterval: 0.01)
                        }
                    default:
                        let catalog = try fixture.catalog()
                        while !isDone.load(ordering: .relaxed) {
                            guard let tables = try? catalog.load(ids) else { continue }
                            let states = tables.map { table in
                                let rows = table.currentSnapshot?.summary["total-records"] ?? "none"
                                return "\(rows) rows, \(table.properties["weir.positions.test"] ?? "no position")"
                            }
                            if Set(states).count != 1 { failures.withLock { $0.append("\(states)") } }
                            seen.withLock { _ = $0.insert(states[0]) }
                        }
                    }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
            #expect(failures.withLock { $0 } == [])
            let (epochs, states, others) = (
                commits.withLock { $0 }, seen.withLock { $0.count }, foreign.withLock { $0 }
            )
            #expect(epochs > 1 && states > 1 && others > 0)
            #expect(try fixture.ids("shop.rows") == Array(0..<400))
            #expect(try fixture.ids("shop.again") == Array(0..<400))
            #expect(try fixture.contents("shop.keyed").count == 400)
            #expect(try fixture.table("shop.again").properties["foreign"] == "\(others)")
            print("tables of an epoch: \(epochs) epochs, \(states) states seen, \(others) commits of another writer")
        }
    }

    @Test(.hangGuard) func `a table that is refused stops the epoch of all tables, and is named`() throws {
        try withTemporaryFolder { folder in
            let fixture = try IdleTableTests.prepare(folder, 0..<20)
            let often = Self.topology.replacingOccurrences(of: "1h, commit.bytes: 1kb", with: "20ms")
            let live = LiveRun(fixture, try fixture.plan(often))
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
