import Bytes

/// A branch or tag.
public struct SnapshotReference: Hashable, Sendable {
    public let snapshotId: Int64
    public let isTag: Bool
    public let minSnapshotsToKeep: Int?
    public let maxSnapshotAgeMs: Int64?
    public let maxReferenceAgeMs: Int64?
    let json: JSONObject

    /// - Parameter maxAgeMs: how long after its snapshot was made it stays; nil for what the table says.
    public init(branch snapshotId: Int64, maxAgeMs: Int64? = nil) {
        self.init(snapshotId, isTag: false, maxReferenceAgeMs: maxAgeMs)
    }

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
