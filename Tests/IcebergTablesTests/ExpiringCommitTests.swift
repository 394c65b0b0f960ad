import Bytes
import IcebergFormat
import ObjectStorage
import Synchronization
import Testing
import WeirTesting

@testable import IcebergTables

/// Commits that expire snapshots as they add others.
@Suite struct ExpiringCommitTests {
    /// A table in memory whose commits are a second apart.
    struct World {
        let storage = MemoryStorage()
        let catalog: MemoryCatalog
        private let now = Now(2_000_000_000_000)
        let clock: TransactionClock
        var table: Table

        final class Now: Sendable {
            private let value: Mutex<Int64>
            init(_ value: Int64) { self.value = Mutex(value) }
            func advance(_ by: Int64) -> Int64 {
                value.withLock {
                    $0 += by
                    return $0
                }
            }
        }

        init(_ properties: [String: String] = [:]) throws {
            catalog = MemoryCatalog(storage: storage)
            let all = ["table-format": "MIXED_ICEBERG", "mixed-format.table-store": "change"].merging(properties) { $1 }
            let (now, numbers) = (self.now, distinctNumbers())
            clock = TransactionClock(nowMs: { now.advance(0) }, sleep: { _ in }, random: numbers)
            table = try catalog.create(try TableIdentifier("db.t"), schema: testSchema, properties: all)
        }

        func wait(_ milliseconds: Int64) { _ = now.advance(milliseconds) }

        mutating func commit(_ change: (inout Transaction) -> Void) throws {
            wait(1000)
            var transaction = Transaction(table, clock: clock)
            change(&transaction)
            table = try transaction.commit()
        }

        mutating func append(_ number: Int) throws {
            try commit { $0.append([dataFile("f\(number)")]) }
        }

        /// Appends a commit that is rolled back, and whose snapshot is removed.
        mutating func appendInVain(_ number: Int) throws -> Snapshot {
            let before = try #require(table.currentSnapshot)
            try append(number)
            let lost = try #require(table.currentSnapshot)
            try commit { $0.update { (_) in [.setReference(name: "main", SnapshotReference(branch: before.id))] } }
            try commit { $0.removeSnapshots([lost.id]) }
            return lost
        }
    }

    @Test func `that another optimizer was at work outlives its snapshots`() throws {
        for (summary, isMarked) in [
            (["snapshot.producer": "OPTIMIZE"], true),
            (["snapshot.producer": "OPTIMIZE", "weir.optimized-sequence.exist": "true"], false),
        ] {
            var world = try World([
                "snapshot.keep.max-count": "5", "mixed-format.table-store": "base",
                "mixed-format.primary-key-fields": "id",
            ])
            try world.commit { $0.append([dataFile("first")], summary: summary) }
            for number in 1...4 { try world.append(number) }
            #expect(!ExpiredBaseCommits.haveForeignOptimizer(world.table.metadata))
            for number in 5...12 { try world.append(number) }
            #expect(!world.table.snapshots.contains { $0.summary["snapshot.producer"] != nil })
            #expect(ExpiredBaseCommits.haveForeignOptimizer(world.table.metadata) == isMarked)
            // The appends have changed rows: who knows an earlier state has to look.
            let record = try #require(ExpiredBaseCommits(world.table.metadata))
            #expect(record.sequence == 8 && record.changedAt == 8)
            #expect(record.keepRows(since: 8) && !record.keepRows(since: 7))
        }
    }

    @Test func `a commit of base that was rolled back is a change, also when it has expired`() throws {
        var world = try World([
            "snapshot.keep.max-count": "4", "mixed-format.table-store": "base", "mixed-format.primary-key-fields": "id",
        ])
        let moves = ["snapshot.producer": "OPTIMIZE", "weir.optimized-sequence.exist": "true"]
        for number in 1...3 { try world.commit { $0.append([dataFile("f\(number)")], summary: moves) } }
        _ = try world.appendInVain(4)
        for number in 5...20 {
            try world.commit { $0.append([dataFile("f\(number)")], summary: moves) }
            guard let record = ExpiredBaseCommits(world.table.metadata), record.sequence >= 3 else { continue }
            #expect(record.changedAt == 5 && record.keepRows(since: 5) && !record.keepRows(since: 4), "\(number)")
        }
    }

    @Test func `tags at the beginning of the history do not hold up its end`() throws {
        var world = try World(["snapshot.keep.max-count": "5"])
        for number in 0..<40 {
            try world.append(2 * number)
            try world.commit {
                $0.overwrite(adding: [dataFile("f\(2 * number + 1)")], removing: [dataFile("f\(2 * number)")])
            }
            if number < 25, let id = world.table.currentSnapshot?.id, let parent = world.table.currentSnapshot?.parentId
            {
                try world.commit {
                    $0.update { (_) in
                        [
                            .setReference(name: "t\(number)", SnapshotReference(tag: id)),
                            .setReference(name: "p\(number)", SnapshotReference(tag: parent)),
                        ]
                    }
                }
            }
        }
        #expect(world.table.snapshots.count <= 56, "\(world.table.snapshots.count) snapshots")
    }

    /// One recording examines so many rewriting commits; one that a tag keeps may be the next.
    @Test(arguments: 13...18, [true, false])
    func `a record that stops at a kept snapshot is that of the last one gone`(rewrites: Int, isAppend: Bool) throws {
        var world = try World(["snapshot.keep.max-count": "100"])
        func overwrite(_ number: Int) throws {
            try world.commit {
                $0.overwrite(adding: [dataFile("f\(number)")], removing: [dataFile("f\(number - 1)")])
            }
        }
        try world.append(0)
        for number in 1...rewrites { try overwrite(number) }
        if isAppend { try world.append(1000) } else { try overwrite(rewrites + 1) }
        let tagged = try #require(world.table.currentSnapshot)
        let last = isAppend ? rewrites : rewrites + 1
        try world.commit { $0.update { (_) in [.setReference(name: "t", SnapshotReference(tag: tagged.id))] } }
        for number in last + 1...last + 3 { try overwrite(number) }
        for number in 2000..<2003 { try world.append(number) }
        try world.commit { $0.setProperties(["snapshot.keep.max-count": "2"]) }
        var gone = 0
        for number in 3000..<3010 {
            try world.append(number)
            let oldest = try #require(world.table.metadata.mainAncestors.last)
            if !oldest.hasLostParent { continue }
            gone += 1
            let record = try #require(ExpiredCommits(world.table.metadata), "\(number)")
            #expect(record.snapshotId == oldest.parentId && record.sequence == oldest.sequenceNumber - 1)
            #expect(record.rewrittenAt <= record.sequence)
        }
        #expect(gone > 5)
        let record = try #require(ExpiredCommits(world.table.metadata))
        #expect(record.kept == [tagged.id] && record.rewrittenAt == tagged.sequenceNumber + 3)
    }

    @Test func `a commit that was rolled back is remembered when it has expired`() throws {
        var world = try World(["snapshot.keep.max-count": "4"])
        for number in 1...3 { try world.append(number) }
        _ = try world.appendInVain(4)
        for number in 5...20 {
            try world.append(number)
            guard let record = ExpiredCommits(world.table.metadata), record.sequence >= 3 else { continue }
            // Nothing was removed, but who holds the state of the lost commit has rows that are gone.
            #expect(record.rewrittenAt == 5 && record.removedUpTo == 0, "\(number)")
        }
    }

    @Test func `the number of snapshots stays what it may be, and the rows are all there`() throws {
        var world = try World(["snapshot.keep.max-count": "20"])
        var sizes: [Int] = []
        for number in 1...300 {
            try world.append(number)
            #expect(world.table.snapshots.count == min(number, 20))
            sizes.append(world.table.metadata.serialized().count)
        }
        let metadata = try TableMetadata.parse(world.table.metadata.serialized(), at: "t")
        #expect(metadata.mainAncestors.count == 20 && metadata.snapshotLog.count == 20)
        #expect(try world.table.plan().count == 300)
        // Digits of numbers grow, nothing else.
        let (middle, end) = (sizes[150], sizes[299])
        #expect(end < middle + 300, "\(middle), \(end)")
        let record = try #require(ExpiredCommits(metadata))
        #expect(record.sequence == 280 && record.removedUpTo == 0 && record.rewrittenAt == 0)
        #expect(record.snapshotId == metadata.mainAncestors.last?.parentId)
    }

    @Test func `properties alone expire nothing, and tables of others are left alone`() throws {
        var world = try World(["snapshot.keep.max-count": "2"])
        for number in 1...3 { try world.append(number) }
        world.wait(1 << 40)
        try world.commit { $0.setProperties(["a": "b"]) }
        #expect(world.table.snapshots.count == 2)
        var other = try World(["table-format": "ICEBERG"])
        for number in 1...250 { try other.append(number) }
        #expect(other.table.snapshots.count == 250)
        #expect(other.table.properties[ExpiredCommits.property] == nil)
    }

    @Test func `statistics of expired snapshots are forgotten with them`() throws {
        var world = try World(["snapshot.keep.max-count": "3"])
        for number in 1...10 {
            try world.commit { transaction in
                transaction.append([dataFile("f\(number)")])
                transaction.setStatistics { (snapshot) throws(WeirError) in
                    StatisticsFile(
                        snapshotId: snapshot.id,
                        path: "/s\(number)",
                        fileSize: 1,
                        footerSize: 1,
                        blobs: []
                    )
                }
            }
        }
        #expect(world.table.metadata.statistics.map(\.path) == ["/s8", "/s9", "/s10"])
    }

    @Test func `tags and branches hold what they name`() throws {
        var world = try World(["snapshot.keep.max-count": "3"])
        for number in 1...5 {
            try world.append(number)
            guard number == 2, let id = world.table.currentSnapshot?.id else { continue }
            try world.commit { $0.update { (_) in [.setReference(name: "keep", SnapshotReference(tag: id))] } }
        }
        for number in 6...9 { try world.append(number) }
        let metadata = world.table.metadata
        let tagged = try #require(metadata.references["keep"])
        #expect(metadata.snapshots.count == 4)
        #expect(try world.table.plan(snapshotId: tagged.snapshotId).count == 2)
        // What was expired behind the tag is part of the record.
        #expect(ExpiredCommits(metadata)?.sequence == 6)
    }

    @Test func `removed files are remembered when the commit that removed them expires`() throws {
        var world = try World(["snapshot.keep.max-count": "2"])
        for number in 1...4 { try world.append(number) }
        try world.commit { $0.overwrite(adding: [], removing: [dataFile("f2")], operation: .delete) }
        #expect(ExpiredCommits(world.table.metadata)?.removedUpTo == 0)
        for number in 5...7 { try world.append(number) }
        let record = try #require(ExpiredCommits(world.table.metadata))
        #expect(record.removedUpTo == 2 && record.rewrittenAt == 5)
    }

    @Test func `what others expire is not known`() throws {
        var world = try World(["snapshot.keep.max-count": "4"])
        for number in 1...8 { try world.append(number) }
        #expect(ExpiredCommits(world.table.metadata) != nil)
        let oldest = try #require(world.table.metadata.mainAncestors.last)
        try world.commit { $0.removeSnapshots([oldest.id]) }
        #expect(ExpiredCommits(world.table.metadata) == nil)
        for number in 9...11 { try world.append(number) }
        // From then on it is known again.
        let record = try #require(ExpiredCommits(world.table.metadata))
        #expect(record.removedUpTo == 5 && record.sequence == 7)
    }

    @Test func `times are kept one a minute, fewer of older ones, and never later than the truth`() throws {
        var world = try World(["snapshot.keep.max-count": "2"])
        var truth: [(sequence: Int64, time: Int64)] = []
        for number in 1...1000 {
            world.wait(Int64(number % 7) * 90_000)
            try world.commit { $0.append([]) }
            let current = try #require(world.table.currentSnapshot)
            truth.append((current.sequenceNumber, current.timestampMs))
        }
        let record = try #require(ExpiredCommits(world.table.metadata))
        #expect(record.times.count < 500 && record.json.utf8.count < 16_000, "\(record.times.count)")
        #expect(record.times.first == .init(timestampMs: truth[0].time, sequence: 1))
        let newest = truth[997].time
        for (index, entry) in truth.enumerated().prefix(998).dropFirst() {
            let found = try #require(record.last(before: entry.time))
            // Everything from that time on comes after it, and little else does.
            #expect(found.sequence < entry.sequence)
            let age = newest - found.timestampMs
            #expect(entry.time - found.timestampMs <= max(60_000, age / 64) + 630_000, "\(index)")
        }
        #expect(record.last(before: truth[0].time) == nil)
        #expect(try ExpiredCommits(json: record.json) == record)
    }

    @Test func `the last checkpoint of a Flink job moves to a newer snapshot before its own expires`() throws {
        var world = try World(["snapshot.keep.max-count": "3"])
        func flink(_ job: String, _ checkpoint: Int64) throws {
            try world.commit { transaction in
                transaction.append(
                    [],
                    summary: [
                        "flink.job-id": job, "flink.operator-id": "o",
                        "flink.max-committed-checkpoint-id": "\(checkpoint)",
                    ]
                )
            }
        }
        /// What Flink's committer does when a job restarts.
        func committed(_ job: String) -> String? {
            world.table.metadata.mainAncestors.first {
                $0.summary["flink.job-id"] == job && $0.summary["flink.operator-id"] == "o"
            }?.summary["flink.max-committed-checkpoint-id"]
        }
        try flink("a", 1)
        try flink("a", 2)
        try flink("b", 7)
        try flink("done", .max)
        for number in 1...40 {
            try world.append(number)
            #expect(committed("a") == "2" && committed("b") == "7", "\(number)")
            #expect(world.table.snapshots.count <= 5)
        }
        #expect(committed("done") == nil)
        world.wait(8 * 86_400_000)
        for number in 41...50 { try world.append(number) }
        #expect(committed("a") == nil && committed("b") == nil)
        #expect(world.table.snapshots.count == 3)
    }

    @Test func `a slow change is checked against the files, once the commits it would be checked against are gone`()
        throws
    {
        for hasDelete in [false, true] {
            var world = try World(["snapshot.keep.max-count": "3"])
            for number in 1...3 { try world.append(number) }
            let start = world.table
            for number in 4...8 { try world.append(number) }
            if hasDelete {
                try world.commit {
                    $0.overwrite(adding: [], addingDeletes: [dataFile("d", content: .positionDeletes)], removing: [])
                }
                for number in 9...14 { try world.append(number) }
            }
            var slow = Transaction(start, clock: world.clock)
            slow.overwrite(
                adding: [dataFile("joined", records: 20)],
                removing: [dataFile("f1"), dataFile("f2")],
                operation: .replace,
                validateFrom: start.currentSnapshot?.id
            )
            if hasDelete {
                let error = #expect(throws: WeirError.self) { try slow.commit() }
                #expect(error?.code == .conflict && error?.message.contains("deleted rows of a file") == true)
            } else {
                let names = try slow.commit().liveNames()
                #expect(names == Set((3...8).map { "f\($0)" } + ["joined"]))
            }
        }
    }

    @Test func `a position behind a rolled-back commit is not taken for an expired one`() throws {
        var world = try World(["snapshot.keep.max-count": "3"])
        for number in 1...4 { try world.append(number) }
        let lost = try world.appendInVain(5)
        let history = world.table.metadata.history(since: lost.id, sequence: lost.sequenceNumber)
        #expect(history.beginning == .elsewhere)
    }
}
