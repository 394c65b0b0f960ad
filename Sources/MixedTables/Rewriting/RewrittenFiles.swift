import IcebergFormat
import IcebergTables

/// What became of some data files of one partition: new files with their live rows, or new deletes alone. Nothing refers
/// to the new files yet.
struct RewrittenFiles: Sendable {
    /// A data file as it was when it was read.
    struct Input: Sendable {
        let task: FileScanTask
        /// The rows that its deletes removed then, and those of them that are named by their position.
        let deleted: DeletedRows
        let positions: DeletedRows
        /// Where the others are now; nil when the file stays and only its deletes are made anew.
        var map: RowMap?
    }

    var inputs: [Input]
    var outputs: [DataFile]

    /// Whether a delete file concerns other data files as well.
    var hasSharedDeletes: Bool {
        inputs.contains { input in input.task.deletes.contains { $0.file.deletedDataFile != input.task.file.path } }
    }

    /// Whether the data files stay.
    var keepsData: Bool { inputs.allSatisfy { $0.map == nil } }
}
