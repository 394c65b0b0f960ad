import Bytes
import Columnar
import IcebergFormat
import KeyedState

/// Numbers the partitions that a writer has seen: rows and index entries hold the number, files the partition values.
struct PartitionDictionary: Sendable {
    let spec: PartitionSpec
    private let schema: Schema
    private(set) var values: [[Scalar]] = []
    /// Whether partitions have a single value of four or eight bytes, which is its own fingerprint.
    private let isNarrow: Bool
    private var known = KeyMap<UInt32>(filler: 0)
    /// The partition of rows whose single narrow value is null.
    private var missing: UInt32?

    init(spec: PartitionSpec, schema: Schema) {
        self.spec = spec
        self.schema = schema
        isNarrow = spec.fields.count == 1 && Self.isNarrow(Self.resultType(spec.fields[0], schema))
        if spec.fields.isEmpty { values = [[]] }
    }

    /// The number of a partition, given by the values of the spec's fields.
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

    /// Looks each run of equal values up once.
    private mutating func ordinals(of columns: [ColumnVector], count: Int) -> [UInt32] {
        let prints = KeyFingerprints(columns, count: count, areNarrow: isNarrow)
        // Narrow fingerprints cannot represent null.
        let mayBeMissing = isNarrow && columns[0].validity != nil
        var result = [UInt32](repeating: 0, count: count)
        var last: (print: UInt128, ordinal: UInt32)?
        for row in 0..<count {
            if mayBeMissing, columns[0].isNull(row) {
                if missing == nil {
                    missing = UInt32(values.count)
                    values.append([.null])
                }
                result[row] = missing ?? 0
                continue
            }
            let print = prints[row]
            if last?.print != print {
                var number: UInt32 = 0
                known.update(prints, at: row) { ordinal in
                    number = ordinal ?? UInt32(values.count)
                    if ordinal != nil { return }
                    ordinal = number
                    values.append(columns.map { $0.scalar(row) })
                }
                last = (print, number)
            }
            result[row] = last?.ordinal ?? 0
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
