import Bytes
import ChangeEvents
import EventLog
import Foundation
import IcebergFormat
import MixedTables
import ObjectStorage
import StreamRuntime
import Testing
import Topology
import WeirTesting

/// Ownership of a table's positions: renamed topologies, and several topologies that write one table.
@Suite struct TopologyNameTests {
    private static func renamed(_ name: String) -> String { IdleTableTests.topology(name: name) }

    private static func adopt(_ former: String, _ text: String, _ fixture: IngestFixture) throws -> Int {
        try IngestPlan.adopt(former, for: IngestFixture.topology(text), catalog: fixture.catalog()).count
    }

    private static func refusal(_ body: () throws -> Void) -> WeirError? {
        #expect(throws: WeirError.self) { try body() }
    }

    private static func locations(_ fixture: IngestFixture) throws -> [String] {
        try ["shop.people", "shop.ghosts"].flatMap { name in
            let table = try fixture.table(name)
            return [table.base.metadataLocation, table.change?.metadataLocation ?? ""]
        }
    }

    @Test func `a renamed topology is refused before anything is written or made`() throws {
        try withTemporaryFolder { folder in
            let fixture = try IdleTableTests.prepare(folder, 0..<20)
            try fixture.run(Self.renamed("before"))
            let locations = try Self.locations(fixture)
            let text = Self.renamed("after").replacingOccurrences(
                of: "tables:",
                with: "tables:\n  - { name: shop.aaa_new, columns: { id: long } }"
            )
            let error = Self.refusal { try fixture.run(text) }
            #expect(error?.code == .conflict)
            #expect(
                error?.message.contains("shop.people holds the positions of topology 'before'") == true,
                "\(error?.message ?? "")"
            )
            #expect(error?.advice?.contains("weir run --adopt before") == true)
            #expect(error?.advice?.contains("pipeline.shares-tables-with: [before]") == true)
            #expect(try Self.locations(fixture) == locations)
            #expect(try !fixture.catalog().exists(TableIdentifier("shop.aaa_new")))
            let conflicts = try IngestPlan.conflicts(
                IngestFixture.topology(text),
                catalog: fixture.catalog()
            ) { (_) throws(WeirError) in try FileLog(root: fixture.logRoot) }
            #expect(conflicts.map(\.error.code) == [.conflict, .conflict], "\(conflicts)")
            #expect(conflicts.first?.declaration == Topology.Declaration(.tables, "shop.people"))
        }
    }

    @Test func `an adopted topology goes on where the former name ended`() throws {
        try withTemporaryFolder { folder in
            let fixture = try IdleTableTests.prepare(folder, 0..<20)
            try fixture.run(Self.renamed("before"))
            try IdleTableTests.append(20..<25, to: fixture)
            let error = Self.refusal { _ = try Self.adopt("befor", Self.renamed("after"), fixture) }
            #expect(
                error?.code == .notFound && error?.advice?.contains("before") == true,
                "\(String(describing: error))"
            )
            #expect(try Self.adopt("before", Self.renamed("after"), fixture) == 2)
            #expect(try Self.adopt("before", Self.renamed("after"), fixture) == 0)
            let progress = try fixture.run(Self.renamed("after"))
            #expect(progress.records == 5 && progress.inserts == 5)
            #expect(try fixture.contents("shop.people").count == 25)
            for name in ["shop.people", "shop.ghosts"] {
                let table = try fixture.table(name)
                #expect(!table.holdsAnything(of: "before"))
                #expect(try table.positionHolders() == ["after"])
                #expect(try table.formerNames(of: "after") == ["before"])
            }
            // The former name is another topology now.
            #expect(Self.refusal { try fixture.run(Self.renamed("before")) }?.code == .conflict)
            // A second change of names keeps both.
            #expect(try Self.adopt("after", Self.renamed("last"), fixture) == 2)
            #expect(try fixture.run(Self.renamed("last")).records == 0)
            #expect(try fixture.table("shop.people").formerNames(of: "last") == ["after", "before"])
            // A route that changes with the name is still seen as changed.
            try fixture.run(IdleTableTests.topology(ghosts: "shop.public.people", name: "last"))
            #expect(try fixture.ids("shop.ghosts") == Array(0..<25))
        }
    }

    @Test func `adopting that was cut short is completed by doing it again`() throws {
        try withTemporaryFolder { folder in
            let fixture = try IdleTableTests.prepare(folder, 0..<20)
            try fixture.run(Self.renamed("before"))
            _ = try fixture.table("shop.people").adopting("before", as: "after")
            #expect(Self.refusal { try fixture.run(Self.renamed("after")) }?.code == .conflict)
            #expect(try Self.adopt("before", Self.renamed("after"), fixture) == 1)
            #expect(try fixture.run(Self.renamed("after")).records == 0)
        }
    }

    @Test func `a process that is still up under the former name writes nothing more`() throws {
        try withTemporaryFolder { folder in
            let fixture = try IdleTableTests.prepare(folder, partitions: 2, 0..<20)
            let log = GroupedFileLog(try FileLog(root: fixture.logRoot))
            let old = try LiveRun(fixture, fixture.plan(Self.renamed("before")), member: 0, of: log)
            try LiveRun.wait("everything is committed") {
                let ledger = try fixture.table("shop.people").ledger(topology: "before")
                return (0..<2).allSatisfy { ledger.next(topic: "people", partition: $0) == 10 }
            }
            #expect(try Self.adopt("before", Self.renamed("after"), fixture) == 2)
            try IdleTableTests.append(100..<110, to: fixture, partition: 1)
            // The other name takes over uncommitted records, and starting from the beginning is rejected.
            _ = log.stall { _ in true }
            log.wake()
            try LiveRun.wait("the old process has ended") { old.isOver }
            #expect(old.end()?.code == .conflict)
            let progress = try fixture.run(Self.renamed("after"))
            // Positions of the table without rows are recorded once a minute, so they may be behind.
            #expect(progress.records >= 10 && progress.inserts == 10)
            #expect(try fixture.contents("shop.people").count == 30)
            #expect(try fixture.table("shop.people").positionHolders() == ["after"])
        }
    }

    // MARK: Two topologies, one table

    private static func writer(_ name: String, topic: String, shares other: String?, key: String = "") -> String {
        """
        name: \(name)
        pipeline: { commit.interval: 1h\(other.map { ", shares-tables-with: [\($0)]" } ?? "") }
        source: { name: s, type: file-log, topics: [\(topic)], format: debezium-json }
        tables: [{ name: shop.all, columns: { id: long, name: string }\(key) }]
        route: [{ source-table: shop.public.people, sink-table: shop.all }]
        sink: { type: mixed-iceberg }
        """
    }

    /// Two topics of people.
    private static func prepareTwo(_ folder: String) throws -> IngestFixture {
        let fixture = try IdleTableTests.prepare(folder, 0..<10)
        try FileLog(root: fixture.logRoot).createTopic("others")
        let writer = FileLogWriter(try FileLog(root: fixture.logRoot))
        defer { writer.close() }
        let values = (10..<15).map { id in
            """
            {"before":null,"after":{"id":\(id),"name":"n\(id)"},"source":{"db":"shop","schema":"public",\
            "table":"people"},"op":"c"}
            """
        }
        try DebeziumHistory.append(values.map { .init(key: nil, value: $0) }, to: writer, topic: "others")
        return fixture
    }

    @Test(arguments: ["", ", primary-key: [id]"])
    func `two topologies write one table when both say so and read different topics`(key: String) throws {
        try withTemporaryFolder { folder in
            let fixture = try Self.prepareTwo(folder)
            let one = Self.writer("one", topic: "people", shares: "two", key: key)
            let two = Self.writer("two", topic: "others", shares: "one", key: key)
            try fixture.run(one)
            try fixture.run(two)
            #expect(try fixture.ids("shop.all") == Array(0..<15))
            #expect(try fixture.run(one).records == 0 && fixture.run(two).records == 0)
            #expect(try fixture.table("shop.all").positionHolders() == ["one", "two"])
            // A topology that does not declare it is rejected, and so is one that reads a topic of the other.
            let silent = Self.refusal { try fixture.run(Self.writer("one", topic: "people", shares: nil, key: key)) }
            #expect(silent?.code == .conflict && silent?.message.contains("topology 'two'") == true)
            let same = Self.refusal { try fixture.run(Self.writer("two", topic: "people", shares: "one", key: key)) }
            #expect(same?.code == .conflict && same?.message.contains("both read topic 'people'") == true)
            #expect(try fixture.ids("shop.all") == Array(0..<15))
        }
    }

    @Test func `of two topologies that start on an empty table at once, one is refused`() throws {
        try withTemporaryFolder { folder in
            let fixture = try Self.prepareTwo(folder)
            let runs = try ["one", "two"].map { name in
                let plan = try IngestPlan.resolve(
                    IngestFixture.topology(Self.writer(name, topic: "people", shares: nil)),
                    catalog: fixture.catalog(),
                    nowMilliseconds: 1_700_000_000_000
                ) { (_) throws(WeirError) in try FileLog(root: fixture.logRoot) }
                return IngestRun(plan, deadLetterPath: "\(folder)/\(name).ndjson")
            }
            try runs[0].run(untilCaughtUp: true)
            #expect(Self.refusal { try runs[1].run(untilCaughtUp: true) }?.code == .conflict)
            #expect(try fixture.ids("shop.all") == Array(0..<10))
        }
    }

    @Test func `the commit itself refuses a second name`() throws {
        try withTemporaryFolder { folder in
            let fixture = try Self.prepareTwo(folder)
            try fixture.run(Self.writer("one", topic: "people", shares: nil))
            let table = try fixture.table("shop.all")
            let epoch = try UnkeyedTableWriter(table).cut()
            let error = Self.refusal {
                _ = try table.commit(
                    epoch,
                    topology: "two",
                    from: PositionLedger(),
                    to: PositionLedger(["others": [0: 5]]),
                    sharing: TableSharing(topology: "two")
                )
            }
            #expect(error?.code == .conflict)
        }
    }

    @Test func `a former name is not taken over while a process of it is up`() throws {
        try withTemporaryFolder { folder in
            let files = LocalFileSystem()
            // The second of two processes that share a topology.
            let first = try TopologyLock(topology: "before", warehouse: folder, files: files, isShared: true)
            let second = try TopologyLock(topology: "before", warehouse: folder, files: files, isShared: true)
            #expect(second.number == 1)
            withExtendedLifetime(first) {
                let error = Self.refusal {
                    _ = try TopologyLock.Quiet(topology: "before", warehouse: folder, files: files)
                }
                #expect(error?.code == .locked)
            }
            let quiet = try TopologyLock.Quiet(topology: "other", warehouse: folder, files: files)
            _ = withExtendedLifetime((quiet, second)) {
                #expect(throws: WeirError.self) {
                    _ = try TopologyLock(topology: "other", warehouse: folder, files: files)
                }
            }
        }
    }

    @Test func `topologies check the names they share tables with`() throws {
        let (topology, problems) = Topology.check(yaml: Self.writer("one", topic: "people", shares: "one"))
        #expect(topology == nil)
        #expect(problems.map(\.line) == [2], "\(problems)")
        let good = try IngestFixture.topology(Self.writer("one", topic: "people", shares: "two, three"))
        #expect(good.pipeline.sharesTablesWith == ["two", "three"])
    }
}
