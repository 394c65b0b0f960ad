import Bytes

/// One state of a table.
///
/// A reference to what never changes: every state of a table has all of its snapshots, and each commit copies them.
public struct Snapshot: Hashable, Sendable {
    private let content: Content

    public var id: Int64 { content.id }
    public var parentId: Int64? { content.parentId }
    /// 0 in version 1 tables.
    public var sequenceNumber: Int64 { content.sequenceNumber }
    /// Milliseconds since 1970.
    public var timestampMs: Int64 { content.timestampMs }
    /// The location of the manifest list; nil if version 1 metadata lists the manifests directly.
    public var manifestList: String? { content.manifestList }
    public var manifests: [String] { content.manifests }
    /// `append`, `overwrite`, `replace` or `delete`; nil in old version 1 metadata.
    public var operation: String? { content.operation }
    /// The other entries of the summary.
    public var summary: [String: String] { content.summary }
    public var schemaId: Int? { content.schemaId }
    /// The first row id of the rows that this snapshot adds (version 3).
    public var firstRowId: Int64? { content.firstRowId }
    /// How many row ids this snapshot takes (version 3).
    public var addedRows: Int64? { content.addedRows }
    /// The key that encrypts the manifest list (version 3); nil if it is not encrypted.
    public var keyId: String? { content.keyId }
    var serialized: SerializedJSON { content.serialized }
    var json: JSONObject { content.serialized.json }

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
        content = Content(
            id: id,
            parentId: parentId,
            sequenceNumber: sequenceNumber,
            timestampMs: timestampMs,
            manifestList: manifestList,
            operation: operation,
            summary: summary,
            schemaId: schemaId,
            firstRowId: firstRowId,
            addedRows: addedRows,
            SerializedJSON(json)
        )
    }

    init(json: JSONObject) throws(WeirError) { content = try Content(json) }

    /// Whether both are copies of one.
    static func areOne(_ left: Snapshot, _ right: Snapshot) -> Bool { left.content === right.content }

    public static func == (left: Snapshot, right: Snapshot) -> Bool {
        left.content === right.content || left.json == right.json
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(id) }

    private final class Content: Sendable {
        let id: Int64
        let parentId: Int64?
        let sequenceNumber: Int64
        let timestampMs: Int64
        let manifestList: String?
        let manifests: [String]
        let operation: String?
        let summary: [String: String]
        let schemaId: Int?
        let firstRowId: Int64?
        let addedRows: Int64?
        let keyId: String?
        let serialized: SerializedJSON

        init(
            id: Int64,
            parentId: Int64?,
            sequenceNumber: Int64,
            timestampMs: Int64,
            manifestList: String,
            operation: String,
            summary: [String: String],
            schemaId: Int?,
            firstRowId: Int64?,
            addedRows: Int64?,
            _ serialized: SerializedJSON
        ) {
            self.id = id
            self.parentId = parentId
            self.sequenceNumber = sequenceNumber
            self.timestampMs = timestampMs
            self.manifestList = manifestList
            manifests = []
            self.operation = operation
            self.summary = summary
            self.schemaId = schemaId
            self.firstRowId = firstRowId
            self.addedRows = addedRows
            keyId = nil
            self.serialized = serialized
        }

        init(_ json: JSONObject) throws(WeirError) {
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
