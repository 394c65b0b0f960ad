import Bytes
import CArrowShim
import ObjectStorage

/// Reads chosen columns of a Parquet file batch by batch.
///
/// Columns are matched by Iceberg field id, or by name in a file that has no ids at all. A column that the file lacks
/// is returned with its substitute value. Used by one thread at a time.
public final class ParquetFileReader: @unchecked Sendable {
    // Used by one thread at a time.
    private let file: ParquetFile
    private let schema: Schema
    private let batchRows: Int
    private let plan: ColumnPlan
    /// Row groups still to read, in file order.
    private var pending: [RowGroup]
    private var current: RowGroup?
    private var rowsTakenFromCurrent = 0

    /// Rows of the whole file, skipped ones included.
    public let rowCount: Int64

    /// Maximum bytes of the repeated values of absent columns in one batch.
    private static let constantBytesMax = 64 << 20

    private struct RowGroup {
        let index: Int32
        let firstRow: Int64
        let rows: Int
    }

    /// Row groups whose statistics exclude `bounds` are skipped; rows inside the others are not filtered. Batches hold
    /// at most `batchRows` rows. Fails when the file is damaged or a column cannot become the requested type.
    ///
    /// - Parameter columns: how the file's columns are named, and the values of those it lacks.
    public init(
        _ object: any ObjectReader,
        schema: Schema,
        columns: FileColumns = FileColumns(),
        bounds: [RowFilter.Bound] = [],
        batchRows: Int = 65_536
    ) throws(WeirError) {
        precondition(batchRows > 0, "a batch holds at least one row")
        file = try ParquetFile(object)
        self.schema = schema
        let lookup = FileColumnLookup(file.columns, columns)
        plan = try ColumnPlan(schema, lookup, path: object.path)
        self.batchRows = min(batchRows, max(1, Self.constantBytesMax / max(1, plan.constantBytes)))
        let filter = RowGroupFilter(bounds, schema: schema, lookup)
        var firstRow: Int64 = 0
        var groups: [RowGroup] = []
        for index in 0..<file.rowGroupCount {
            let rows = try file.rows(of: index)
            if rows > 0, try filter.mayHold(index, in: file) {
                groups.append(RowGroup(index: index, firstRow: firstRow, rows: Int(rows)))
            }
            firstRow += rows
        }
        rowCount = firstRow
        pending = groups.reversed()
    }

    /// Skips row groups that no wanted row is in. To be called before the first rows are read.
    ///
    /// - Parameter rows: the wanted rows by their index in the file, ascending.
    public func keepRowGroups(with rows: [Int64]) {
        precondition(current == nil, "row groups are chosen before rows are read")
        var wanted = rows[...]
        let kept = pending.reversed().filter { group in
            wanted = wanted.drop { $0 < group.firstRow }
            return wanted.first.map { $0 < group.firstRow + Int64(group.rows) } ?? false
        }
        pending = kept.reversed()
    }

    /// The next rows and the index of the first of them in the file; nil after the last.
    public func next() throws(WeirError) -> (batch: ColumnBatch, firstRow: Int64)? {
        while true {
            if current == nil {
                guard let group = pending.popLast() else { return nil }
                if !plan.leaves.isEmpty { try file.start(group.index, leaves: plan.leaves, batchRows: batchRows) }
                current = group
                rowsTakenFromCurrent = 0
            }
            guard let group = current else { return nil }
            let firstRow = group.firstRow + Int64(rowsTakenFromCurrent)
            if let batch = try nextBatch(of: group) {
                rowsTakenFromCurrent += batch.count
                return (batch, firstRow)
            }
            current = nil
        }
    }

    private func nextBatch(of group: RowGroup) throws(WeirError) -> ColumnBatch? {
        let left = group.rows - rowsTakenFromCurrent
        guard !plan.leaves.isEmpty else {
            let count = min(left, batchRows)
            return count > 0 ? plan.complete([], count: count, schema: schema) : nil
        }
        guard let owner = try file.next() else {
            guard left == 0 else { throw file.corrupt("row group \(group.index) ends \(left) rows early") }
            return nil
        }
        guard owner.array.length <= Int64(left) else {
            throw file.corrupt("row group \(group.index) has too many rows")
        }
        do {
            let batch = try ColumnBatch(owner, formats: plan.formats, schema: plan.readSchema)
            return plan.complete(batch.columns, count: batch.count, schema: schema)
        } catch {
            throw error.located(at: file.path)
        }
    }

    /// The columns of a file: names, nearest column types, field ids (−1 where the file has none).
    public static func fileSchema(_ object: any ObjectReader) throws(WeirError) -> Schema {
        let file = try ParquetFile(object)
        return Schema(
            file.columns.map { Field(id: $0.fieldID, name: $0.name, type: $0.type, isRequired: $0.isRequired) }
        )
    }
}

/// Which leaf columns of a file are read, and their positions in the requested schema.
private struct ColumnPlan {
    private enum Origin {
        /// Index among the columns read.
        case read(Int)
        /// The value of every row, of the requested type.
        case constant(Scalar)
    }

    var leaves: [Int32] = []
    var formats: [ArrowFormat] = []
    /// The requested fields that the file has, in the order they are read.
    let readSchema: Schema
    /// Bytes per row of the values of absent columns.
    private(set) var constantBytes = 0
    /// One per requested field.
    private var origins: [Origin] = []

    init(_ schema: Schema, _ lookup: FileColumnLookup, path: String) throws(WeirError) {
        var fields: [Field] = []
        var fieldOfLeaf: [Int32: Int] = [:]
        for field in schema.fields {
            guard field.type.isPrimitive else {
                throw WeirError(
                    .unsupported,
                    "column '\(field.name)' is of type \(field.type), which is not read",
                    at: path,
                    advice: "leave it out: name the columns that are wanted, as with --columns"
                )
            }
            let column: ParquetColumn
            switch lookup.match(field: field.id, name: field.name) {
            case .column(let found): column = found
            case .absent(let value):
                guard let constant = value.converted(to: field.type) else {
                    throw WeirError(
                        .corrupt,
                        "the file lacks column '\(field.name)', and the \(ScalarText.text(value)) that the table's metadata "
                            + "has in its place is no \(field.type)",
                        at: path
                    )
                }
                if constant != .null { constantBytes += constant.byteCount }
                origins.append(.constant(constant))
                continue
            case .unknown: preconditionFailure("a requested field has a name")
            }
            guard column.leaf >= 0, column.canBeRead(as: field.type) else {
                throw WeirError(
                    .invalid,
                    "column '\(column.name)' holds \(column.type) and cannot be read as \(field.type)",
                    at: path
                )
            }
            // A column that is requested twice with the same type is read once.
            if let index = fieldOfLeaf[column.leaf], fields[index].type == field.type {
                origins.append(.read(index))
                continue
            }
            guard fieldOfLeaf[column.leaf] == nil else {
                throw WeirError(.unsupported, "column '\(column.name)' is asked for as two types at once", at: path)
            }
            fieldOfLeaf[column.leaf] = fields.count
            origins.append(.read(fields.count))
            fields.append(field)
            leaves.append(column.leaf)
            formats.append(column.format)
        }
        readSchema = Schema(fields)
    }

    func complete(_ columns: [ColumnVector], count: Int, schema: Schema) -> ColumnBatch {
        let all = zip(schema.fields, origins).map { field, origin -> ColumnVector in
            switch origin {
            case .read(let index): columns[index]
            case .constant(let value):
                ColumnVector.constant(value, field.type, count: count) ?? .nulls(field.type, count: count)
            }
        }
        return ColumnBatch(schema: schema, columns: all, count: count)
    }
}

extension ParquetColumn {
    fileprivate func canBeRead(as target: FieldType) -> Bool {
        // INT96 stores an instant or a local time; only the reader knows which.
        if physicalType == 3 { return target == .timestamp || target == .timestamptz }
        if isUUID { return target == .uuid || target == .fixed(16) }
        return ArrowColumn.canConvert(format, to: target)
    }
}
