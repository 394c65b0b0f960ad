import Bytes
import IcebergFormat

/// The delete files of a snapshot, indexed by the data files they apply to.
struct DeleteIndex {
    /// Position deletes of a single data file, by its path.
    private var byFile: [String: [DeleteFile]] = [:]
    private var byPartition: [PartitionKey: [DeleteFile]] = [:]
    /// Deletion vectors, by the path of the data file.
    private var vectors: [String: DeleteFile] = [:]
    /// Equality deletes of an unpartitioned spec apply to every data file.
    private var global: [DeleteFile] = []

    mutating func add(_ delete: DeleteFile) throws(WeirError) {
        let file = delete.file
        if file.isDeletionVector { return try addVector(delete) }
        if file.content == .equalityDeletes, file.equalityIds.isEmpty {
            throw WeirError(
                .corrupt,
                "an equality delete does not say which columns it compares",
                at: file.path,
                advice: "its entry in the manifest has no equality_ids; have the engine that wrote it compact the table"
            )
        }
        if let path = file.deletedDataFile {
            byFile[path, default: []].append(delete)
        } else if file.content == .equalityDeletes, file.partition.isEmpty {
            global.append(delete)
        } else {
            byPartition[PartitionKey(file), default: []].append(delete)
        }
    }

    private mutating func addVector(_ delete: DeleteFile) throws(WeirError) {
        let file = delete.file
        guard let path = file.referencedDataFile, let offset = file.contentOffset, let size = file.contentSize,
            offset >= 0, size >= 0
        else {
            throw WeirError(
                .corrupt,
                "a deletion vector does not say which data file it belongs to, or where in the file it is",
                at: file.path
            )
        }
        if let other = vectors.updateValue(delete, forKey: path) {
            throw WeirError(
                .corrupt,
                "a data file has two deletion vectors, in \(other.file.path) and \(file.path)",
                at: path,
                advice: "the engine that wrote them must have them replaced by one"
            )
        }
    }

    /// A deletion vector holds all position deletes of its data file: other ones are ignored (spec, "Scan Planning").
    /// Position deletes apply to files of the same commit and older ones, equality deletes to older ones only.
    func deletes(for task: FileScanTask) -> [DeleteFile] {
        let partition = byPartition.isEmpty ? nil : byPartition[PartitionKey(task.file)]
        var found: [DeleteFile] = []
        let vector = vectors[task.file.path].flatMap { vector in
            task.dataSequenceNumber <= vector.dataSequenceNumber && vector.file.mayDelete(from: task.file)
                ? vector : nil
        }
        if let vector { found.append(vector) }
        for candidates in [global, byFile[task.file.path] ?? [], partition ?? []] {
            for delete in candidates where vector == nil || delete.content == .equalityDeletes {
                let isInForce =
                    delete.content == .equalityDeletes
                    ? task.dataSequenceNumber < delete.dataSequenceNumber
                    : task.dataSequenceNumber <= delete.dataSequenceNumber
                if isInForce, delete.file.mayDelete(from: task.file) { found.append(delete) }
            }
        }
        if found.count > 1 {
            found.sort { ($0.dataSequenceNumber, $0.file.path) < ($1.dataSequenceNumber, $1.file.path) }
        }
        return found
    }
}
