import Bytes

/// One state of a table.
public struct Snapshot: Hashable, Sendable {
    public let id: Int64
    public let parentId: Int64?
    /// 0 in version 1 tables.
    public let sequenceNumber: Int64
    /// Milliseconds since 1970.
    public let timestampMs: Int64
    /// The location of the manifest list; nil if version 1 metadata lists the manifests directly.
    public let manifestList: String?
    public let manifests: [String]
    /// `append`, `overwrite`, `replace` or `delete`; nil in old version 1 metadata.
    public let operation: String?
    /// The other entries of the summary.
    public let summary: [String: String]
    public let schemaId: Int?
    /// The first row id of the rows that this snapshot adds (version 3).
    public let firstRowId: Int64?
    /// How many row ids this snapshot takes (version 3).
    public let addedRows: Int64?
    /// The key that encrypts the manifest list (version 3); nil if it is not encrypted.
    public let keyId: String?
    let serialized: SerializedJSON

    public init(
        id: Int64,
        parentId: Int64?,
        sequenceNumber: Int64,
        timestampMs: Int64,
        manifestList: String,
        operation: String,
        summary: [String: String],
        schemaId: Int?,
        firstRowId: Int64? = nil,
        addedRows: Int64? = nil
    ) {
        self.id = id
        self.parentId = parentId
        self.sequenceNumber = sequenceNumber
        self.timestampMs = timestampMs
        self.manifestList = manifestList
        self.manifests = []
        self.operation = operation
        self.summary = summary
        self.schemaId = schemaId
        self.firstRowId = firstRowId
        self.addedRows = addedRows
        keyId = nil
        var json: JSONObject = ["sequence-number": .integer(sequenceNumber), "snapshot-id": .integer(id)]
        if let parentId { json["parent-snapshot-id"] = .integer(parentId) }
        json["timestamp-ms"] = .integer(timestampMs)
        var summaryJSON: JSONObject = ["operation": .string(operation)]
        for entry in JSONObject(texts: summary).entries where entry.key != "operation" {
            summaryJSON[entry.key] = entry.value
        }
        json["summary"] = .object(summaryJSON)
        json["manifest-list"] = .string(manifestList)
        if let schemaId { json["schema-id"] = .integer(Int64(schemaId)) }
        if let firstRowId { json["first-row-id"] = .integer(firstRowId) }
        if let addedRows { json["added-rows"] = .integer(addedRows) }
        serialized = SerializedJSON(json)
    }

    var json: JSONObject { serialized.json }

    init(json: JSONObject) throws(WeirError) {
        serialized = SerializedJSON(json)
        id = try json.long("snapshot-id")
        parentId = try json.optionalLong("parent-snapshot-id")
        sequenceNumber = try json.optionalLong("sequence-number") ?? 0
        timestampMs = try json.long("timestamp-ms")
        manifestList = try json.optionalString("manifest-list")
        manifests = (try json.optionalArray("manifests") ?? []).compactMap(\.asString)
        var summary = try json.texts("summary")
        operation = summary.removeValue(forKey: "operation")
        self.summary = summary
        schemaId = try json.optionalInt("schema-id")
        firstRowId = try json.optionalLong("first-row-id")
        addedRows = try json.optionalLong("added-rows")
        keyId = try json.optionalString("key-id")
        guard manifestList != nil || json["manifests"] != nil else {
            throw WeirError(.corrupt, "snapshot \(id) names no manifest list")
        }
    }
}

/// A branch or tag.
public struct SnapshotReference: Hashable, Sendable {
    public let snapshotId: Int64
    public let isTag: Bool
    public let minSnapshotsToKeep: Int?
    public let maxSnapshotAgeMs: Int64?
    public let maxReferenceAgeMs: Int64?
    let json: JSONObject

    public init(branch snapshotId: Int64) { self.init(snapshotId, isTag: false) }

    public init(tag snapshotId: Int64, maxAgeMs: Int64? = nil) {
        self.init(snapshotId, isTag: true, maxReferenceAgeMs: maxAgeMs)
    }

    private init(_ snapshotId: Int64, isTag: Bool, maxReferenceAgeMs: Int64? = nil) {
        self.snapshotId = snapshotId
        self.isTag = isTag
        minSnapshotsToKeep = nil
        maxSnapshotAgeMs = nil
        self.maxReferenceAgeMs = maxReferenceAgeMs
        var json: JSONObject = [
            "snapshot-id": .integer(snapshotId), "type": .string(isTag ? "tag" : "branch"),
        ]
        if let maxReferenceAgeMs { json["max-ref-age-ms"] = .integer(maxReferenceAgeMs) }
        self.json = json
    }

    init(json: JSONObject) throws(WeirError) {
        self.json = json
        snapshotId = try json.long("snapshot-id")
        isTag = try json.string("type") == "tag"
        minSnapshotsToKeep = try json.optionalInt("min-snapshots-to-keep")
        maxSnapshotAgeMs = try json.optionalLong("max-snapshot-age-ms")
        maxReferenceAgeMs = try json.optionalLong("max-ref-age-ms")
    }

    func isSame(as other: SnapshotReference) -> Bool {
        snapshotId == other.snapshotId && isTag == other.isTag && minSnapshotsToKeep == other.minSnapshotsToKeep
            && maxSnapshotAgeMs == other.maxSnapshotAgeMs && maxReferenceAgeMs == other.maxReferenceAgeMs
    }

    /// The same reference and retention, pointing to another snapshot.
    public func moved(to snapshotId: Int64) throws(WeirError) -> SnapshotReference {
        var json = json
        json["snapshot-id"] = .integer(snapshotId)
        return try SnapshotReference(json: json)
    }
}

/// When a snapshot became current.
public struct SnapshotLogEntry: Hashable, Sendable {
    public let timestampMs: Int64
    public let snapshotId: Int64

    public init(timestampMs: Int64, snapshotId: Int64) {
        self.timestampMs = timestampMs
        self.snapshotId = snapshotId
    }
}

/// A previous metadata file.
public struct MetadataLogEntry: Hashable, Sendable {
    public let timestampMs: Int64
    public let path: String

    public init(timestampMs: Int64, path: String) {
        self.timestampMs = timestampMs
        self.path = path
    }
}
