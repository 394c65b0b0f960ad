import Bytes
import Columnar
import IcebergFormat
import IcebergTables

/// The input of one merge-on-read task: the data files of one node, and all deletes that can apply to their keys.
struct NodeTask: Sendable {
    struct File: Sendable {
        let task: FileScanTask
        let role: FileRole
        /// Rows of base files come after every offset of their transaction, so only newer transactions can delete them.
        let isBase: Bool
    }

    let partition: [Scalar]
    let path: String
    let node: TreeNode
    /// Base and insert files.
    var dataFiles: [File]
    /// Delete files of the change store whose node is an ancestor or a descendant.
    var deleteFiles: [File]
}

extension NodeTask {
    /// Rows of the data files, deleted ones included.
    var rowCount: Int64 { dataFiles.reduce(0) { $0.addingClamped($1.task.file.recordCount) } }

    /// The same task in parts with about so many rows; a file is in one part. With delete files it is one part: each
    /// would read all of them.
    func parts(ofRows limit: Int64) -> [NodeTask] {
        guard deleteFiles.isEmpty else { return [self] }
        var parts: [NodeTask] = []
        var (files, rows): ([File], Int64) = ([], 0)
        func end() {
            if files.isEmpty { return }
            var part = self
            part.dataFiles = files
            parts.append(part)
            (files, rows) = ([], 0)
        }
        for file in dataFiles {
            files.append(file)
            rows = rows.addingClamped(file.task.file.recordCount)
            if rows >= limit { end() }
        }
        end()
        return parts
    }
}

/// Plans merge-on-read: which change files are not merged into base yet, and which deletes apply to which data (spec
/// section 5.1).
struct NodeTaskPlan: Sendable {
    let tasks: [NodeTask]
    /// The highest data sequence number of the change files in the plan, by partition path.
    let sequences: [String: Int64]

    /// - Parameter optimized: how much of the change store is in base; nil when all given change files count.
    init(
        base: [FileScanTask],
        change: [FileScanTask],
        optimized: OptimizedSequence? = nil,
        upTo sequence: Int64? = nil,
        spec: PartitionSpec
    ) throws(WeirError) {
        var partitions: [PartitionKey: PartitionFiles] = [:]
        var sequences: [String: Int64] = [:]
        for task in base + change where task.specId != spec.id {
            throw Self.otherSpec(task.file.path)
        }
        for task in base {
            let path = spec.path(for: task.file.partition)
            let role = FileRole.base(path: task.file.path)
            partitions[PartitionKey(task.file), default: PartitionFiles(path, task.file.partition)].data.append(
                NodeTask.File(task: task, role: role, isBase: true)
            )
        }
        for task in change {
            guard task.dataSequenceNumber > 0 else { throw Self.withoutSequence(task.file.path) }
            let path = spec.path(for: task.file.partition)
            let merged = optimized?.sequence(ofPartition: task.file.partition) ?? 0
            guard task.dataSequenceNumber > merged else { continue }
            if let sequence, task.dataSequenceNumber > sequence { continue }
            sequences[path] = max(sequences[path] ?? 0, task.dataSequenceNumber)
            let role = FileRole.change(path: task.file.path, dataSequenceNumber: task.dataSequenceNumber)
            let file = NodeTask.File(task: task, role: role, isBase: false)
            // Two partitions may share a path: null and the text "null" look the same in it.
            let key = PartitionKey(task.file)
            if role.type == .equalityDelete {
                partitions[key, default: PartitionFiles(path, task.file.partition)].deletes.append(file)
            } else {
                partitions[key, default: PartitionFiles(path, task.file.partition)].data.append(file)
            }
        }
        var tasks: [NodeTask] = []
        for files in partitions.values.sorted(by: { ($0.path, $0.first) < ($1.path, $1.first) }) {
            for (node, data) in Dictionary(grouping: files.data, by: \.role.node).sorted(by: { $0.key.id < $1.key.id })
            {
                let related = files.deletes.filter { $0.role.node.overlaps(node) }
                tasks.append(
                    NodeTask(
                        partition: files.partition,
                        path: files.path,
                        node: node,
                        dataFiles: data,
                        deleteFiles: related
                    )
                )
            }
        }
        self.tasks = tasks
        self.sequences = sequences
    }

    /// The error for files of two partition specs, in which partitions no longer separate keys (spec section 1.6).
    static func otherSpec(_ path: String) -> WeirError {
        WeirError(
            .unsupported,
            "a keyed table holds files of an older partition spec",
            at: path,
            advice: "rewrite the table with its current partition spec"
        )
    }

    /// The error for files that were committed in format version 1 and therefore have no order.
    static func withoutSequence(_ path: String) -> WeirError {
        WeirError(
            .unsupported,
            "a change store holds a file of format version 1, whose changes have no order",
            at: path,
            advice: "write the changes again, to a table of version 2"
        )
    }

    private struct PartitionFiles {
        let path: String
        let partition: [Scalar]
        var data: [NodeTask.File] = []
        var deletes: [NodeTask.File] = []

        /// Tells partitions apart that share a path.
        var first: String { data.first?.task.file.path ?? "" }

        init(_ path: String, _ partition: [Scalar]) {
            self.path = path
            self.partition = partition
        }
    }
}
