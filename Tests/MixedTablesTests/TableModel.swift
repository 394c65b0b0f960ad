import Bytes
import ChangeEvents
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import WeirTesting

/// One row as plain values, in schema order.
typealias ModelRow = [Scalar]

extension ColumnBatch {
    /// A batch of the given rows.
    static func rows(_ rows: [ModelRow], _ schema: Schema) -> ColumnBatch {
        let columns = schema.fields.indices.map { index in
            var builder = ColumnBuilder(schema.fields[index].type, capacity: rows.count)
            for row in rows { builder.append(row[index]) }
            return builder.finish()
        }
        return ColumnBatch(schema: schema, columns: columns, count: rows.count)
    }

    func modelRow(_ row: Int) -> ModelRow { columns.map { $0.scalar(row) } }
}

extension Table {
    /// Makes an `int` column a `long`, as another engine does.
    func widen(_ column: String) throws {
        var transaction = Transaction(self)
        let wider = Schema(
            schema.fields.map { field in
                let type = field.name == column ? .long : field.type
                return Field(id: field.id, name: field.name, type: type, isRequired: field.isRequired)
            }
        )
        transaction.setSchema { (_) throws(WeirError) in wider }
        _ = try transaction.commit()
    }
}

extension ChangeBatch {
    static func changes(_ changes: [(ChangeKind, ModelRow)], _ schema: Schema) -> ChangeBatch {
        ChangeBatch(
            rows: .rows(changes.map(\.1), schema),
            kinds: Buffer(copying: changes.map(\.0.rawValue)),
            offsets: Buffer(
                copying: changes.indices.flatMap { index in withUnsafeBytes(of: Int64(index)) { Array($0) } }
            )
        )
    }
}

/// A seeded stream of changes with the irregularities of real sources, and the expected final rows.
struct ChangeHistory {
    let schema: Schema
    let keyColumns: [Int]
    var random: SeededGenerator
    var state: [ModelRow: ModelRow] = [:]
    private let keySpace: UInt64
    /// Possible values of columns outside the key, by type; random values when nil.
    private let pool: ((FieldType) -> [Scalar])?

    init(
        schema: Schema,
        keyColumns: [Int],
        seed: UInt64,
        keySpace: UInt64 = 60,
        pool: ((FieldType) -> [Scalar])? = nil
    ) {
        self.schema = schema
        self.keyColumns = keyColumns
        self.keySpace = keySpace
        self.pool = pool
        random = SeededGenerator(seed: seed)
    }

    func key(_ row: ModelRow) -> ModelRow { keyColumns.map { row[$0] } }

    private mutating func value(_ type: FieldType, isKey: Bool) -> Scalar {
        if !isKey, random.next() % 6 == 0 { return .null }
        if !isKey, let pool {
            let values = pool(type)
            return values[Int(random.next() % UInt64(values.count))]
        }
        let n = isKey ? random.next() % keySpace : random.next()
        let extreme = !isKey && random.next() % 5 == 0
        switch type {
        case .boolean: return .boolean(n & 1 == 0)
        case .int: return .int(extreme ? (n & 1 == 0 ? .min : .max) : Int32(truncatingIfNeeded: n))
        case .long: return .long(extreme ? (n & 1 == 0 ? .min : .max) : Int64(bitPattern: n))
        case .float: return .float(extreme ? -.infinity : Float(Int32(truncatingIfNeeded: n)) / 7)
        case .double: return .double(extreme ? .greatestFiniteMagnitude : Double(Int32(truncatingIfNeeded: n)) / 3)
        case .decimal(let precision, let scale):
            var limit: Int128 = 1
            for _ in 0..<precision { limit *= 10 }
            let unscaled = extreme ? limit - 1 : Int128(Int64(bitPattern: n)) % limit
            return .decimal(unscaled, scale: scale)
        case .date: return .date(extreme ? -700_000 : Int32(n % 40_000))
        case .time: return .time(Int64(n % 86_400_000_000))
        case .timestamp: return .timestamp(Int64(n % 4_000_000_000_000_000))
        case .timestamptz: return .timestamptz(Int64(n % 4_000_000_000_000_000))
        case .string:
            let texts = ["", "a", "ü\u{1F600}", "line\nbreak \"quoted\"", "日本語", String(repeating: "x", count: 300)]
            return .string(isKey ? "k\(n)" : texts[Int(n % UInt64(texts.count))])
        case .uuid: return .uuid(UInt128(n) << 64 | 7)
        case .binary: return .binary([UInt8(truncatingIfNeeded: n), 0, 255])
        case .fixed(let length): return .fixed([UInt8](repeating: UInt8(truncatingIfNeeded: n), count: length))
        case .list, .map, .structure, .other: return .null
        }
    }

    private mutating func newRow() -> ModelRow {
        var row: ModelRow = []
        for (index, field) in schema.fields.enumerated() {
            row.append(value(field.type, isKey: keyColumns.contains(index)))
        }
        return row
    }

    /// Only the key's columns, as in a delete from a source that sends no old row.
    private func keyOnly(_ row: ModelRow) -> ModelRow {
        row.enumerated().map { keyColumns.contains($0.offset) ? $0.element : .null }
    }

    /// The next changes, about `count` of them.
    mutating func next(_ count: Int) -> ChangeBatch {
        var changes: [(ChangeKind, ModelRow)] = []
        while changes.count < count {
            let row = newRow()
            let old = state[key(row)]
            switch random.next() % 10 {
            case 0..<3:
                // An insert. For an existing key it is what a repeated snapshot sends.
                changes.append((.insert, row))
                state[key(row)] = row
            case 3..<5:
                if let old { changes.append((.updateBefore, old)) }
                changes.append((.updateAfter, row))
                state[key(row)] = row
            case 5..<7:
                changes.append((.updateAfter, row))
                state[key(row)] = row
            case 7:
                changes.append((.delete, old ?? row))
                state[key(row)] = nil
            case 8:
                changes.append((.delete, keyOnly(row)))
                state[key(row)] = nil
            default:
                // A key change: a delete of the old key and an insert of the new one in one batch.
                guard let old else { continue }
                changes.append((.delete, old))
                state[key(old)] = nil
                let moved = newRow()
                changes.append((.insert, moved))
                state[key(moved)] = moved
            }
        }
        return .changes(changes, schema)
    }
}

/// Reads a whole scan into a dictionary and reports duplicate keys.
func contents(_ scan: MergeOnReadScan, _ history: ChangeHistory) throws -> (
    rows: [ModelRow: ModelRow], doubled: [ModelRow]
) {
    var rows: [ModelRow: ModelRow] = [:]
    var doubled: [ModelRow] = []
    try scan.forEachInOrder { batch in
        for index in 0..<batch.count {
            let row = batch.modelRow(index)
            if rows.updateValue(row, forKey: history.key(row)) != nil { doubled.append(history.key(row)) }
        }
        return true
    }
    return (rows, doubled)
}

/// Applies a change stream to a dictionary like a downstream consumer and reports impossible changes.
func replay(_ scan: ChangeLogScan, onto start: [ModelRow: ModelRow], _ history: ChangeHistory) throws -> (
    rows: [ModelRow: ModelRow], complaints: [String]
) {
    var rows = start
    var complaints: [String] = []
    var awaitsAfter: ModelRow?
    try scan.forEach { batch in
        for index in 0..<batch.count {
            let row = batch.rows.modelRow(index)
            let key = history.key(row)
            let kind = batch.kind(index)
            if let awaited = awaitsAfter, kind != .updateAfter || key != awaited {
                complaints.append("-U of \(awaited) is followed by \(kind.symbol) of \(key)")
            }
            awaitsAfter = kind == .updateBefore ? key : nil
            switch kind {
            case .insert:
                if rows[key] != nil { complaints.append("+I of \(key), which is there") }
                rows[key] = row
            case .updateBefore, .delete:
                if rows[key] == nil { complaints.append("\(kind.symbol) of \(key), which is not there") }
                if kind == .delete { rows[key] = nil }
            case .updateAfter: rows[key] = row
            }
        }
        return true
    }
    return (rows, complaints)
}
