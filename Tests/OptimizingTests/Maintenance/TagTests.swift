import Bytes
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import Testing
import WeirTesting

@testable import Optimizing

/// Branches and tags, by hand and by themselves.
@Suite struct TagTests {
    private static let utc = TimeZone(secondsFromGMT: 0) ?? .current
    private static let hour: Int64 = 3_600_000

    private func settings(_ properties: [String: String]) throws -> AutoTags {
        let all = properties.merging(["tag.auto-create.enabled": "true"]) { own, _ in own }
        return try #require(try AutoTags(all, of: TableIdentifier(namespace: ["db"], name: "t")))
    }

    /// - Parameter commits: hours since 1970.
    private func due(
        _ properties: [String: String] = [:],
        commits: [Double],
        nowHours: Double,
        tags: Set<String> = []
    ) throws -> String? {
        let snapshots = commits.enumerated().map { index, hours in
            Snapshot(
                id: Int64(index + 1),
                parentId: nil,
                sequenceNumber: Int64(index + 1),
                timestampMs: Int64(hours * Double(Self.hour)),
                manifestList: "/l",
                operation: "append",
                summary: [:],
                schemaId: nil
            )
        }
        let tag = try settings(properties).due(
            snapshots,
            tags: tags,
            zone: Self.utc,
            nowMs: Int64(nowHours * Double(Self.hour))
        )
        return tag.map { "\($0.name) at \($0.snapshot.id)" }
    }

    @Test func `a day's tag is at the first snapshot after it`() throws {
        let commits = [20, 23.9, 24.1, 24.2, 30]
        #expect(try due(commits: commits, nowHours: 24.15) == "tag-19700101 at 3")
        #expect(try due(commits: commits, nowHours: 47) == "tag-19700101 at 3")
        #expect(try due(commits: commits, nowHours: 24.15, tags: ["tag-19700101"]) == nil)
        // None came in time.
        #expect(try due(commits: [20, 26], nowHours: 27) == nil)
        #expect(try due(["tag.auto-create.trigger.max-delay.minutes": "180"], commits: [20, 26], nowHours: 27) != nil)
        #expect(
            try due(["tag.auto-create.trigger.offset.minutes": "360"], commits: commits, nowHours: 31)
                == "tag-19700101 at 5"
        )
        // The day before is over only with the offset.
        #expect(try due(["tag.auto-create.trigger.offset.minutes": "360"], commits: [24.1], nowHours: 29) == nil)
        let hourly = ["tag.auto-create.trigger.period": "hourly"]
        #expect(try due(hourly, commits: commits, nowHours: 24.15) == "tag-1970010123 at 3")
        let monthly = ["tag.auto-create.trigger.period": "monthly"]
        #expect(try due(monthly, commits: [31 * 24 + 0.5], nowHours: 31 * 24 + 1) == "tag-197001 at 1")
        #expect(
            try due(["tag.auto-create.tag-format": "'d'yyyy_MM_dd"], commits: commits, nowHours: 25)
                == "d1970_01_01 at 3"
        )
        let error = #expect(throws: WeirError.self) { try settings(["tag.auto-create.tag-format": "EEE"]) }
        #expect(error?.message.contains("tag.auto-create.tag-format") == true)
    }

    @Test func `a keyed table is tagged as it was, and read so later`() throws {
        var world = try World(properties: ["tag.auto-create.enabled": "true", "snapshot.keep.max-count": "2"])
        try world.write(0..<4)
        try world.materialize()
        // To a little after midnight.
        let minutes = 24 * 60 - (world.time.now / 60_000) % (24 * 60)
        world.time.advance(minutes: minutes)
        try world.write(2..<6, name: "b")
        let then = world.rows
        let name = try #require(try AutoTags.run(world.table, zone: Self.utc, nowMs: world.time.now))
        #expect(name.hasPrefix("tag-2023") && name.count == 12)
        #expect(try AutoTags.run(world.table, zone: Self.utc, nowMs: world.time.now) == nil)
        try world.refresh()
        for round in 0..<4 {
            try world.write(0..<4, name: "\(round)")
            try world.materialize()
        }
        world.time.advance(minutes: 10 * 24 * 60)
        for _ in 0..<2 {
            let neighbours = try NeighbourFolders(of: world.catalog)
            (world.table, _) = try TableExpiry(world.table, neighbours: neighbours, nowMs: world.time.now).run()
            world.time.advance(minutes: 61)
        }
        let point = try ReadPoint(named: name, of: world.table)
        #expect(try World.contents(MergeOnReadScan(world.table, at: point)) == then)
        try world.check()
    }

    @Test func `tags and branches are created, listed and dropped on the stores that they belong to`() throws {
        var world = try World()
        let early = #expect(throws: WeirError.self) {
            try TableReferences.create(.tag, "t", of: world.table, at: nil, retainMs: nil)
        }
        #expect(early?.message.contains("no snapshot yet") == true)
        try world.write(0..<4)
        try world.materialize()
        let base = try #require(world.table.base.currentSnapshot)
        try world.write(4..<6)
        let then = world.rows
        #expect(try TableReferences.create(.tag, "t", of: world.table, at: nil, retainMs: 86_400_000).count == 2)
        #expect(try TableReferences.create(.branch, "b", of: world.table, at: "\(base.id)", retainMs: nil).count == 1)
        try world.refresh()
        let listed = TableReferences.all(of: world.table).map { "\($0.name) \($0.kind) \($0.store.identifier.name)" }
        #expect(
            listed == [
                "b branch things", "main branch things", "main branch things_change_", "t tag things",
                "t tag things_change_",
            ]
        )
        #expect(world.table.change?.metadata.references["t"]?.maxReferenceAgeMs == 86_400_000)
        try world.write(0..<2, name: "later")
        let point = try ReadPoint(named: "t", of: world.table)
        #expect(try World.contents(MergeOnReadScan(world.table, at: point)) == then)
        func refused(_ body: () throws -> Void) -> String {
            let error = #expect(throws: WeirError.self) { try body() }
            return "\(error?.message ?? ""); \(error?.advice ?? "")"
        }
        let table = world.table
        #expect(
            refused { try TableReferences.create(.tag, "t", of: table, at: nil, retainMs: nil) }.contains("already")
        )
        #expect(
            refused { try TableReferences.create(.tag, "7", of: table, at: nil, retainMs: nil) }.contains("no name")
        )
        #expect(
            refused { try TableReferences.create(.tag, "u", of: table, at: "nope", retainMs: nil) }.contains("nope")
        )
        #expect(refused { try TableReferences.drop(.branch, "t", of: table) }.contains("is a tag"))
        #expect(refused { try TableReferences.drop(.tag, "tt", of: table) }.contains("did you mean 't'"))
        #expect(refused { try TableReferences.drop(.branch, "main", of: table) }.contains("cannot be dropped"))
        #expect(refused { try TableReferences.drop(.tag, "weir-consumer-a", of: table) }.contains("weir consumer drop"))
        #expect(try TableReferences.drop(.tag, "t", of: table).count == 2)
        #expect(try TableReferences.all(of: table.refreshed()).allSatisfy { $0.kind == .branch })
    }
}
