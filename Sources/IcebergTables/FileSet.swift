import Bytes
import Columnar
import IcebergFormat

/// A set of files to find in manifests.
struct FileSet {
    let locations: Set<DataFile.ContentLocation>
    /// Partition tuples by spec id; nil if some files are known only by path, so that their partition is unknown.
    private let partitions: [Int: [[Scalar]]]?

    init(_ files: [DataFile], paths known: Set<String>) {
        locations = Set(files.map(\.contentLocation)).union(known.map { DataFile.ContentLocation(path: $0) })
        guard known.isEmpty else {
            partitions = nil
            return
        }
        let distinct = Dictionary(files.map { (PartitionKey($0), $0.partition) }) { first, _ in first }
        partitions = Dictionary(grouping: distinct, by: \.key.specId).mapValues { $0.map(\.value) }
    }

    func contains(_ file: DataFile) -> Bool { locations.contains(file.contentLocation) }

    /// Whether a file is the deletion vector of one of the files.
    func isVectorOfOne(_ file: DataFile) -> Bool {
        guard file.isDeletionVector, let path = file.referencedDataFile else { return false }
        return locations.contains(DataFile.ContentLocation(path: path))
    }

    /// False if the manifest list's partition summaries rule out that the manifest holds any of the files.
    func mayTouch(_ manifest: ManifestFile, _ metadata: TableMetadata) throws(WeirError) -> Bool {
        if locations.isEmpty { return false }
        guard let partitions else { return true }
        guard let values = partitions[manifest.specId] else { return false }
        guard let spec = metadata.spec(id: manifest.specId), !spec.fields.isEmpty,
            manifest.partitions.count == spec.fields.count
        else { return true }
        let types = metadata.partitionType(spec).fields.map(\.type)
        for tuple in values where tuple.count == types.count {
            var fits = true
            for (index, value) in tuple.enumerated() {
                if try !manifest.partitions[index].mayContain(value, types[index]) {
                    fits = false
                    break
                }
            }
            if fits { return true }
        }
        return false
    }
}

extension ManifestFile.FieldSummary {
    func mayContain(_ value: Scalar, _ type: FieldType) throws(WeirError) -> Bool {
        if value == .null { return containsNull }
        if value.isNaN { return containsNaN ?? true }
        // Bounds of a type that this version does not know cannot be read.
        if case .other = type { return true }
        guard let lowerBound, let upperBound else { return false }
        let bounds = ColumnBounds(
            lower: try SingleValue.decode(lowerBound, type),
            upper: try SingleValue.decode(upperBound, type)
        )
        return RowFilter.Bound(field: 0, .equal, value).mayHold(in: bounds)
    }
}
