import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Synchronization
import Testing
import WeirTesting

/// A time that a test sets.
final class TestTime: Sendable {
    private let milliseconds = Mutex<Int64>(1_700_000_000_000)

    var now: Int64 { milliseconds.withLock { $0 } }
    func advance(minutes: Int64) { milliseconds.withLock { $0 += minutes * 60_000 } }

    var clock: TransactionClock {
        TransactionClock(
            nowMs: { [self] in now },
            sleep: { _ in },
            random: { UInt64.random(in: 0...UInt64.max) }
        )
    }
}

/// A table in memory with a writer and what moves its changes into base, at a time that the test sets.
struct World {
    let time = TestTime()
    let storage: FaultyStorage
    let pointers: MemoryCatalog
    private(set) var catalog: FaultyCatalog
    let identifier = TableIdentifier(namespace: ["db"], name: "things")
    var table: MixedTable
    private(set) var writer: any TableWriter
    private(set) var materializer: Materializer?
    private(set) var ledger = PositionLedger()
    /// The rows that readers see, by id.
    private(set) var rows: [Int64: String] = [:]

    init(key: [String] = ["id"], partitions: Int? = nil, properties: [String: String] = [:]) throws {
        let time = time
        storage = FaultyStorage(MemoryStorage(now: { Double(time.now) / 1000 }))
        pointers = MemoryCatalog(storage: storage)
        catalog = FaultyCatalog(real: pointers, files: FaultyFileSystem(), clock: time.clock)
        let spec = partitions.map { count in
            PartitionSpec(
                id: 0,
                fields: [PartitionField(sourceId: 1, id: 1000, name: "part", transform: .bucket(count))]
            )
        }
        let definition = MixedTableDefinition(
            identifier: identifier,
            schema: Schema([
                Field(id: 1, name: "id", type: .long), Field(id: 2, name: "name", type: .string),
                Field(id: 3, name: "at", type: .timestamp),
            ]),
            partitionSpec: spec ?? .unpartitioned,
            primaryKey: key,
            properties: properties
        )
        table = try MixedTable.create(definition, in: catalog, nowMilliseconds: time.now)
        writer = key.isEmpty ? UnkeyedTableWriter(table) : try KeyedTableWriter(table)
        materializer = key.isEmpty ? nil : Materializer(table, clock: time.clock)
    }

    var change: Table { get throws { try #require(table.change) } }

    mutating func refresh() throws { table = try table.refreshed() }

    /// Writes rows with these ids, in one commit. A row's time is that of the commit.
    mutating func write(_ ids: some Sequence<Int64>, name: String = "a", delete: Set<Int64> = []) throws {
        time.advance(minutes: 1)
        let changes = ids.map { id in
            let row: [Scalar] = [.long(id), .string(name), .timestamp(time.now * 1000)]
            return (delete.contains(id) ? ChangeKind.delete : .insert, row)
        }
        if let keyed = writer as? KeyedTableWriter, keyed.isBetweenEpochs, try keyed.baseHasMoved() {
            #expect(try keyed.follow(table.refreshed()) == 0)
        }
        #expect(try writer.write(.changes(changes, table.schema)).isEmpty)
        let next = PositionLedger(["t": [0: (ledger.next(topic: "t", partition: 0) ?? 0) + 1]])
        unsure = (next, changes.map { ($0.1, $0.0 == .delete) })
        var epoch = TableEpoch(try writer.cut(), of: table, topology: "t", from: ledger, to: next)
        epoch.clock = time.clock
        table = try MixedTable.commit([epoch])[0]
        landed()
    }

    /// A commit that may have happened.
    private var unsure: (next: PositionLedger, rows: [(row: [Scalar], isDelete: Bool)])?

    private mutating func landed() {
        guard let commit = unsure else { return }
        ledger = commit.next
        for (row, isDelete) in commit.rows {
            if case .long(let id) = row[0], case .string(let name) = row[1] { rows[id] = isDelete ? nil : name }
        }
        unsure = nil
    }

    /// Another engine has changed the rows, or they have grown too old.
    mutating func set(_ rows: [Int64: String]) { self.rows = rows }

    /// Moves all changes into base.
    ///
    /// - Parameter rewriteBytes: of base files that may be written again on the way.
    mutating func materialize(rewriteBytes: Int64 = 128 << 20) throws {
        time.advance(minutes: 1)
        guard let materializer else { return }
        while try materializer.step(rewriteBytes: rewriteBytes, nowMilliseconds: time.now) != .caughtUp {}
        try refresh()
    }

    /// A new process writes and moves changes.
    mutating func restart(_ files: FaultyFileSystem = FaultyFileSystem()) throws {
        storage.restart(files)
        catalog = FaultyCatalog(real: pointers, files: files, clock: time.clock)
        table = try MixedTable.load(identifier, from: catalog)
        if let unsure, try table.ledger(topology: "t") == unsure.next { landed() }
        unsure = nil
        writer = table.isKeyed ? try KeyedTableWriter(table) : UnkeyedTableWriter(table)
        materializer = table.isKeyed ? Materializer(table, clock: time.clock) : nil
    }

    /// The table has each row once, as a dictionary of what was written says.
    func check(_ what: String = "") throws {
        #expect(try Self.contents(MergeOnReadScan(table.refreshed())) == rows, "\(what)")
    }

    static func contents(_ scan: MergeOnReadScan) throws -> [Int64: String] {
        var rows: [Int64: String] = [:]
        try scan.forEachInOrder { (batch) throws(WeirError) in
            for row in 0..<batch.count {
                guard case .long(let id) = batch.columns[0].scalar(row),
                    case .string(let name) = batch.columns[1].scalar(row)
                else { throw WeirError(.corrupt, "a row without an id or a name") }
                if rows.updateValue(name, forKey: id) != nil { throw WeirError(.corrupt, "row \(id) comes twice") }
            }
            return true
        }
        return rows
    }

    /// The ids of inserts that a reader gets who has read up to a sequence number.
    func inserts(after sequence: Int64) throws -> [Int64] {
        var ids: [Int64] = []
        try ChangeLogScan(table, after: sequence).forEach { (batch) throws(WeirError) in
            for row in 0..<batch.count where batch.kind(row) == .insert || batch.kind(row) == .updateAfter {
                if case .long(let id) = batch.rows.columns[0].scalar(row) { ids.append(id) }
            }
            return true
        }
        return ids.sorted()
    }
}

extension ColumnBatch {
    static func rows(_ rows: [[Scalar]], _ schema: Schema) -> ColumnBatch {
        let columns = schema.fields.indices.map { index in
            var builder = ColumnBuilder(schema.fields[index].type, capacity: rows.count)
            for row in rows { builder.append(row[index]) }
            return builder.finish()
        }
        return ColumnBatch(schema: schema, columns: columns, count: rows.count)
    }
}

extension ChangeBatch {
    static func changes(_ changes: [(ChangeKind, [Scalar])], _ schema: Schema) -> ChangeBatch {
        ChangeBatch(
            rows: .rows(changes.map(\.1), schema),
            kinds: Buffer(copying: changes.map(\.0.rawValue)),
            offsets: Buffer(
                copying: changes.indices.flatMap { index in withUnsafeBytes(of: Int64(index)) { Array($0) } }
            )
        )
    }
}
