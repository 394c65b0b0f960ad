import Bytes
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import Testing
import WeirTesting

@testable import Optimizing

/// Tables that look after themselves.
@Suite struct UpkeepTests {
    private static let utc = TimeZone(secondsFromGMT: 0) ?? .current

    @Test func `a table that is written for weeks does not grow`() throws {
        var world = try World(
            partitions: 2,
            properties: [
                "snapshot.keep.max-count": "5", "change.data.ttl.minutes": "1440", "clean-orphan-file.enabled": "true",
            ]
        )
        var upkeep = Upkeep(zone: Self.utc)
        var elapsed = Duration.zero
        var sizes: [Int] = []
        var deleted = 0
        for day in 0..<24 {
            // Six hours apart.
            for _ in 0..<4 {
                try world.write(0..<10, name: "day \(day)")
                try world.materialize()
                world.time.advance(minutes: 358)
                elapsed += .seconds(360 * 60)
                let events = upkeep.runDue([world.table], nowMilliseconds: world.time.now, elapsed: elapsed)
                try world.refresh()
                for event in events {
                    guard case .done(let words) = event.kind else {
                        Issue.record("\(event)")
                        continue
                    }
                    if words.contains("deleted") { deleted += 1 }
                }
            }
            sizes.append(world.storage.objects.paths.count)
            try world.check("day \(day)")
        }
        let later = sizes.suffix(12)
        #expect(deleted > 10 && later.max() ?? 0 <= (sizes.prefix(12).max() ?? 0) + 20, "\(sizes)")
    }

    @Test func `each task has its own time, and the first waits until a table is known for a while`() throws {
        var world = try World(properties: ["snapshot.keep.max-count": "1"])
        for round in 0..<3 { try world.write([Int64(round)]) }
        var upkeep = Upkeep(zone: Self.utc)
        func runs(at seconds: Int) -> [Upkeep.Event] {
            upkeep.runDue([world.table], nowMilliseconds: world.time.now, elapsed: .seconds(seconds))
        }
        func lists() -> Int { world.storage.objects.paths.filter { $0.contains("weir-quarantine") }.count }
        _ = runs(at: 1000)
        _ = runs(at: 1299)
        #expect(lists() == 0)
        _ = runs(at: 1300)
        #expect(lists() == 1)
        world.time.advance(minutes: 61)
        _ = runs(at: 1300 + 3599)
        #expect(lists() == 1)
        let events = runs(at: 1300 + 3600)
        #expect(events.count == 1 && events[0].task == .expiry && lists() == 0, "\(events)")
    }

    @Test func `an error is told once, and keeps nothing else from being done`() throws {
        var world = try World(
            properties: ["data-expire.enabled": "true", "snapshot.keep.max-count": "1", "table-expire.enabled": "true"]
        )
        for round in 0..<3 { try world.write([Int64(round)]) }
        var upkeep = Upkeep(zone: Self.utc)
        upkeep.firstAfter = .zero
        var failures: [Upkeep.Event] = []
        var done: [Upkeep.Event] = []
        for day in 0..<5 {
            if day == 3 {
                world.table = try world.table.altered(setting: ["data-expire.field": "nope"], removing: [])
            }
            let events = upkeep.runDue(
                [world.table],
                nowMilliseconds: world.time.now,
                elapsed: .seconds(86_400 * day)
            )
            for event in events { if case .failed = event.kind { failures.append(event) } else { done.append(event) } }
            world.time.advance(minutes: 24 * 60)
        }
        #expect(failures.map(\.task) == [.dataExpiry, .dataExpiry], "\(failures)")
        #expect(done.contains { $0.task == .expiry }, "\(done)")
        // A table that is gone is no reason to stop.
        let lost = world.table
        for store in [lost.base, try world.change] { try world.catalog.unregister(store.identifier, at: nil) }
        let events = upkeep.runDue([lost], nowMilliseconds: world.time.now, elapsed: .seconds(86_400 * 9))
        #expect(!events.isEmpty && events.allSatisfy { if case .failed = $0.kind { true } else { false } })
        #expect(upkeep.runDue([], nowMilliseconds: 0, elapsed: .seconds(86_400 * 99)).isEmpty)
    }
}
