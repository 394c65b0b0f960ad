import Bytes

/// One state of a table.
///
/// A class, since nothing of it changes: every state of a table has all of its snapshots, and each commit copies them.
public final class Snapshot: Hashable, Sendable {
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
    var json: JSONObject { serialized.json }

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
        manifests = []
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

    public static func == (left: Snapshot, right: Snapshot) -> Bool { left === right || left.json == right.json }

    public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}
