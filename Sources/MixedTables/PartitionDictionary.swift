import Bytes
import Columnar
import IcebergFormat

/// The partitions a writer has met, numbered: rows and index entries carry the number, files get the values.
struct PartitionDictionary: Sendable {
    let spec: PartitionSpec
    private let schema: Schema
    private(set) var values: [[Scalar]] = []
    private var ordinals: KeyTable<UInt128, UInt32> = KeyTable(filler: 0)

    init(spec: PartitionSpec, schema: Schema) {
        self.spec = spec
        self.schema = schema
        if spec.fields.isEmpty { values = [[]] }
    }

    /// The number of a partition, given as the values of the spec's fields.
    mutating func ordinal(of partition: [Scalar]) -> UInt32 {
        if spec.fields.isEmpty { return 0 }
        let types = spec.fields.indices.map { resultType($0) }
        var columns: [ColumnVector] = []
        for (type, value) in zip(types, partition) {
            var builder = ColumnBuilder(type)
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
        guard case .wide(let prints) = KeyFingerprints(columns, count: count, areNarrow: false) else { return [] }
        var result = [UInt32](repeating: 0, count: count)
        var last: (print: UInt128, ordinal: UInt32)?
        for row in 0..<count {
            if let last, last.print == prints[row] {
                result[row] = last.ordinal
                continue
            }
            let ordinal: UInt32
            if let known = ordinals.find(prints[row]) {
                ordinal = known
            } else {
                ordinal = UInt32(values.count)
                ordinals.set(prints[row], ordinal)
                values.append(columns.map { $0.scalar(row) })
            }
            result[row] = ordinal
            last = (prints[row], ordinal)
        }
        return result
    }

    private func resultType(_ index: Int) -> FieldType {
        let field = spec.fields[index]
        return field.transform.resultType(for: schema.field(id: field.sourceId)?.type ?? .string) ?? .string
    }
}
