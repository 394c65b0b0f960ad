import Bytes

/// A Puffin file that is registered for a snapshot.
public struct StatisticsFile: Hashable, Sendable {
    public let snapshotId: Int64
    public let path: String
    /// In bytes.
    public let fileSize: Int64
    public let footerSize: Int64
    public let blobs: [BlobMetadata]
    let serialized: SerializedJSON

    public struct BlobMetadata: Hashable, Sendable {
        public let type: String
        public let snapshotId: Int64
        public let sequenceNumber: Int64
        public let fields: [Int]
        public let properties: [String: String]

        public init(
            type: String,
            snapshotId: Int64,
            sequenceNumber: Int64,
            fields: [Int] = [],
            properties: [String: String] = [:]
        ) {
            self.type = type
            self.snapshotId = snapshotId
            self.sequenceNumber = sequenceNumber
            self.fields = fields
            self.properties = properties
        }
    }

    public init(snapshotId: Int64, path: String, fileSize: Int64, footerSize: Int64, blobs: [BlobMetadata]) {
        self.snapshotId = snapshotId
        self.path = path
        self.fileSize = fileSize
        self.footerSize = footerSize
        self.blobs = blobs
        serialized = SerializedJSON([
            "snapshot-id": .integer(snapshotId), "statistics-path": .string(path),
            "file-size-in-bytes": .integer(fileSize), "file-footer-size-in-bytes": .integer(footerSize),
            "blob-metadata": .array(
                blobs.map { blob in
                    var json: JSONObject = [
                        "type": .string(blob.type), "snapshot-id": .integer(blob.snapshotId),
                        "sequence-number": .integer(blob.sequenceNumber),
                        "fields": .array(blob.fields.map { .integer(Int64($0)) }),
                    ]
                    if !blob.properties.isEmpty { json["properties"] = .object(JSONObject(texts: blob.properties)) }
                    return .object(json)
                }
            ),
        ])
    }

    var json: JSONObject { serialized.json }

    /// Whether both are copies of one.
    static func areOne(_ left: StatisticsFile, _ right: StatisticsFile) -> Bool {
        SerializedJSON.areOne(left.serialized, right.serialized)
    }

    init(json: JSONObject) throws(WeirError) {
        serialized = SerializedJSON(json)
        snapshotId = try json.long("snapshot-id")
        path = try json.string("statistics-path")
        fileSize = try json.long("file-size-in-bytes")
        footerSize = try json.long("file-footer-size-in-bytes")
        blobs = try json.objects("blob-metadata").map { (blob) throws(WeirError) in
            BlobMetadata(
                type: try blob.string("type"),
                snapshotId: try blob.long("snapshot-id"),
                sequenceNumber: try blob.long("sequence-number"),
                fields: try (blob.optionalArray("fields") ?? []).map { (value) throws(WeirError) in
                    try Manifest.narrow(value.asInteger ?? .max)
                },
                properties: try blob.texts("properties")
            )
        }
    }
}
