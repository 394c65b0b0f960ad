import Bytes
import ChangeEvents
import Columnar
import MixedTables
import Testing
import WeirTesting

/// The keys that a writer knows, when they are too many for its memory: they go to files, and what is written is the
/// same.
@Suite struct WriterKeysTests {
    private static let memory = 6000

    @Test(arguments: SeededGenerator.seeds(2), TableShape.allCases)
    func `a writer with little memory agrees with a dictionary`(seed: UInt64, shape: TableShape) throws {
        try Self.write(shape, seed, isDisturbed: false)
    }

    @Test(arguments: SeededGenerator.seeds(2), TableShape.allCases)
    func `it does so when the folder is removed and the disk is full`(seed: UInt64, shape: TableShape) throws {
        try Self.write(shape, seed, isDisturbed: true)
    }

    /// Other engines rewrite base meanwhile, and processes end.
    private static func write(_ shape: TableShape, _ seed: UInt64, isDisturbed: Bool) throws {
        try withTemporaryFolder { folder in
            let place = KeyIndexPlace(in: folder, memory: Self.memory)
            var table = try MixedTableModelTests.create(shape, in: folder)
            let keyColumns = shape.key.compactMap { table.schema.index(named: $0) }
            var history = ChangeHistory(schema: table.schema, keyColumns: keyColumns, seed: seed, keySpace: 4000)
            var random = SeededGenerator(seed: seed)
            func opened(_ table: MixedTable) throws -> KeyedTableWriter {
                try KeyedTableWriter(table, keys: try TableKeys(table, state: place.state()))
            }
            var writer: KeyedTableWriter? = try opened(table)
            var ledger = PositionLedger()
            var spilled = 0
            for epoch in 0..<24 {
                for _ in 0..<3 { #expect(try writer?.write(history.next(150)).isEmpty == true) }
                let next = PositionLedger(["t": [0: Int64(epoch + 1)]])
                let cut = try #require(try writer?.cut())
                table = try table.commit(cut, topology: "model", from: ledger, to: next)
                ledger = next
                #expect(writer?.keyCount == history.state.count, "seed \(seed), epoch \(epoch)")
                spilled += place.names().isEmpty ? 0 : 1
                if !isDisturbed {
                    #expect((writer?.keyBytes ?? 0) <= Self.memory, "seed \(seed), epoch \(epoch)")
                }
                switch random.next() % 5 {
                case 0:
                    table = try FullOptimize(table, nowMilliseconds: 1_700_000_000_000).run().table
                    #expect(try writer?.follow(table) == 0)
                case 1:
                    // The next process.
                    writer = nil
                    table = try table.refreshed()
                    writer = try opened(table)
                case 2:
                    // The next generation of the same process.
                    var keys = try #require(writer).keys
                    writer = nil
                    try keys.catchUp(with: table, except: RangeSet(0..<Int64.max))
                    writer = try KeyedTableWriter(table, keys: keys)
                default: break
                }
                if isDisturbed { place.disturb(&random) }
                let (rows, doubled) = try contents(MergeOnReadScan(table), history)
                #expect(doubled.isEmpty && rows == history.state, "seed \(seed), epoch \(epoch)")
            }
            #expect(spilled > 0)
            #expect(isDisturbed || place.takeEvents().isEmpty)
            let all = try replay(ChangeLogScan(table, after: 0), onto: [:], history)
            #expect(all.complaints.isEmpty && all.rows == history.state, "seed \(seed)")
        }
    }
}
