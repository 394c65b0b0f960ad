import Bytes
import Columnar
import EventLog
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import Synchronization
import Testing
import WeirTesting

@testable import StreamRuntime

/// Runs that move changes into base beside engines that exclude it, hold it up or change the key.
@Suite struct BaseNeighbourTests {
    private static func inline(_ interval: String, id: String = "long") -> String {
        IngestFixture.people
            .replacingOccurrences(of: "commit.interval: 1h, commit.bytes: 1kb, materialize: off", with: interval)
            .replacingOccurrences(of: "id: long", with: "id: \(id)")
    }

    private static func names(_ rows: [Int: DebeziumHistory.Row]) -> [Int: String] {
        rows.mapValues { $0.name ?? "null" }
    }

    /// Runs until caught up, and returns what the run has said.
    private static func run(_ fixture: IngestFixture) throws -> [String] {
        let warnings = Mutex<[String]>([])
        try fixture.run(inline("commit.interval: 1h")) { text in warnings.withLock { $0.append(text) } }
        return warnings.withLock { $0 }
    }

    @Test(.hangGuard) func `a key column that becomes wider ends a run, and the next one goes on`() throws {
        try IngestFixture.withPeople { fixture, appender in
            let live = LiveRun(fixture, try fixture.plan(Self.inline("commit.interval: 20ms", id: "int")))
            defer { live.run.stop() }
            var history = DebeziumHistory(seed: 4)
            history.extend(120)
            try history.append(0..<history.records.count, to: appender, topic: "people")
            try live.wait("commits, some of them in base") {
                try live.run.progress.commits > 0 && fixture.table("shop.people").base.currentSnapshot != nil
            }
            let table = try fixture.table("shop.people")
            for store in [table.base, try #require(table.change)] {
                var transaction = Transaction(store)
                transaction.setSchema { (_) throws(WeirError) in
                    Schema(
                        store.schema.fields.map { field in
                            let type = field.type == .int ? .long : field.type
                            return Field(id: field.id, name: field.name, type: type, isRequired: field.isRequired)
                        }
                    )
                }
                transaction.retryPatiently()
                _ = try transaction.commit()
            }
            let before = history.records.count
            history.extend(60)
            try history.append(before..<history.records.count, to: appender, topic: "people")
            try LiveRun.wait("the run to end") { live.isOver }
            let error = live.end()
            #expect(error?.code == .invalid && error?.message.contains("columns of the key") == true, "\(error as Any)")
            try fixture.run(Self.inline("commit.interval: 1h"))
            #expect(try fixture.people() == history.rows)
            #expect(try fixture.baseContents("shop.people") == Self.names(history.rows))
        }
    }

    @Test(.hangGuard) func `a table that Amoro optimizes is left to Amoro, which the run says once`() throws {
        try IngestFixture.withPeople { fixture, appender in
            var history = DebeziumHistory(seed: 6)
            history.extend(100)
            try history.append(0..<history.records.count, to: appender, topic: "people")
            try fixture.run()
            var amoro = Transaction(try fixture.table("shop.people").base)
            amoro.append([], summary: ["snapshot.producer": "OPTIMIZE"])
            _ = try amoro.commit()
            let told = try Self.run(fixture).filter { $0.contains("Amoro optimizes shop.people") }
            #expect(told.count == 1 && told.first?.contains("self-optimizing.enabled=false") == true, "\(told)")
            #expect(try fixture.baseContents("shop.people").isEmpty && fixture.people() == history.rows)
            let off = ["self-optimizing.enabled": "false"]
            _ = try fixture.table("shop.people").altered(setting: off, removing: [])
            #expect(try Self.run(fixture).filter { $0.contains("Amoro") }.isEmpty)
            #expect(try fixture.baseContents("shop.people") == Self.names(history.rows))
        }
    }

    @Test(.hangGuard) func `a run does not wait for a transaction of another engine, and says what is held back`()
        throws
    {
        try IngestFixture.withPeople { fixture, appender in
            var history = DebeziumHistory(seed: 7)
            history.extend(50)
            try history.append(0..<history.records.count, to: appender, topic: "people")
            try fixture.run()
            let first = Self.names(history.rows)
            var other = Transaction(try #require(try fixture.table("shop.people").change))
            other.append([], summary: ["tx.begin.signature": "spark"])
            _ = try other.commit()
            let before = history.records.count
            history.extend(50)
            try history.append(before..<history.records.count, to: appender, topic: "people")
            let told = try Self.run(fixture).filter { $0.contains("has begun a transaction in shop.people") }
            #expect(told.count == 1, "\(told)")
            #expect(try fixture.baseContents("shop.people") == first && fixture.people() == history.rows)
        }
    }

    @Test func `each thing is said once, and again when it is new`() {
        var notices = BaseNeighbourNotices()
        let open = OpenTransaction(id: 5, began: 1_700_000_000_000)
        func next(_ step: Materializer.Step, _ returned: Int = 0) -> Int {
            notices.next("shop.people", step, returnedRows: returned).count
        }
        let counts: [Int] = [
            next(.foreignOptimizer), next(.foreignOptimizer), next(.caughtUp), next(.foreignOptimizer),
            next(.awaitsTransaction(open)), next(.caughtUp), next(.awaitsTransaction(open)),
            next(.caughtUp, 3), next(.outrun, 3), next(.held, 4),
        ]
        #expect(counts == [1, 0, 0, 1, 1, 0, 0, 1, 0, 1])
        #expect(notices.next("shop.orders", .foreignOptimizer, returnedRows: 0).count == 1)
    }
}
