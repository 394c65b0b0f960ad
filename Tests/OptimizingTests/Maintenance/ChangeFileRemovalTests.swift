import Bytes
import IcebergFormat
import IcebergTables
import Testing
import WeirTesting

@testable import MixedTables
@testable import Optimizing

/// Change files that base has leave the change store, while everybody goes on.
@Suite struct ChangeFileRemovalTests {
    private static let week: Int64 = 7 * 24 * 60

    private func remove(_ world: inout World) throws -> ChangeFileRemoval.Outcome {
        let (table, outcome) = try ChangeFileRemoval(world.table.refreshed(), nowMs: world.time.now).run()
        world.table = table
        return outcome
    }

    @Test(arguments: [200, 2]) func `a writer, a materializer and holders of rows go on beside it`(keep: Int) throws {
        var world = try World(partitions: 2, properties: ["snapshot.keep.max-count": String(keep)])
        var behind = ReadPoint(current: world.table)
        for round in 0..<5 {
            try world.write(0..<8, name: "round \(round)")
            if round == 3 { behind = ReadPoint(current: world.table) }
        }
        try world.materialize()
        world.time.advance(minutes: Self.week + 60)
        // Base can be taken back to the states that are kept.
        let base = try world.table.base.expiringSnapshots(nowMs: world.time.now).table
        world.table = MixedTable(base: base, change: world.table.change, primaryKey: world.table.primaryKey)
        let holder = ReadPoint(current: world.table)
        let before = try world.change.plan().count
        let outcome = try remove(&world)
        #expect(outcome.files == before && outcome.commits == 1, "\(outcome)")
        let removal = try #require(world.change.currentSnapshot)
        #expect(removal.operation == "delete" && removal.removedChangesUpTo == 5)
        #expect(try world.change.plan().isEmpty)
        #expect(CatchUp(from: holder, to: world.table) == .nothing)
        // Who lacks some of what has gone must read everything again.
        #expect({ if case .reload = CatchUp(from: behind, to: world.table) { true } else { false } }())
        for round in 0..<4 {
            try world.write(4..<12, name: "later \(round)")
            #expect(try world.inserts(after: 6) == (0...round).flatMap { _ in [Int64](4..<12) }.sorted())
            guard case .changes(let ranges) = CatchUp(from: holder, to: world.table) else {
                Issue.record("round \(round): \(CatchUp(from: holder, to: world.table))")
                continue
            }
            // The number of the removal may be among them.
            #expect(ranges.first?.lowerBound ?? 0 >= 6 && ranges.last?.upperBound == 7 + Int64(round))
            #expect(ranges.allSatisfy { range in (try? world.inserts(after: range.lowerBound - 1)) != nil })
            try world.check("round \(round)")
        }
        let keys = world.materializer?.loadedKeys
        try world.materialize()
        #expect(world.materializer?.loadedKeys ?? 0 < (keys ?? 0) + 40, "the index was not read again")
        try world.check()
        #expect(try remove(&world).files == 0, "nothing is old enough")
    }

    @Test func `who needs removed changes is told, also once the removal has expired`() throws {
        var world = try World(properties: ["snapshot.keep.max-count": "2"])
        for round in 0..<4 { try world.write([Int64(round)]) }
        try world.materialize()
        world.time.advance(minutes: Self.week + 60)
        #expect(try remove(&world).files == 4)
        for round in 0..<4 {
            #expect(try world.inserts(after: 4) == Array(4..<(4 + Int64(round))))
            let error = #expect(throws: WeirError.self) { try world.inserts(after: 3) }
            #expect(error?.code == .notFound && error?.message.contains("deleted") == true, "\(error as Any)")
            try world.write([4 + Int64(round)])
        }
        try world.check()
    }

    @Test func `what base lacks stays, whatever its age`() throws {
        var world = try World(partitions: 4)
        try world.write(0..<20)
        try world.materialize()
        try world.write(10..<30, name: "b")
        world.time.advance(minutes: 10 * Self.week)
        let old = try world.change.plan().filter { $0.dataSequenceNumber == 1 }.count
        #expect(try remove(&world).files == old)
        #expect(try world.change.plan().allSatisfy { $0.dataSequenceNumber == 2 })
        try world.check()
        try world.materialize()
        try world.check()
    }

    @Test func `base can be taken back to a state that is kept`() throws {
        var world = try World()
        try world.write(0..<5)
        try world.materialize()
        let kept = try #require(world.table.base.currentSnapshot)
        world.time.advance(minutes: 10)
        try world.write(3..<8, name: "b")
        try world.materialize()
        try world.write([9])
        // All snapshots of base stay for as long.
        let keep = try world.table.altered(setting: ["snapshot.keep.duration": "100d"], removing: [])
        world.table = try keep.refreshed()
        world.time.advance(minutes: Self.week + 60)
        #expect(try remove(&world).files > 0)
        #expect(try world.change.plan().contains { $0.dataSequenceNumber == 2 })
        let back = TableUpdate.setReference(name: "main", SnapshotReference(branch: kept.id))
        let base = world.table.base.identifier
        _ = try world.catalog.commit(
            [TableCommit(base, requirements: [], updates: [back])],
            clock: world.time.clock
        )
        try world.refresh()
        try world.check("base as it was")
        world.time.advance(minutes: 10)
    }

    @Test func `a consumer keeps what it has not read, until it is silent for too long`() throws {
        var world = try World()
        for round in 0..<4 { try world.write([Int64(round)]) }
        try world.materialize()
        world.time.advance(minutes: Self.week + 60)
        var consumer = Consumer(place: ConsumerPlace(ChangePosition(sequence: 2)), nowMilliseconds: world.time.now)
        consumer.seenMs = world.time.now
        var transaction = Transaction(try world.change)
        transaction.setProperties([Consumer.propertyName("audit"): consumer.json])
        _ = try transaction.commit()
        try world.refresh()
        let outcome = try remove(&world)
        #expect(outcome.files == 2 && outcome.needed == 2)
        #expect(try world.inserts(after: 2) == [2, 3])
        world.time.advance(minutes: Self.week + 60)
        #expect(try remove(&world).files == 2)
    }

    @Test func `nothing goes where files may belong to others, or are not to expire`() throws {
        for property in ["gc.enabled", "table-expire.enabled"] {
            var world = try World(properties: [property: "false"])
            try world.write([1])
            try world.materialize()
            world.time.advance(minutes: 10 * Self.week)
            #expect(try remove(&world).files == 0, "\(property)")
        }
        var unkeyed = try World(key: [])
        try unkeyed.write([1])
        unkeyed.time.advance(minutes: 10 * Self.week)
        #expect(try remove(&unkeyed).files == 0)
    }
}
