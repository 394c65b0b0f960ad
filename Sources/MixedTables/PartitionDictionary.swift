import Bytes
import Columnar
import IcebergFormat

/// The partitions a writer has met, numbered: rows and index entries carry the number, files get the values.
struct PartitionDictionary: Sendable {
    let spec: PartitionSpec
    private let schema: Schema
    private(set) var values: [[Scalar]] = []
    // Only one of the tables is used: a single value of at most eight bytes stands for itself.
    private let isNarrow: Bool
    private var narrow: KeyTable<UInt64, UInt32> = KeyTable(filler: 0)
    private var wide: KeyTable<UInt128, UInt32> = KeyTable(filler: 0)
    /// The partition of rows whose single narrow value is missing.
    private var missing: UInt32?

    init(spec: PartitionSpec, schema: Schema) {
        self.spec = spec
        self.schema = schema
        isNarrow = spec.fields.count == 1 && Self.isNarrow(Self.resultType(spec.fields[0], schema))
        if spec.fields.isEmpty { values = [[]] }
    }

    /// The number of a partition, given as the values of the spec's fields.
    mutating func ordinal(of partition: [Scalar]) -> UInt32 {
        if spec.fields.isEmpty { return 0 }
        var columns: [ColumnVector] = []
        for (field, value) in zip(spec.fields, partition) {
            var builder = ColumnBuilder(Self.resultType(field, schema))
            builder.append(value)
            columns.append(builder.finish())
        }
        return ordinals(of: columns, count: 1)[0]
    }

    /// The number of each row's partition.
    mutating func ordinals(of rows: ColumnBatch) throws(WeirError) -> [UInt32] {
        if spec.fields.isEmpty { return [UInt32](repeating: 0, count: rows.count) }
        var columns: [ColumnVector] = []
        for field in spec.fields {
            guard let source = rows.column(field: field.sourceId) else {
                throw WeirError(.corrupt, "partition field '\(field.name)' has no source column \(field.sourceId)")
            }
            columns.append(try field.transform.apply(source))
        }
        return ordinals(of: columns, count: rows.count)
    }

    private mutating func ordinals(of columns: [ColumnVector], count: Int) -> [UInt32] {
        switch KeyFingerprints(columns, count: count, areNarrow: isNarrow) {
        case .narrow(let prints):
            let hasNulls = columns[0].validity != nil
            return Self.ordinals(of: columns, prints, &narrow, &missing, &values) { hasNulls && columns[0].isNull($0) }
        case .wide(let prints): return Self.ordinals(of: columns, prints, &wide, &missing, &values) { _ in false }
        }
    }

    /// One look-up for every run of equal values.
    @inline(__always)
    private static func ordinals<Key>(
        of columns: [ColumnVector],
        _ prints: [Key],
        _ known: inout KeyTable<Key, UInt32>,
        _ missing: inout UInt32?,
        _ values: inout [[Scalar]],
        _ isMissing: (Int) -> Bool
    ) -> [UInt32] {
        var result = [UInt32](repeating: 0, count: prints.count)
        var last: (print: Key, ordinal: UInt32)?
        for row in 0..<prints.count {
            if isMissing(row) {
                let ordinal = missing ?? UInt32(values.count)
                if missing == nil {
                    missing = ordinal
                    values.append(columns.map { $0.scalar(row) })
                }
                result[row] = ordinal
                continue
            }
            if let last, last.print == prints[row] {
                result[row] = last.ordinal
                continue
            }
            let ordinal: UInt32
            if let number = known.find(prints[row]) {
                ordinal = number
            } else {
                ordinal = UInt32(values.count)
                known.set(prints[row], ordinal)
                values.append(columns.map { $0.scalar(row) })
            }
            result[row] = ordinal
            last = (prints[row], ordinal)
        }
        return result
    }

    private static func resultType(_ field: PartitionField, _ schema: Schema) -> FieldType {
        field.transform.resultType(for: schema.field(id: field.sourceId)?.type ?? .string) ?? .string
    }

    private static func isNarrow(_ type: FieldType) -> Bool {
        switch type.layout {
        case .fixedWidth(4), .fixedWidth(8): true
        default: false
        }
    }
}
