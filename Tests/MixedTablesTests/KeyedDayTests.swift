import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import Synchronization
import Testing
import WeirTesting

@testable import IcebergTables
@testable import MixedTables

/// A keyed table that gets changes every second, each moved into base at once, with snapshots that expire. `make soak`
/// takes a day of simulated time and the default retention.
@Suite struct KeyedDayTests {
    private static let isWhole = Soak.factor > 1
    private static let seconds = isWhole ? 86_400 : 330
    private static let part = isWhole ? seconds / 100 : 60
    /// Snapshots that are kept. Their number, and that of remembered metadata files, is reached before the first part.
    private static let kept = isWhole ? SnapshotRetention.defaultCountMax : 40
    private static let liveRows = 120

    /// What one second came to.
    private struct Sample {
        var calls = 0
        var writtenBytes = 0
        var changeMetadata = 0
        var baseMetadata = 0
        var changeManifests = 0
        var baseManifests = 0
        var dataFiles = 0
        var deleteFiles = 0
    }

    private struct World {
        let storage = MemoryStorage()
        let now = SharedTime()
        var table: MixedTable
        let writer: KeyedTableWriter
        let materializer: Materializer
        var ledger = PositionLedger()

        init(version: Int) throws {
            let properties = [
                "format-version": "\(version)", "change.file-index.hash-bucket": "1",
                "base.file-index.hash-bucket": "1",
            ]
            let short = ["snapshot.keep.max-count": "\(kept)", "write.metadata.previous-versions-max": "20"]
            table = try MixedTable.create(
                MixedTableDefinition(
                    identifier: TableIdentifier(namespace: ["db"], name: "t"),
                    schema: Schema(["id", "value"].enumerated().map { Field(id: $0 + 1, name: $1, type: .long) }),
                    primaryKey: ["id"],
                    properties: isWhole ? properties : properties.merging(short) { $1 }
                ),
                in: MemoryCatalog(storage: storage),
                nowMilliseconds: now.milliseconds
            )
            writer = try KeyedTableWriter(table)
            materializer = Materializer(table, clock: now.clock)
        }

        mutating func commit(_ changes: [(ChangeKind, ModelRow)], second: Int) throws {
            _ = try writer.write(.changes(changes, table.schema))
            let next = PositionLedger(["t": [0: Int64(second)]])
            var epoch = TableEpoch(try writer.cut(), of: table, topology: "t", from: ledger, to: next)
            epoch.clock = now.clock
            table = try MixedTable.commit([epoch])[0]
            ledger = next
            while try materializer.step(nowMilliseconds: now.milliseconds) != .caughtUp {}
            table = materializer.table
        }

        /// Deletes what nothing refers to. The changes that base has count as such: no reader needs them any more.
        func clean() throws {
            let change = try ReachableFiles(try #require(table.change))
            let base = try ReachableFiles(table.base)
            let kept = change.metadata.union(base.metadata).union(base.data).union([change.current, base.current])
            storage.keepOnly { kept.contains($0) }
        }

        func sample(since before: (calls: Int, bytes: Int)) throws -> Sample {
            var sample = Sample(calls: storage.calls - before.calls, writtenBytes: storage.writtenBytes - before.bytes)
            let change = try #require(table.change)
            sample.changeMetadata = try storage.read(change.metadataLocation).count
            sample.baseMetadata = try storage.read(table.base.metadataLocation).count
            sample.changeManifests = try change.manifests(of: try #require(change.currentSnapshot)).count
            sample.baseManifests = try table.base.manifests(of: try #require(table.base.currentSnapshot)).count
            let files = try table.base.plan()
            sample.dataFiles = files.count
            sample.deleteFiles = Set(files.flatMap(\.deletes).map(\.file.path)).count
            return sample
        }
    }

    @Test(arguments: isWhole ? [2] : [2, 3])
    func `neither metadata nor files nor storage calls grow`(version: Int) throws {
        var world = try World(version: version)
        var random = SeededGenerator(seed: 11)
        var live: [Int: Int] = [:]
        var samples: [Sample] = []
        for second in 1...Self.seconds {
            world.now.advance(milliseconds: 1000)
            var changes: [(ChangeKind, ModelRow)] = []
            func add(_ kind: ChangeKind, _ key: Int, _ value: Int) {
                changes.append((kind, [.long(Int64(key)), .long(Int64(value))]))
                live[key] = kind == .delete ? nil : value
            }
            for key in [second * 2, second * 2 + 1] { add(.insert, key, second) }
            if let newest = live.keys.max(), live.count > Self.liveRows {
                let oldest = newest - Self.liveRows - 1
                for key in [oldest, oldest + 1] { add(.delete, key, 0) }
                add(.updateAfter, Int.random(in: oldest + 2..<newest, using: &random), -second)
            }
            let before = (calls: world.storage.calls, bytes: world.storage.writtenBytes)
            try world.commit(changes, second: second)
            samples.append(try world.sample(since: before))
            if second % 500 == 0 { try world.clean() }
        }
        var rows: [ModelRow] = []
        try MergeOnReadScan(world.table).forEachInOrder { batch in
            rows += (0..<batch.count).map { batch.modelRow($0) }
            return true
        }
        #expect(rows.count == live.count)
        #expect(Set(rows) == Set(live.map { [.long(Int64($0)), .long(Int64($1))] }))
        check(samples, "version \(version)")
        let stores = [try #require(world.table.change), world.table.base]
        #expect(stores.allSatisfy { $0.snapshots.count == Self.kept })
    }

    private func check(_ samples: [Sample], _ name: String) {
        let part = Self.part
        let warm = Self.kept + 60
        let parts = [
            samples[warm..<warm + part], samples[(samples.count - part) / 2..<(samples.count + part) / 2],
            samples[(samples.count - part)...],
        ]
        func means(_ value: (Sample) -> Int) -> [Double] {
            parts.map { part in Double(part.reduce(0) { $0 + value($1) }) / Double(part.count) }
        }
        /// Means of the first part and the last; a value may vary by `slack` and by a tenth, and not grow beyond that.
        func isFlat(_ what: String, slack: Double, most: Double, _ value: (Sample) -> Int) {
            let means = means(value)
            let greatest = samples.map(value).max() ?? 0
            print(
                "\(name), \(what): first, middle, last \(part): \(means.map { ($0 * 10).rounded() / 10 }), at most \(greatest)"
            )
            #expect(means[2] <= means[0] * 1.1 + slack && Double(greatest) <= most, "\(what): \(means), \(greatest)")
        }
        // Digits grow, and times of expired commits are kept in ever greater distances.
        isFlat("bytes of the change store's metadata", slack: 20_000, most: 500_000, \.changeMetadata)
        isFlat("bytes of base's metadata", slack: 5_000, most: 500_000, \.baseMetadata)
        isFlat("manifests of the change store", slack: 15, most: 60, \.changeManifests)
        isFlat("manifests of base", slack: 5, most: 60, \.baseManifests)
        isFlat("data files of base", slack: 3, most: 40, \.dataFiles)
        isFlat("delete files of base", slack: 3, most: 40, \.deleteFiles)
        isFlat("storage calls a second", slack: 2, most: 400, \.calls)
        let written = means(\.writtenBytes)
        print("\(name), bytes written a second: \(written.map { Int($0) })")
    }
}

/// A time that tests move on.
private final class SharedTime: Sendable {
    private let now = Atomic<Int64>(1_750_000_000_000)

    var milliseconds: Int64 { now.load(ordering: .relaxed) }
    func advance(milliseconds: Int64) { now.add(milliseconds, ordering: .relaxed) }

    var clock: TransactionClock {
        TransactionClock(
            nowMs: { self.milliseconds },
            sleep: { self.advance(milliseconds: $0) },
            random: TransactionClock.system.random
        )
    }
}
