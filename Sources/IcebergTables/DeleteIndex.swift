import Bytes
import IcebergFormat

/// The delete files of a snapshot, indexed by the data files they apply to.
struct DeleteIndex {
    /// Position deletes of a single data file, by its path.
    private var byFile: [String: [DeleteFile]] = [:]
    private var byPartition: [PartitionKey: [DeleteFile]] = [:]
    /// Equality deletes of an unpartitioned spec apply to every data file.
    private var global: [DeleteFile] = []

    mutating func add(_ delete: DeleteFile) throws(WeirError) {
        let file = delete.file
        guard file.format != .puffin else {
            throw WeirError(
                .unsupported,
                "the table deletes rows with deletion vectors of format version 3, which cannot be read",
                at: file.path,
                advice: "compact the table with the engine that wrote it"
            )
        }
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

    /// Position deletes apply to files of the same commit and older ones, equality deletes to older ones only.
    func deletes(for task: FileScanTask) -> [DeleteFile] {
        let partition = byPartition.isEmpty ? nil : byPartition[PartitionKey(task.file)]
        var found: [DeleteFile] = []
        for candidates in [global, byFile[task.file.path] ?? [], partition ?? []] {
            for delete in candidates {
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
