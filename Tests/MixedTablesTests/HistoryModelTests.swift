import Bytes
import ChangeEvents
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import Testing
import WeirTesting

/// Random histories of ingest, moving changes into base, optimizing, expiry, and other engines' commits to base, with
/// crashes and full disks at random steps of the storage.
///
/// After each operation, a scan, change reading and lookup by Weir, and base alone as another engine reads it, are what
/// a dictionary says. Histories: 120, and 10,000 with a `WEIR_SOAK` of 20.
@Suite(.hangGuard) struct HistoryModelTests {
    private static let count = Soak.factor == 1 ? 120 : 500 * Soak.factor
    private static let seeds = SeededGenerator.seeds(exactly: count)

    private static let parts = 8 * Soak.factor

    /// A part of the histories, so that tests run beside each other.
    @Test(arguments: 0..<parts) func `every reader sees what a dictionary says, whatever happened`(part: Int) throws {
        let session = Peers.shouldRun ? try BaseSession() : nil
        var totals = HistoryTotals()
        for (index, seed) in Self.seeds.enumerated() where index % Self.parts == part {
            try withTemporaryFolder { folder in
                var run = try HistoryRun(folder, seed, session)
                try run.play()
                totals += run.totals
            }
        }
        print("histories, part \(part): \(totals)")
    }
}

/// What happened in histories.
struct HistoryTotals: CustomStringConvertible {
    var histories = 0
    var crashes = 0
    var checks = 0
    var foreignReads = 0
    var operations: [HistoryOperation: Int] = [:]

    static func += (left: inout Self, right: Self) {
        left.histories += right.histories
        left.crashes += right.crashes
        left.checks += right.checks
        left.foreignReads += right.foreignReads
        left.operations.merge(right.operations, uniquingKeysWith: +)
    }

    var description: String {
        let counts = operations.map { "\($0.value) \($0.key)" }.sorted()
        return "\(histories) histories, \(crashes) crashes, \(checks) checks, \(foreignReads) reads by other engines; "
            + counts.joined(separator: ", ")
    }
}

enum HistoryOperation: CaseIterable {
    case write, cut, commit, materialize, disturbedMaterialize, optimize, append, remove, deleteByPosition, compact
    case beginRewrite, commitRewrite
    case expireBase, newWriter, newMaterializer, pyicebergAppend, pyicebergDelete, settle

    /// How often it happens, among 40.
    var weight: Int {
        switch self {
        case .write: 7
        case .materialize: 5
        case .cut, .commit, .beginRewrite, .commitRewrite: 3
        case .append, .deleteByPosition, .disturbedMaterialize, .settle: 2
        case .optimize, .remove, .compact, .expireBase, .newWriter, .newMaterializer, .pyicebergAppend,
            .pyicebergDelete:
            1
        }
    }

    static let drawn: [Self] = allCases.flatMap { Array(repeating: $0, count: $0.weight) }
}

/// One history.
private struct HistoryRun {
    private let folder: String
    private let session: BaseSession?
    private var world: HistoryWorld
    private let seed: UInt64
    private let isWritableByPyIceberg: Bool
    private(set) var totals = HistoryTotals()
    private var story: [HistoryOperation] = []
    /// A reader of changes that goes on where it was.
    private var follower: (position: ChangePosition, rows: [ModelRow: ModelRow]) = (.beginning, [:])

    init(_ folder: String, _ seed: UInt64, _ session: BaseSession?) throws {
        (self.folder, self.seed, self.session) = (folder, seed, session)
        var random = SeededGenerator(seed: seed)
        let formatVersion = random.next() % 3 == 0 ? 3 : 2
        // PyIceberg 0.12 does not write tables of version 3.
        isWritableByPyIceberg = session != nil && formatVersion == 2
        world = try HistoryWorld(
            in: folder,
            seed: seed,
            formatVersion: formatVersion,
            isPartitioned: random.next() % 3 == 0
        )
    }

    private var what: String { "seed \(seed), after \(story.map { "\($0)" }.joined(separator: ", "))" }

    mutating func play() throws {
        totals.histories = 1
        for _ in 0..<Int(8 + world.random.next() % 16) {
            let operation = HistoryOperation.drawn[Int(world.random.next() % UInt64(HistoryOperation.drawn.count))]
            story.append(operation)
            totals.operations[operation, default: 0] += 1
            do {
                try perform(operation)
                if world.random.next() % 3 == 0 { try check() }
            } catch {
                // Says which history it was.
                try #require(Bool(false), "\(error), \(what)")
            }
        }
        story.append(.settle)
        try settle()
        totals.crashes = world.crashes
    }

    private mutating func perform(_ operation: HistoryOperation) throws {
        switch operation {
        case .write: try world.attempt { try $0.write() }
        case .cut: try world.attempt { try $0.cut() }
        case .commit: try world.attempt { try $0.commit() }
        case .materialize: try materialize(isDisturbed: false)
        case .disturbedMaterialize: try materialize(isDisturbed: true)
        case .optimize: try world.attempt { try $0.optimize() }
        case .append: try world.attempt { try $0.append() }
        case .remove: try world.attempt { try $0.remove() }
        case .deleteByPosition: try world.attempt { try $0.deleteByPosition() }
        case .compact: try world.attempt { try $0.compact() }
        case .beginRewrite: try world.attempt { try $0.beginRewrite() }
        case .commitRewrite: try world.attempt { try $0.commitRewrite() }
        case .expireBase: try world.attempt { try $0.expireBase() }
        case .newWriter: try world.attempt { try $0.startWriter() }
        case .newMaterializer: world.startMaterializer()
        case .pyicebergAppend:
            guard let session, isWritableByPyIceberg else { return }
            let rows = world.freshRows(3)
            if rows.isEmpty { return }
            try session.append(rows.values.map(Self.plain), to: "shop.people", in: folder)
            try world.attempt { $0.landed(rows.mapValues { $0 }) }
        case .pyicebergDelete:
            guard let session, isWritableByPyIceberg else { return }
            let keys = world.plainKeys(2)
            if keys.isEmpty { return }
            try session.delete(keys.map { Self.plain($0 + [.null]).id }, from: "shop.people", in: folder)
            try world.attempt { world in world.landed(Dictionary(uniqueKeysWithValues: keys.map { ($0, nil) })) }
        case .settle: try settle()
        }
    }

    private mutating func materialize(isDisturbed: Bool) throws {
        let bytesMax: Int64 = [1, 4000, .max][Int(world.random.next() % 3)]
        let rewriteBytes: Int64 = [0, .max][Int(world.random.next() % 2)]
        try world.attempt {
            _ = try $0.materialize(bytesMax: bytesMax, rewriteBytes: rewriteBytes, isDisturbed: isDisturbed)
        }
    }

    private static func plain(_ row: ModelRow) -> (id: Int64, name: String?) {
        guard case .long(let id) = row[0] else { return (0, nil) }
        if case .string(let name) = row[1] { return (id, name) }
        return (id, nil)
    }

    // MARK: Checks

    /// What readers see while changes wait on each way.
    private mutating func check() throws {
        totals.checks += 1
        let table = try world.table.refreshed()
        let (rows, doubled) = try contents(MergeOnReadScan(table), world.history)
        try compare(rows, world.committed, "scan")
        try #require(doubled.isEmpty, "scan, \(what)")
        let base = try MaterializeModelTests.base(table, world.history)
        try compare(base.rows, world.base, "base alone")
        try #require(base.doubled.isEmpty, "base alone, \(what)")
        try LineageOracle.checkDeletes(table.base, what)
        for _ in 0..<2 {
            let key = ModelRow([.long(Int64(world.random.next() % 24))])
            try #require(try Self.lookup(key, table) == world.committed[key].map { [$0] } ?? [], "lookup, \(what)")
        }
        if world.random.next() % 4 == 0 { try checkFromOutside(table) }
    }

    private func compare(_ found: [ModelRow: ModelRow], _ wanted: [ModelRow: ModelRow], _ reader: String) throws {
        let keys = Set(found.keys).union(wanted.keys).filter { found[$0] != wanted[$0] }
        let unlike = keys.map { "\($0): \(found[$0] ?? []), not \(wanted[$0] ?? [])" }.sorted().joined(separator: "; ")
        try #require(unlike == "", "\(reader), \(what)")
    }

    private mutating func checkFromOutside(_ table: MixedTable) throws {
        guard let session, table.base.currentSnapshot != nil else { return }
        let engine: BaseSession.Engine = world.random.next() % 2 == 0 ? .pyiceberg : .duckdb
        let found = try session.rows(engine, metadata: table.base.metadataLocation)
        let rows = found.map { "\($0.id) \($0.name ?? "null")" }.sorted()
        let wanted = world.base.values.map { Self.plain($0) }.map { "\($0.id) \($0.name ?? "null")" }.sorted()
        try #require(rows == wanted, "\(engine), \(what)")
        totals.foreignReads += 1
    }

    /// With everything committed and moved.
    private mutating func settle() throws {
        // A failure takes the prepared epoch back to the source.
        var isDone = false
        while !isDone {
            try world.attempt { world in
                try world.cut()
                try world.commit()
                isDone = true
            }
        }
        try compare(world.committed, world.history.state, "the oracle with itself")
        try check()
        try followChanges()
        if world.random.next() % 2 == 0 && story.last != .settle { return }
        while true {
            isDone = false
            try world.attempt {
                isDone = try $0.materialize(bytesMax: .max, rewriteBytes: .max, isDisturbed: false) == .caughtUp
            }
            if isDone { break }
        }
        try compare(world.base, world.history.state, "base once everything is moved")
        try check()
        try checkFromOutside(world.table.refreshed())
    }

    private mutating func followChanges() throws {
        let table = try world.table.refreshed()
        for start in [follower, (.beginning, [:])] {
            let found = try changes(table, since: start.position, onto: start.rows)
            let rows = found.filter { !world.touched.contains($0.key) }
            let wanted = world.history.state.filter { !world.touched.contains($0.key) }
            try compare(rows, wanted, "changes since \(start.position)")
            follower = (table.newestChange, found)
        }
    }

    /// Applies changes to rows, as a reader does.
    private func changes(
        _ table: MixedTable,
        since position: ChangePosition,
        onto start: [ModelRow: ModelRow]
    ) throws -> [ModelRow: ModelRow] {
        var rows = start
        try ChangeLogScan(table, since: position).forEach { batch in
            for index in 0..<batch.count {
                let row = batch.rows.modelRow(index)
                let key = world.history.key(row)
                let (isThere, isTold) = (rows[key] != nil, !world.touched.contains(key))
                switch batch.kind(index) {
                case .insert: if isThere && isTold { Issue.record("+I of \(key), which is there, \(what)") }
                default:
                    if !isThere && isTold && batch.kind(index) != .updateAfter {
                        Issue.record("a retraction of \(key), which is not there, \(what)")
                    }
                }
                rows[key] = batch.kind(index) == .delete ? nil : row
            }
            return true
        }
        return rows
    }

    private static func lookup(_ key: ModelRow, _ table: MixedTable) throws -> [ModelRow] {
        let bound = RowFilter.Bound(field: 1, .equal, key[0])
        let filter = RowFilter(fields: [1], bounds: [bound]) { (batch) throws(WeirError) in
            let column = batch.schema.index(ofField: 1) ?? 0
            return (0..<batch.count).filter { batch.columns[column].scalar($0) == key[0] }.map { Int32($0) }
        }
        var rows: [ModelRow] = []
        try MergeOnReadScan(table, filter: filter).forEachInOrder { (batch) throws(WeirError) in
            for row in 0..<batch.count { rows.append(batch.modelRow(row)) }
            return true
        }
        return rows
    }
}
