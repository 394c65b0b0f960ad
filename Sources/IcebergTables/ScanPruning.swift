import Bytes
import Columnar
import IcebergFormat

/// Rules out manifests and files that cannot hold a row within the bounds. In doubt everything is kept.
struct ScanPruning {
    private let metadata: TableMetadata
    private let bounds: [RowFilter.Bound]
    private let useMetrics: Bool
    /// Columns the bounds are about, as the snapshot's schema or the current one has them.
    private let columns: [Int: FieldType]
    /// By spec: the bounds as conditions on partition values.
    private let projections: [Int: [PartitionBound]]

    private struct PartitionBound {
        let index: Int
        let type: FieldType
        let transform: Transform
        let comparison: RowFilter.Bound.Comparison
        let value: Scalar
    }

    init(_ metadata: TableMetadata, _ snapshot: Snapshot, _ bounds: [RowFilter.Bound], useMetrics: Bool) {
        self.metadata = metadata
        self.bounds = bounds
        self.useMetrics = useMetrics
        let old = snapshot.schemaId.flatMap { metadata.schema(id: $0) }?.schema
        var columns: [Int: FieldType] = [:]
        for bound in bounds {
            columns[bound.field] =
                (metadata.schema.nestedField(id: bound.field) ?? old?.nestedField(id: bound.field))?.type
        }
        self.columns = columns
        var projections: [Int: [PartitionBound]] = [:]
        for spec in metadata.specs {
            let types = metadata.partitionType(spec).fields.map(\.type)
            for (index, field) in spec.fields.enumerated() {
                for bound in bounds where bound.field == field.sourceId {
                    guard let (comparison, value) = field.transform.project(bound) else { continue }
                    projections[spec.id, default: []].append(
                        PartitionBound(
                            index: index,
                            type: types[index],
                            transform: field.transform,
                            comparison: comparison,
                            value: value
                        )
                    )
                }
            }
        }
        self.projections = projections
    }

    func keeps(_ manifest: ManifestFile) throws(WeirError) -> Bool { try keepsPartitions(manifest) }

    func keepsPartitions(_ manifest: ManifestFile) throws(WeirError) -> Bool {
        for bound in projections[manifest.specId] ?? [] where bound.index < manifest.partitions.count {
            let summary = manifest.partitions[bound.index]
            if summary.containsNaN ?? bound.type.isFloating, bound.type.isFloating { continue }
            guard let lowerBytes = summary.lowerBound, let upperBytes = summary.upperBound else {
                // Only nulls, which no bound holds for, have no bounds.
                if summary.containsNull { return false }
                continue
            }
            let lower = try SingleValue.decode(lowerBytes, bound.type)
            let upper = try SingleValue.decode(upperBytes, bound.type)
            guard bound.transform.isCertain(from: lower, to: upper) else { continue }
            guard bound.comparison.mayHold(from: lower, to: upper, bound.value) else { return false }
        }
        return true
    }

    func keeps(_ file: DataFile) throws(WeirError) -> Bool {
        for bound in projections[file.specId] ?? [] where bound.index < file.partition.count {
            let value = file.partition[bound.index]
            // No transform of a value is null, and bounds hold for values only.
            if value == .null { return false }
            if value.isNaN || !bound.transform.isCertain(value) { continue }
            guard bound.comparison.mayHold(from: value, to: value, bound.value) else { return false }
        }
        return useMetrics ? keepsMetrics(file) : true
    }

    private func keepsMetrics(_ file: DataFile) -> Bool {
        if file.recordCount == 0 { return false }
        for bound in bounds {
            guard let type = columns[bound.field] else { continue }
            if let nulls = file.nullValueCounts[bound.field], let values = file.valueCounts[bound.field],
                values > 0, nulls == values
            {
                return false
            }
            // NaN lies outside of the bounds, and engines differ on where it sorts.
            if type.isFloating, file.nanValueCounts[bound.field] != 0 { continue }
            let lower = file.lowerBounds[bound.field].flatMap { try? SingleValue.decode($0, type) }
            let upper = file.upperBounds[bound.field].flatMap { try? SingleValue.decode($0, type) }
            guard bound.comparison.mayHold(from: lower, to: upper, bound.value) else { return false }
        }
        return true
    }
}

extension RowFilter.Bound.Comparison {
    /// Whether some value between the two (nil: unlimited) can stand in this relation to `value`.
    func mayHold(from lower: Scalar?, to upper: Scalar?, _ value: Scalar) -> Bool {
        // Values that cannot be compared (nil) rule nothing out.
        switch self {
        case .less: lower.map { $0.precedes(value) ?? true } ?? true
        case .lessOrEqual: lower.map { value.precedes($0) != true } ?? true
        case .greater: upper.map { value.precedes($0) ?? true } ?? true
        case .greaterOrEqual: upper.map { $0.precedes(value) != true } ?? true
        case .equal:
            (lower.map { value.precedes($0) != true } ?? true) && (upper.map { $0.precedes(value) != true } ?? true)
        }
    }
}

extension Scalar {
    var isNaN: Bool {
        switch self {
        case .float(let number): number.isNaN
        case .double(let number): number.isNaN
        default: false
        }
    }
}

extension FieldType {
    var isFloating: Bool { self == .float || self == .double }
}

extension Transform {
    /// A condition on the transformed value that follows from one on the column; nil when none does.
    func project(_ bound: RowFilter.Bound) -> (RowFilter.Bound.Comparison, Scalar)? {
        guard preservesOrder || bound.comparison == .equal, let value = certainly(bound.value) else { return nil }
        if self == .identity { return (bound.comparison, value) }
        switch bound.comparison {
        case .equal: return (.equal, value)
        case .less, .lessOrEqual: return (.lessOrEqual, value)
        case .greater, .greaterOrEqual: return (.greaterOrEqual, value)
        }
    }
}
