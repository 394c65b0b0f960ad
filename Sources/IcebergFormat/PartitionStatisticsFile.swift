import Bytes

/// A file of partition statistics that is registered for a snapshot. Weir does not read such files.
public struct PartitionStatisticsFile: Hashable, Sendable {
    public let snapshotId: Int64
    public let path: String
    /// In bytes; nil if the writer left it out.
    public let fileSize: Int64?
    let json: JSONObject

    public init(snapshotId: Int64, path: String, fileSize: Int64) {
        self.snapshotId = snapshotId
        self.path = path
        self.fileSize = fileSize
        json = [
            "snapshot-id": .integer(snapshotId), "statistics-path": .string(path),
            "file-size-in-bytes": .integer(fileSize),
        ]
    }

    init(json: JSONObject) throws(WeirError) {
        self.json = json
        snapshotId = try json.long("snapshot-id")
        path = try json.string("statistics-path")
        fileSize = try json.optionalLong("file-size-in-bytes")
    }
}
