import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import ObjectStorage
import Testing
import WeirTesting

@testable import MixedTables
@testable import Optimizing

/// Random histories of tables that are written, rewritten, rolled back, tagged, expired and cleaned, on a machine that
/// fails at random steps of its storage.
///
/// Whatever happened, every snapshot that is left has the files it had, and in the end there is no other file.
@Suite(.hangGuard) struct CleaningModelTests {
    @Test(arguments: SeededGenerator.seeds(24)) func `what a table needs is never deleted, and all else is`(
        seed: UInt64
    ) throws {
        var run = try CleaningRun(seed)
        do {
            try run.play()
        } catch {
            Issue.record("\(error), seed \(seed), after \(run.story.map { "\($0)" }.joined(separator: ", "))")
        }
    }
}

private struct CleaningRun {
    enum Operation: CaseIterable {
        case write, materialize, optimize, append, stage, land, tag, dropTag, rollBack, expire, removeChanges, clean
        case cleanAll, undo, wait, dangling, expireAll, compact, consume

        static let drawn: [Operation] = allCases.flatMap { operation in
            let weight =
                [.write: 6, .clean: 4, .wait: 4, .materialize: 3, .cleanAll: 3, .stage: 3, .land: 3][operation] ?? 1
            return Array(repeating: operation, count: weight)
        }
    }

    private var world: World
    private var random: SeededGenerator
    private(set) var story: [Operation] = []
    /// The files of each snapshot when it was made.
    private var states: [Int64: Set<String>] = [:]
    /// The rows of an unkeyed table's snapshots.
    private var rows: [Int64: [Int64: String]] = [:]
    private var foreignId: Int64 = 1000
    /// A file that another engine has written and not committed yet.
    private var staged: (file: DataFile, id: Int64, atMs: Int64)?
    private let isKeyed: Bool

    init(_ seed: UInt64) throws {
        random = SeededGenerator(seed: seed)
        isKeyed = random.next() % 3 > 0
        var properties = [
            "snapshot.keep.max-count": ["2", "4", "200"][Int(random.next() % 3)],
            "snapshot.keep.duration": ["30min", "2h"][Int(random.next() % 2)],
            "change.data.ttl.minutes": ["1", "600"][Int(random.next() % 2)],
            "commit.manifest.min-count-to-merge": "3",
            "format-version": random.next() % 3 == 0 ? "3" : "2",
        ]
        if random.next() % 3 == 0 { properties["write.metadata.previous-versions-max"] = "3" }
        if random.next() % 3 == 0 { properties["write.metadata.delete-after-commit.enabled"] = "false" }
        if random.next() % 2 == 0 { properties["clean-orphan-file.enabled"] = "true" }
        world = try World(
            key: isKeyed ? ["id"] : [],
            partitions: random.next() % 2 == 0 ? 2 : nil,
            properties: properties
        )
    }

    private mutating func below(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

    mutating func play() throws {
        for _ in 0..<(20 + below(30)) {
            let operation = Operation.drawn[below(Operation.drawn.count)]
            story.append(operation)
            world.storage.restart(FaultyFileSystem())
            let files = FaultyFileSystem(failAt: random.next() % 3 == 0 ? below(40) : nil)
            do {
                try world.restart(files)
                try perform(operation)
            } catch let error as WeirError {
                guard files.hasFailed else {
                    if error.code == .conflict { continue }
                    throw error
                }
            }
            try world.restart()
            try follow()
            if random.next() % 3 == 0 { try check() }
        }
        try check()
        // Everything is over: what is left is what the table needs.
        try world.restart()
        staged = nil
        for _ in 0..<3 {
            world.time.advance(minutes: 5000)
            try clean([.expired, .metadata, .orphan])
        }
        try check()
        let reached = try Set(stores.flatMap { try reachable($0) })
        let left = Set(world.storage.objects.paths)
        #expect(left.subtracting(reached).isEmpty && reached.subtracting(left).isEmpty)
    }

    private var stores: [Table] { [world.table.base] + (world.table.change.map { [$0] } ?? []) }

    private func reachable(_ store: Table) throws -> Set<String> {
        let files = try ReachableFiles(store)
        #expect(files.missing.isEmpty)
        // Metadata files may be remembered for longer than they are kept. Readers of an unkeyed table's changes also need
        // what the last commits have removed.
        let perhaps = Set(store.metadata.metadataLog.map(\.path)).union(isKeyed ? [] : files.lastRemoved)
        let there = world.storage.objects.objects
        return files.data.union(files.metadata.subtracting(perhaps)).union([files.current])
            .union(perhaps.filter { there[$0] != nil })
    }

    private mutating func perform(_ operation: Operation) throws {
        switch operation {
        case .write:
            let ids = (0..<(1 + below(5))).map { _ in Int64(below(12)) + (isKeyed ? 0 : foreignId + 1) }
            foreignId += isKeyed ? 0 : 20
            let gone = isKeyed && random.next() % 3 == 0 ? Set(ids) : []
            try world.write(Array(Set(ids)).sorted(), name: "n\(random.next() % 100)", delete: gone)
        case .materialize: try world.materialize()
        case .optimize:
            world.table = try FullOptimize(world.table, nowMilliseconds: world.time.now).run().table
        case .append:
            let (file, id) = try writeFile()
            try commit(file, id)
        case .stage:
            let (file, id) = try writeFile()
            staged = (file, id, world.time.now)
        case .land:
            guard let staged, world.time.now - staged.atMs < 2800 * 60_000 else { return }
            self.staged = nil
            try commit(staged.file, staged.id)
        case .tag:
            let store = stores[below(stores.count)]
            guard let id = store.snapshots.randomElement(using: &random)?.id else { return }
            try update(store, .setReference(name: "tag-\(below(3))", SnapshotReference(tag: id)))
        case .dropTag: try update(stores[below(stores.count)], .removeReference(name: "tag-\(below(3))"))
        case .rollBack:
            guard !isKeyed, let id = world.table.base.metadata.mainAncestors.randomElement(using: &random)?.id,
                let old = rows[id]
            else { return }
            try update(world.table.base, .setReference(name: "main", SnapshotReference(branch: id)))
            world.set(old)
        case .expire:
            for store in stores { _ = try store.expiringSnapshots(nowMs: world.time.now) }
        case .removeChanges: _ = try ChangeFileRemoval(world.table, nowMs: world.time.now).run()
        case .clean: try clean(nil)
        case .cleanAll: try clean([.expired, .metadata, .orphan])
        case .undo: _ = try cleaning().undo()
        case .dangling: _ = try DanglingDeletes(world.table, nowMs: world.time.now).run()
        case .expireAll:
            let neighbours = try NeighbourFolders(of: world.catalog)
            _ = try TableExpiry(world.table, neighbours: neighbours, nowMs: world.time.now).run()
        case .compact: try compact()
        case .consume:
            // A reader of changes says how far it is.
            let store = world.table.ingestStore
            let sequence = store.metadata.lastSequenceNumber
            let place = ConsumerPlace(ChangePosition(sequence: Int64(below(Int(sequence) + 1))))
            var transaction = Transaction(store)
            let consumer = Consumer(place: place, nowMilliseconds: world.time.now)
            transaction.setProperties([Consumer.propertyName("reader"): consumer.json])
            consumed = max(place.position.sequence, missingUpTo)
            _ = try transaction.commit()
        case .wait: world.time.advance(minutes: [5, 61, 600, 3000, 12_000][below(5)])
        }
    }

    /// What the consumer has read.
    private var consumed: Int64?
    /// Changes up to there may be gone from the change store.
    private var missingUpTo: Int64 {
        guard let change = world.table.change else { return 0 }
        let removed = change.metadata.mainAncestors.compactMap(\.removedChangesUpTo).max() ?? 0
        return max(removed, ExpiredCommits(change.metadata)?.removedUpTo ?? 0)
    }

    /// Another engine writes each data file of base anew, and leaves the delete files.
    private mutating func compact() throws {
        let base = world.table.base
        guard base.metadata.formatVersion == 2 else { return }
        var added: [DataFile] = []
        let tasks = try base.plan()
        for (partition, group) in Dictionary(grouping: tasks, by: \.file.partition) {
            foreignId += 20
            let path = "\(base.dataLocation)/compacted-\(foreignId)-\(random.next()).parquet"
            let writer = try ParquetFileWriter(schema: base.schema, to: base.storage.create(path))
            for task in group {
                let role = FileRole.base(path: task.file.path)
                let file = NodeTask.File(task: task, role: role, isBase: true)
                let deleted = try PositionDeletes(storage: base.storage).positions(for: file)
                let reader = try ParquetFileReader(base.storage.open(task.file.path), schema: base.schema)
                while let (batch, first) = try reader.next() {
                    let rows = deleted.survivors(firstRow: first, count: batch.count)
                    try writer.write(batch.gathered(rows))
                }
            }
            added.append(DataFile(parquet: path, try writer.finish(), partition: partition, specId: base.spec.id))
        }
        var transaction = Transaction(base)
        transaction.overwrite(
            adding: added,
            removing: tasks.map(\.file),
            operation: .replace,
            validateFrom: base.metadata.currentSnapshotId
        )
        _ = try transaction.commit()
    }

    private func cleaning() throws -> TableCleaning {
        TableCleaning(
            try world.table.refreshed(),
            neighbours: try NeighbourFolders(of: world.catalog),
            nowMs: world.time.now
        )
    }

    private func clean(_ classes: Set<FoundFileClass>?) throws {
        let settings = MaintenanceSettings(world.table.properties)
        let mode = classes.map { TableCleaning.Mode(quarantines: $0, deletes: $0) } ?? .init(unattended: settings)
        let outcome = try cleaning().run(mode)
        // A file that was known by nobody for so long is not wanted again, unless it was staged.
        #expect(outcome.reclaimed.isEmpty)
    }

    private func update(_ store: Table, _ update: TableUpdate) throws {
        _ = try world.catalog.commit(
            [TableCommit(store.identifier, requirements: [], updates: [update])],
            clock: world.time.clock
        )
    }

    private mutating func writeFile() throws -> (DataFile, Int64) {
        foreignId += 20
        let base = world.table.base
        let path = "\(base.dataLocation)/foreign-\(foreignId)-\(random.next()).parquet"
        let writer = try ParquetFileWriter(schema: base.schema, to: base.storage.create(path))
        try writer.write(
            .rows([[.long(foreignId), .string("foreign"), .timestamp(world.time.now * 1000)]], base.schema)
        )
        let bucket: [Scalar] = base.spec.fields.isEmpty ? [] : [try Transform.bucket(2).apply(.long(foreignId))]
        return (
            DataFile(parquet: path, try writer.finish(), partition: bucket, specId: base.spec.id), foreignId
        )
    }

    private mutating func commit(_ file: DataFile, _ id: Int64) throws {
        var transaction = Transaction(world.table.base)
        transaction.append([file])
        unsure = (file.path, id)
        _ = try transaction.commit()
    }

    /// Another engine's commit that may have happened.
    private var unsure: (path: String, id: Int64)?

    /// Notes what the table has come to.
    private mutating func follow() throws {
        if let unsure, try world.table.base.plan().contains(where: { $0.file.path == unsure.path }) {
            var rows = world.rows
            rows[unsure.id] = "foreign"
            world.set(rows)
        }
        unsure = nil
        for store in stores {
            for snapshot in store.snapshots where states[snapshot.id] == nil {
                states[snapshot.id] = try files(of: snapshot, store)
            }
        }
        if let current = world.table.base.currentSnapshot, !isKeyed {
            if rows[current.id] == nil { rows[current.id] = try World.contents(MergeOnReadScan(world.table)) }
        }
    }

    private func files(of snapshot: Snapshot, _ store: Table) throws -> Set<String> {
        let tasks = try store.plan(snapshotId: snapshot.id)
        return Set(tasks.map(\.file.path) + tasks.flatMap { $0.deletes.map(\.file.path) })
    }

    private func check() throws {
        let there = Set(world.storage.objects.paths)
        for store in stores {
            for snapshot in store.snapshots {
                let files = try files(of: snapshot, store)
                try #require(files == states[snapshot.id], "snapshot \(snapshot.id)")
                let lost = files.subtracting(there)
                try #require(lost.isEmpty, "live files were deleted: \(lost)")
            }
            let lost = try reachable(store).subtracting(there)
            try #require(lost.isEmpty, "metadata files were deleted: \(lost)")
        }
        try world.check()
        // What a consumer has not read is there.
        guard let consumed, isKeyed, world.table.consumers.oldestNeeded(nowMilliseconds: world.time.now) != nil else {
            return
        }
        _ = try world.inserts(after: consumed)
    }
}
