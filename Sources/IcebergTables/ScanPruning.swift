import Bytes
import Columnar
import IcebergFormat

/// Skips manifests and files that cannot hold a row within the bounds. Keeps them in case of doubt.
struct ScanPruning {
    private let metadata: TableMetadata
    /// The bounds that are compared with the statistics of files.
    private let fileBounds: [RowFilter.Bound]
    private let dropsEmptyFiles: Bool
    /// Types of the bounded columns, from the current schema or else the snapshot's.
    private let columns: [Int: FieldType]
    /// By spec id: the bounds projected to partition values.
    private let projections: [Int: [PartitionBound]]

    private struct PartitionBound {
        /// Index of the partition field.
        let index: Int
        let type: FieldType
        let transform: Transform
        let bound: RowFilter.Bound
    }

    /// - Parameter statisticsOf: the columns whose statistics count; nil for all.
    init(
        _ metadata: TableMetadata,
        _ snapshot: Snapshot,
        _ bounds: [RowFilter.Bound],
        statisticsOf columnIds: Set<Int>?
    ) {
        self.metadata = metadata
        fileBounds = bounds.filter { columnIds?.contains($0.field) ?? true }
        // A reader of all versions of rows learns from a file without rows how far it has come.
        dropsEmptyFiles = columnIds == nil
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
                    guard let projected = field.transform.project(bound) else { continue }
                    projections[spec.id, default: []].append(
                        PartitionBound(
                            index: index,
                            type: types[index],
                            transform: field.transform,
                            bound: projected
                        )
                    )
                }
            }
        }
        self.projections = projections
    }

    func keeps(_ manifest: ManifestFile) throws(WeirError) -> Bool { try keepsPartitions(manifest) }

    func keepsPartitions(_ manifest: ManifestFile) throws(WeirError) -> Bool {
        for projection in projections[manifest.specId] ?? [] where projection.index < manifest.partitions.count {
            let summary = manifest.partitions[projection.index]
            if summary.containsNaN ?? projection.type.isFloating, projection.type.isFloating { continue }
            guard let lowerBytes = summary.lowerBound, let upperBytes = summary.upperBound else {
                // A field with only nulls has no bounds, and no bound holds for null.
                if summary.containsNull { return false }
                continue
            }
            let lower = try SingleValue.decode(lowerBytes, projection.type)
            let upper = try SingleValue.decode(upperBytes, projection.type)
            guard projection.transform.isCertain(from: lower, to: upper) else { continue }
            guard projection.bound.mayHold(in: ColumnBounds(lower: lower, upper: upper)) else { return false }
        }
        return true
    }

    func keeps(_ file: DataFile) throws(WeirError) -> Bool {
        for projection in projections[file.specId] ?? [] where projection.index < file.partition.count {
            let value = file.partition[projection.index]
            // A null partition value means a null column value, and no bound holds for null.
            if value == .null { return false }
            if value.isNaN || !projection.transform.isCertain(value) { continue }
            guard projection.bound.mayHold(in: ColumnBounds(constant: value)) else { return false }
        }
        return keepsMetrics(file)
    }

    private func keepsMetrics(_ file: DataFile) -> Bool {
        if file.recordCount == 0 { return !dropsEmptyFiles }
        for bound in fileBounds {
            guard let type = columns[bound.field] else { continue }
            var known = ColumnBounds(
                lower: nil,
                upper: nil,
                valueCount: file.valueCounts[bound.field],
                nullCount: file.nullValueCounts[bound.field]
            )
            // Column bounds exclude NaN, and engines sort it differently.
            if !type.isFloating || file.nanValueCounts[bound.field] == 0 {
                known.lower = file.lowerBounds[bound.field].flatMap { try? SingleValue.decode($0, type) }
                known.upper = file.upperBounds[bound.field].flatMap { try? SingleValue.decode($0, type) }
            }
            guard bound.mayHold(in: known) else { return false }
        }
        return true
    }
}

extension Transform {
    /// Projects a bound of the column to a bound of the transformed value; nil if there is none.
    func project(_ bound: RowFilter.Bound) -> RowFilter.Bound? {
        guard preservesOrder || bound.comparison == .equal, let value = certainly(bound.value) else { return nil }
        let comparison: RowFilter.Bound.Comparison =
            switch bound.comparison {
            case .less where self != .identity: .lessOrEqual
            case .greater where self != .identity: .greaterOrEqual
            case let comparison: comparison
            }
        return RowFilter.Bound(field: bound.field, comparison, value)
    }
}
