import Bytes
import ChangeEvents
import Columnar
import MixedTables

/// Rows of an orders table, created in memory for cases that begin after the decoder.
enum OrderRows {
    static let schema = Schema(
        [
            ("order_id", FieldType.long), ("customer_id", .long), ("status", .string),
            ("amount", .decimal(precision: 12, scale: 2)), ("created_at", .timestamptz), ("note", .string),
        ].enumerated().map { Field(id: $0.offset + 1, name: $0.element.0, type: $0.element.1) }
    )

    private static let statuses = ["NEW", "PAID", "PACKED", "SHIPPED", "DONE", "RETURNED"]

    /// One change per key; `version` distinguishes the images of a key.
    static func changes(keys: some Collection<Int>, kind: ChangeKind, version: Int) -> ChangeBatch {
        var ids = ColumnBuilder(.long, capacity: keys.count)
        var customers = ColumnBuilder(.long, capacity: keys.count)
        var states = ColumnBuilder(.string, capacity: keys.count)
        var amounts = ColumnBuilder(.decimal(precision: 12, scale: 2), capacity: keys.count)
        var times = ColumnBuilder(.timestamptz, capacity: keys.count)
        var notes = ColumnBuilder(.string, capacity: keys.count)
        for key in keys {
            ids.append(Int64(key))
            customers.append(Int64(key &* 7_919 % 100_000))
            states.append(statuses[(key + version) % statuses.count])
            amounts.append(Int128(key &* 31 % 500_000 + version))
            times.append(1_750_000_000_000_000 + Int64(key) &* 1_000_000)
            notes.append("deliver to the side door, ring \(key % 1_000) times")
        }
        let columns = [
            ids.finish(), customers.finish(), states.finish(), amounts.finish(), times.finish(), notes.finish(),
        ]
        let kinds = Buffer.filled(count: keys.count) { $0.initializeMemory(as: UInt8.self, repeating: kind.rawValue) }
        let offsets = Buffer.filled(count: keys.count * 8) { target in
            target.initializeMemory(as: Int64.self, repeating: 0)
        }
        return ChangeBatch(
            rows: ColumnBatch(schema: schema, columns: columns, count: keys.count),
            kinds: kinds,
            offsets: offsets
        )
    }

    /// Writes changes of the keys in batches and commits them in one commit.
    static func commit(
        _ keys: [Int],
        kind: ChangeKind,
        version: Int,
        with writer: KeyedTableWriter,
        to table: MixedTable
    ) throws -> MixedTable {
        for start in stride(from: 0, to: keys.count, by: 65_536) {
            let part = keys[start..<min(start + 65_536, keys.count)]
            _ = try writer.write(changes(keys: part, kind: kind, version: version))
        }
        let ledger = PositionLedger()
        return try table.commit(try writer.cut(), topology: "bench", from: ledger, to: ledger)
    }
}
