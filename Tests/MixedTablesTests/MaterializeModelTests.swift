import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

/// Random histories in which changes are moved into base, against a dictionary.
@Suite struct MaterializeModelTests {
    /// The rows of base alone at its current snapshot: what an engine reads that knows nothing of change stores.
    static func base(_ table: MixedTable, _ history: ChangeHistory) throws -> (
        rows: [ModelRow: ModelRow], doubled: [ModelRow]
    ) {
        try contents(
            MergeOnReadScan(MixedTable(base: table.base, change: nil, primaryKey: [])),
            history
        )
    }

    @Test(arguments: SeededGenerator.seeds(5), TableShape.allCases)
    func `base alone holds the rows of a change snapshot, and readers see no difference`(
        seed: UInt64,
        shape: TableShape
    ) throws {
        try Self.compareWithDictionary(seed, shape, formatVersion: 2)
    }

    @Test(arguments: SeededGenerator.seeds(2), TableShape.allCases)
    func `with deletion vectors likewise, and rows keep their ids`(seed: UInt64, shape: TableShape) throws {
        try Self.compareWithDictionary(seed ^ 0x3, shape, formatVersion: 3)
    }

    @Test(arguments: SeededGenerator.seeds(2), TableShape.allCases)
    func `with an index that hardly has memory, restarts and damaged files likewise`(
        seed: UInt64,
        shape: TableShape
    ) throws {
        try Self.compareWithDictionary(seed ^ 0x17, shape, formatVersion: 2 + Int(seed % 2), spills: true)
    }

    private static func compareWithDictionary(
        _ seed: UInt64,
        _ shape: TableShape,
        formatVersion: Int,
        spills: Bool = false
    ) throws {
        try withTemporaryFolder { folder in
            let place = spills ? KeyIndexPlace(in: folder) : nil
            var disturbances = SeededGenerator(seed: seed ^ 0xd1)
            var table = try MixedTableModelTests.create(
                shape,
                in: folder,
                formatVersion: formatVersion,
                properties: ExpiredHistoryTests.keep(seed)
            )
            let keyColumns = shape.key.compactMap { table.schema.index(named: $0) }
            var history = ChangeHistory(schema: table.schema, keyColumns: keyColumns, seed: seed, keySpace: 40)
            var random = SeededGenerator(seed: seed ^ 0x51)
            var writer = try KeyedTableWriter(table)
            var materializer = Materializer(table, state: place?.state())
            var ledger = PositionLedger()
            var states: [Int64: [ModelRow: ModelRow]] = [0: [:]]
            var steps = 0
            // Transactions of another engine, which end without a file, in an hour.
            var begun: [Snapshot] = []
            var now: Int64 = 0
            var rollbacks = 0
            var rewrite: BaseRewrite?
            for epoch in 0..<24 {
                if writer.isBetweenEpochs, try writer.baseHasMoved() {
                    #expect(try writer.follow(table.refreshed()) == 0)
                }
                _ = try writer.write(history.next(Int(1 + random.next() % 50)))
                var next = ledger
                next.advance(topic: "t", partition: 0, to: Int64(epoch + 1))
                table = try table.commit(try writer.cut(), topology: "model", from: ledger, to: next)
                ledger = next
                states[table.change?.metadata.currentSnapshot?.sequenceNumber ?? 0] = history.state
                switch random.next() % 16 {
                case 5, 6:
                    rewrite = try rewrite ?? RandomRewrite.begin(on: table.refreshed(), &random)
                    if let rewrite { materializer.keep(rewrite.paths) }
                case 7, 8:
                    guard let made = rewrite else { break }
                    rewrite = nil
                    let before = try table.refreshed().base
                    let outcome = try materializer.commit(made, nowMilliseconds: now)
                    let what = "seed \(seed), epoch \(epoch), rewrite \(outcome)"
                    try LineageOracle.check(before, table.refreshed().base, history, what)
                    let (old, new) = (
                        try Self.base(MixedTable(base: before, change: nil, primaryKey: []), history),
                        try Self.base(table.refreshed(), history)
                    )
                    #expect(old.rows == new.rows && new.doubled.isEmpty, "\(what)")
                    if random.next() % 2 == 0 { materializer.settleMoves(merges: Int(random.next() % 300)) }
                case 0:
                    let before = try table.refreshed()
                    table = try FullOptimize(before, nowMilliseconds: 1).run().table
                    try LineageOracle.check(before.base, table.base, history, "seed \(seed), epoch \(epoch), optimize")
                case 1:
                    guard let place else {
                        materializer = Materializer(table)
                        break
                    }
                    var old: Materializer? = materializer
                    materializer = Materializer(table)
                    materializer = try place.restarted(&old, table, &disturbances)
                case 2:
                    table = try table.refreshed()
                    writer = try KeyedTableWriter(table)
                case 3:
                    var other = Transaction(try #require(table.refreshed().change))
                    other.append([], summary: ["tx.begin.signature": "other"])
                    begun.append(try #require(try other.commit().currentSnapshot))
                case 4:
                    // Another engine takes base back to an earlier state.
                    let base = try table.refreshed().base
                    let known = base.metadata.mainAncestors.filter {
                        $0.summary["weir.optimized-sequence.exist"] != nil
                    }
                    if known.isEmpty { break }
                    let id = known[Int(random.next() % UInt64(known.count))].id
                    var other = Transaction(base)
                    other.update { (_) throws(WeirError) in
                        [.setReference(name: "main", SnapshotReference(branch: id))]
                    }
                    _ = try other.commit()
                    rollbacks += 1
                default: break
                }
                let what = "seed \(seed), epoch \(epoch)"
                now = max(now, (begun.last?.timestampMs ?? 0) + (random.next() % 3 == 0 ? 3_600_000 : 0))
                let open = begun.first { now - $0.timestampMs < 3_600_000 }
                // One commit at a time, a few, or all that there are; with and without rewriting.
                for _ in 0..<random.next() % 4 {
                    place?.disturb(&disturbances)
                    let before = try table.refreshed().base
                    let step = try materializer.step(
                        bytesMax: [1, 20_000, .max][Int(random.next() % 3)],
                        rewriteBytes: [0, .max][Int(random.next() % 2)],
                        nowMilliseconds: now
                    )
                    if step == .caughtUp { #expect(materializer.backlog.isEmpty, "\(what)") }
                    if case .awaitsTransaction(let awaited) = step {
                        #expect(awaited.id == open?.sequenceNumber, "\(what)")
                    }
                    guard case .merged(let merge) = step else { continue }
                    #expect(merge.sequence < open?.sequenceNumber ?? .max, "\(what)")
                    steps += 1
                    let base = try Self.base(materializer.table, history)
                    #expect(base.doubled.isEmpty && base.rows == states[merge.sequence], "base alone, \(what)")
                    try LineageOracle.check(before, materializer.table.base, history, what)
                    #expect(materializer.keyCount >= base.rows.count, "\(what)")
                    #expect(merge.isLast == materializer.backlog.isEmpty, "\(what)")
                }
                let (rows, doubled) = try contents(MergeOnReadScan(table.refreshed()), history)
                #expect(rows == history.state && doubled.isEmpty, "\(what)")
            }
            #expect(steps > 8 - rollbacks)
            let later = (begun.last?.timestampMs ?? 0) + 3_600_000
            while try materializer.step(nowMilliseconds: later) != .caughtUp {}
            table = try table.refreshed()
            #expect(try Self.base(table, history).rows == history.state)
            // Change readers are not affected, and a new process finds the same.
            let all = try replay(ChangeLogScan(table, after: 0), onto: [:], history)
            #expect(all.complaints.isEmpty && all.rows == history.state, "seed \(seed)")
            #expect(try Materializer(table).step(nowMilliseconds: later) == .caughtUp)
            for (sequence, rows) in states where sequence > 0 {
                guard let snapshot = table.change?.metadata.snapshots.first(where: { $0.sequenceNumber == sequence })
                else {
                    #expect(table.change?.metadata.isHistoryCut == true)
                    continue
                }
                let point: ReadPoint
                do {
                    point = try ReadPoint(snapshot: snapshot.id, of: table)
                } catch let error as WeirError {
                    // Base may have more commits than the change store.
                    #expect(error.code == .notFound && table.base.metadata.isHistoryCut, "seed \(seed): \(error)")
                    continue
                }
                let found = try contents(MergeOnReadScan(table, at: point), history)
                #expect(found.rows == rows && found.doubled.isEmpty, "seed \(seed), time travel to \(sequence)")
            }
        }
    }

    @Test(arguments: SeededGenerator.seeds(6), TableShape.allCases)
    func `every key has one row beside other engines' commits to base`(seed: UInt64, shape: TableShape) throws {
        try Self.compareBesideEngines(seed, shape, formatVersion: 2)
    }

    @Test(arguments: SeededGenerator.seeds(2), TableShape.allCases)
    func `every key has one row beside other engines' deletion vectors`(seed: UInt64, shape: TableShape) throws {
        try Self.compareBesideEngines(seed ^ 0x3, shape, formatVersion: 3)
    }

    @Test(arguments: SeededGenerator.seeds(2), TableShape.allCases)
    func `every key has one row with an index that hardly has memory`(
        seed: UInt64,
        shape: TableShape
    ) throws {
        try Self.compareBesideEngines(seed ^ 0x17, shape, formatVersion: 2 + Int(seed % 2), spills: true)
    }

    private static func compareBesideEngines(
        _ seed: UInt64,
        _ shape: TableShape,
        formatVersion: Int,
        spills: Bool = false
    ) throws {
        try withTemporaryFolder { folder in
            var world = try ForeignBaseTests.World(shape, seed, in: folder, formatVersion: formatVersion)
            let place = spills ? KeyIndexPlace(in: folder) : nil
            var disturbances = SeededGenerator(seed: seed ^ 0xd1)
            var now: Int64 = 1
            var materializer = Materializer(world.table, state: place?.state())
            for step in 0..<90 {
                let what = "seed \(seed), step \(step)"
                place?.disturb(&disturbances)
                now += spills ? 20_000 : 0
                switch world.random.next() % 18 {
                case 0..<4: try world.write()
                case 4..<6: try world.append()
                case 6: try world.remove()
                case 7..<9: try world.deleteByPosition()
                case 9: try world.cut()
                case 10: try world.commit()
                case 11:
                    world.table = try FullOptimize(world.table.refreshed(), nowMilliseconds: 1).run().table
                    world.foreign = [:]
                    world.unmerged = []
                case 12:
                    guard let place else {
                        materializer = Materializer(world.table)
                        break
                    }
                    var old: Materializer? = materializer
                    materializer = Materializer(world.table)
                    materializer = try place.restarted(&old, world.table, &disturbances)
                case 13:
                    // Another engine commits while the step is at work.
                    var (isFirst, isOutrun) = (true, false)
                    let result = try materializer.step(nowMilliseconds: now) { () throws(WeirError) in
                        guard isFirst else { return }
                        isFirst = false
                        do {
                            let before = try world.table.refreshed().base.metadata.currentSnapshotId
                            try world.append()
                            try world.deleteByPosition()
                            isOutrun = try world.table.refreshed().base.metadata.currentSnapshotId != before
                        } catch {
                            throw WeirError(.invalid, "\(error)")
                        }
                    }
                    #expect((result == .outrun) == isOutrun, "\(what)")
                    if materializer.backlog.isEmpty { world.unmerged = [] }
                case 14, 15:
                    _ = try materializer.step(bytesMax: 1, nowMilliseconds: now)
                    if materializer.backlog.isEmpty { world.unmerged = [] }
                default:
                    try world.settle(what)
                    while try materializer.step(nowMilliseconds: now) != .caughtUp {}
                    world.unmerged = []
                    let (rows, doubled) = try Self.base(world.table.refreshed(), world.history)
                    #expect(rows == world.history.state && doubled.isEmpty, "base alone, \(what)")
                    try LineageOracle.checkDeletes(world.table.refreshed().base, what)
                    try world.settle("\(what), materialized")
                }
            }
            try world.settle("seed \(seed), at the end")
        }
    }
}
