import Bytes
import IcebergFormat
import IcebergTables
import MixedTables

/// The number of files that a read of the newest state opens.
struct FileCounts: Equatable {
    /// Data and delete files of the base store.
    var base = 0
    /// Files of the change store that are not merged into the base store yet.
    var unmerged = 0
}

/// One file of a table as listed by `weir table files`.
struct TableFile {
    let store: String
    let file: DataFile
    let partition: String
    let node: String
    let type: String
    let sequence: Int64
    /// Whether the base store already contains the file's changes; nil for base files.
    let isMerged: Bool?
}

extension MixedTable {
    /// The files of the current snapshots, base first.
    func files() throws(WeirError) -> [TableFile] { try files(at: ReadPoint(current: self)) }

    /// The files of both stores at a read point, base first.
    func files(at point: ReadPoint) throws(WeirError) -> [TableFile] {
        var files: [TableFile] = []
        var seen: Set<DataFile.ContentLocation> = []
        for task in try point.baseSnapshotId.map({ (id) throws(WeirError) in try base.plan(snapshotId: id) }) ?? [] {
            let role = FileRole.base(path: task.file.path)
            let sequence = task.dataSequenceNumber
            files.append(tableFile("base", task.file, role, isKeyed ? role.type.rawValue : "data", sequence, nil))
            for delete in task.deletes where seen.insert(delete.file.contentLocation).inserted {
                let type =
                    delete.file.isDeletionVector
                    ? "deletion vector"
                    : delete.content == .positionDeletes ? "position deletes" : "equality deletes"
                // A vector belongs to the node of its data file, whatever its own file is called.
                let role = delete.file.isDeletionVector ? role : FileRole.base(path: delete.file.path)
                files.append(tableFile("base", delete.file, role, type, delete.dataSequenceNumber, nil))
            }
        }
        guard let change, let changeSnapshotId = point.changeSnapshotId else { return files }
        let optimized = try OptimizedSequence.read(base, snapshotId: point.baseSnapshotId)
        for task in try change.plan(snapshotId: changeSnapshotId) {
            let role = FileRole.change(path: task.file.path, dataSequenceNumber: task.dataSequenceNumber)
            let sequence = task.dataSequenceNumber
            let isMerged = sequence <= optimized.sequence(ofPartition: task.file.partition)
            files.append(tableFile("change", task.file, role, role.type.rawValue, sequence, isMerged))
        }
        return files
    }

    private func tableFile(
        _ store: String,
        _ file: DataFile,
        _ role: FileRole,
        _ type: String,
        _ sequence: Int64,
        _ isMerged: Bool?
    ) -> TableFile {
        TableFile(
            store: store,
            file: file,
            partition: path(file),
            node: isKeyed ? String(role.node.id) : "",
            type: type,
            sequence: sequence,
            isMerged: isMerged
        )
    }

    private func path(_ file: DataFile) -> String {
        (base.metadata.spec(id: file.specId) ?? base.spec).path(for: file.partition)
    }

    func fileCounts() throws(WeirError) -> FileCounts {
        var counts = FileCounts()
        for file in try files() {
            switch file.isMerged {
            case nil: counts.base += 1
            case false?: counts.unmerged += 1
            case true?: break
            }
        }
        return counts
    }
}
