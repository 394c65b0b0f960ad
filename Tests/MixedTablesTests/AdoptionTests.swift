import Bytes
import ChangeEvents
import IcebergFormat
import IcebergTables
import MixedTables
import Testing
import WeirTesting

/// Handing over a table from one topology name to another.
@Suite struct AdoptionTests {
    private static func mark(_ offset: Int64) -> RecordMark { RecordMark(offset: offset, timestamp: offset, crc32c: 7) }

    private static func partitions(_ numbers: Int...) -> Set<TopicPartition> {
        Set(numbers.map { TopicPartition(topic: "t", partition: $0) })
    }

    @Test func `positions, records, claims and LogStore writers change hands in one commit`() throws {
        try withTemporaryFolder { folder in
            var table = try MixedTableModelTests.create(.longKey, in: folder)
            let state = LogStoreLedger.Upstream(epoch: 3, ends: [0: 9], live: true)
            let (claimed, claim) = try table.claiming(
                Self.partitions(0, 1),
                topology: "old",
                logStore: LogStoreProgress(upstream: "abcd", state: state)
            )
            table = try claimed.commit(
                try KeyedTableWriter(claimed).cut(),
                topology: "old",
                from: PositionLedger(),
                to: PositionLedger(["t": [0: 10, 1: 20]]),
                last: LastRecords(["t": [0: Self.mark(9), 1: Self.mark(19)]]),
                claim: claim,
                routed: PositionRoutes.Note(route: "r", taken: Self.partitions(0), isStart: true)
            )
            let units = SourceUnits(["t": ["timestamp-unit.shop.orders.at": .milliseconds]])
            table = try table.keeping(units, overriding: false, topology: "old")
            let before = try #require(table.change).metadataLocation
            let adopted = try table.adopting("old", as: "new")
            #expect(adopted.change?.metadata.snapshots.count == table.change?.metadata.snapshots.count)
            #expect(try adopted.ledger(topology: "new") == PositionLedger(["t": [0: 10, 1: 20]]))
            #expect(try adopted.lastRecords(topology: "new")["t", 1] == Self.mark(19))
            #expect(try adopted.logStoreLedger(topology: "new").upstreams == ["abcd": state])
            #expect(
                try adopted.positionRoutes(topology: "new")
                    == PositionRoutes(["t": [1: PositionRoutes.Entry(route: "r", from: 20)]])
            )
            #expect(try adopted.sourceUnits(topology: "new") == units)
            #expect(!adopted.holdsAnything(of: "old"))
            // A repetition writes nothing.
            let again = try adopted.adopting("old", as: "new")
            #expect(again.change?.metadataLocation == adopted.change?.metadataLocation)
            #expect(adopted.change?.metadataLocation != before)
            // The claim numbers continue, so that claims under the old name are not valid any more.
            let next = try adopted.claiming(Self.partitions(0), topology: "new").claim
            #expect(next.numbers.next(topic: "t", partition: 0) == 2)
            let late = #expect(throws: WeirError.self) {
                _ = try table.commit(
                    try KeyedTableWriter(table).cut(),
                    topology: "old",
                    from: PositionLedger(["t": [0: 10, 1: 20]]),
                    to: PositionLedger(["t": [0: 12, 1: 20]]),
                    claim: claim
                )
            }
            #expect(late?.code == .fenced)
        }
    }

    @Test func `where both names have positions, the further one counts`() throws {
        try withTemporaryFolder { folder in
            var table = try MixedTableModelTests.create(.longKey, in: folder)
            let writer = try KeyedTableWriter(table)
            table = try table.commit(
                try writer.cut(),
                topology: "old",
                from: PositionLedger(),
                to: PositionLedger(["t": [0: 10, 1: 5], "only-old": [0: 3]]),
                last: LastRecords(["t": [0: Self.mark(9), 1: Self.mark(4)]]),
                routed: PositionRoutes.Note(route: "r", taken: Self.partitions(1), isStart: false)
            )
            table = try table.commit(
                try writer.cut(),
                topology: "new",
                from: PositionLedger(),
                to: PositionLedger(["t": [0: 4, 1: 8]]),
                last: LastRecords(["t": [0: Self.mark(3), 1: Self.mark(7)]]),
                routed: PositionRoutes.Note(route: "r", taken: [], isStart: false)
            )
            #expect(try table.positionHolders() == ["new", "old"])
            table = try table.adopting("old", as: "new")
            #expect(try table.ledger(topology: "new") == PositionLedger(["t": [0: 10, 1: 8], "only-old": [0: 3]]))
            let last = try table.lastRecords(topology: "new")
            #expect(last["t", 0] == Self.mark(9) && last["t", 1] == Self.mark(7))
            // The old name took rows of t/1, so its position is valid for every route.
            let routes = try table.positionRoutes(topology: "new")
            #expect(routes["t", 0]?.route == "r" && routes["t", 1] == nil && routes["only-old", 0]?.route == "r")
        }
    }

    @Test func `positions without rows are forgotten with their route, and only those of one's own partitions`() throws
    {
        try withTemporaryFolder { folder in
            var table = try MixedTableModelTests.create(.longKey, in: folder)
            let (claimed, claim) = try table.claiming(Self.partitions(0, 1, 2), topology: "a")
            table = try claimed.commit(
                try KeyedTableWriter(claimed).cut(),
                topology: "a",
                from: PositionLedger(),
                to: PositionLedger(["t": [0: 10, 1: 20, 2: 30]]),
                last: LastRecords(["t": [0: Self.mark(9)]]),
                claim: claim,
                routed: PositionRoutes.Note(route: "r", taken: Self.partitions(2), isStart: false)
            )
            let same = try table.forgettingPositions(notOf: "r", topology: "a", claim: claim) { _ in false }
            #expect(same.change?.metadataLocation == table.change?.metadataLocation)
            let mine = claim.restricted(to: Self.partitions(0, 2))
            table = try table.forgettingPositions(notOf: "s", topology: "a", claim: mine) { _ in false }
            #expect(try table.ledger(topology: "a") == PositionLedger(["t": [1: 20, 2: 30]]))
            #expect(try table.lastRecords(topology: "a").isEmpty)
            #expect(
                try table.positionRoutes(topology: "a").entries.keys.sorted() == [
                    TopicPartition(topic: "t", partition: 1)
                ]
            )
        }
    }
}
