import Columnar
import IcebergFormat
import IcebergTables
import MixedTables

/// What a strategy has to know of a table: sizes and deletes of its data files, by partition. No I/O, no content.
public struct TablePicture: Sendable {
    /// A data file.
    public struct File: Sendable, Equatable {
        /// An index into the files that the picture was made of.
        public var id: Int
        public var bytes: Int64
        public var rows: Int64
        /// Rows that position deletes remove. Of delete files that concern several data files this is an estimate.
        public var deletedRows: Int64
        /// Where its keys are in the tree of key hashes; the root for tables without key.
        public var node: TreeNode
        /// Position-delete files and vectors, those of this file alone, and equality-delete files.
        public var positionDeletes: Int
        public var ownDeletes: Int
        public var equalityDeletes: Int

        public init(
            id: Int,
            bytes: Int64,
            rows: Int64,
            deletedRows: Int64 = 0,
            node: TreeNode = .root,
            positionDeletes: Int = 0,
            ownDeletes: Int? = nil,
            equalityDeletes: Int = 0
        ) {
            (self.id, self.bytes, self.rows, self.deletedRows, self.node) = (id, bytes, rows, deletedRows, node)
            self.positionDeletes = positionDeletes
            self.ownDeletes = ownDeletes ?? positionDeletes
            self.equalityDeletes = equalityDeletes
        }

        var hasDeletes: Bool { positionDeletes + equalityDeletes > 0 }
        /// Whether its deletes are not in the form that readers open fastest: one delete file of its own.
        var hasLooseDeletes: Bool { positionDeletes > 1 || ownDeletes < positionDeletes || equalityDeletes > 0 }
    }

    /// A partition.
    public struct Partition: Sendable {
        /// `name=value/…`, empty without partitions.
        public var path: String
        public var files: [File]
        /// Equality-delete files that apply to any of the files.
        public var equalityDeletes: Int

        public init(path: String = "", files: [File], equalityDeletes: Int = 0) {
            (self.path, self.files, self.equalityDeletes) = (path, files, equalityDeletes)
        }
    }

    public var partitions: [Partition]
    public var isKeyed: Bool
    /// Nodes of new files; 1 for tables without key.
    public var buckets: Int

    public init(partitions: [Partition], isKeyed: Bool, buckets: Int = 1) {
        (self.partitions, self.isKeyed, self.buckets) = (partitions, isKeyed, buckets)
    }

    /// Whether a file has keys of several nodes of new files.
    func isMisplaced(_ file: File) -> Bool { isKeyed && file.node.mask < buckets - 1 }

    /// - Parameter tasks: all data files of base. Files are known by their index.
    public init(_ tasks: [FileScanTask], of table: MixedTable, buckets: Int) {
        isKeyed = table.isKeyed
        self.buckets = buckets
        var users: [DataFile.ContentLocation: Int64] = [:]
        for task in tasks {
            for delete in task.deletes where delete.file.deletedDataFile == nil {
                users[delete.file.contentLocation, default: 0] += 1
            }
        }
        var groups: [PartitionKey: [Int]] = [:]
        for (index, task) in tasks.enumerated() { groups[PartitionKey(task.file), default: []].append(index) }
        partitions = groups.map { key, indices in
            let equality = indices.flatMap { tasks[$0].deletes }.filter { $0.content == .equalityDeletes }
            let spec = table.base.metadata.spec(id: tasks[indices[0]].specId)
            return Partition(
                path: spec?.path(for: tasks[indices[0]].file.partition) ?? "",
                files: indices.map { Self.file($0, tasks[$0], users, isKeyed: table.isKeyed) },
                equalityDeletes: Set(equality.map(\.file.contentLocation)).count
            )
        }.sorted { ($0.path, $0.files.first?.id ?? 0) < ($1.path, $1.files.first?.id ?? 0) }
    }

    private static func file(
        _ index: Int,
        _ task: FileScanTask,
        _ users: [DataFile.ContentLocation: Int64],
        isKeyed: Bool
    ) -> File {
        let positions = task.deletes.filter { $0.content == .positionDeletes }
        let deleted = positions.reduce(Int64(0)) { sum, delete in
            let share = max(1, users[delete.file.contentLocation] ?? 1)
            return sum.addingReportingOverflow(delete.file.recordCount / share).partialValue
        }
        return File(
            id: index,
            bytes: task.file.fileSize,
            rows: task.file.recordCount,
            deletedRows: max(0, min(deleted, task.file.recordCount)),
            node: isKeyed ? FileRole.base(path: task.file.path).node : .root,
            positionDeletes: positions.count,
            ownDeletes: positions.filter { $0.file.deletedDataFile == task.file.path }.count,
            equalityDeletes: task.deletes.count - positions.count
        )
    }
}
