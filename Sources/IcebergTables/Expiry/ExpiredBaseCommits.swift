import Bytes
import IcebergFormat
import Values

/// What is remembered of the expired commits of a keyed table's base store, for those that hold a copy of its rows or
/// keys as of one of them.
///
/// Stored as the table property `weir.expired-base-commits` by the commit that expires snapshots:
/// `{"snapshot":7,"sequence":3,"changed":0,"optimizer":false}`.
public struct ExpiredBaseCommits: Sendable, Equatable {
    public static let property = "weir.expired-base-commits"
    /// The mark of this writer's optimizing commits.
    private static let ownMark = "weir.optimized-sequence.exist"

    /// The newest expired commit: the parent of the oldest one left.
    public private(set) var snapshotId: Int64
    public private(set) var sequence: Int64
    /// The newest of them that changed rows otherwise than by optimizing, or that followed others that were rolled back, by
    /// sequence number; 0 for none.
    public private(set) var changedAt: Int64
    /// Whether another optimizer of Mixed tables has made any of them.
    public private(set) var hasForeignOptimizer: Bool

    /// The record of a table. Nil if it has none, or if others have expired more since.
    public init?(_ metadata: TableMetadata) {
        guard let oldest = metadata.mainAncestors.last, let record = Self.stored(metadata),
            oldest.parentId == record.snapshotId
        else { return nil }
        self = record
        noteGap(before: oldest)
    }

    /// Whether another optimizer has made any of the commits that have expired, as far as is remembered.
    public static func haveForeignOptimizer(_ metadata: TableMetadata) -> Bool {
        stored(metadata)?.hasForeignOptimizer ?? false
    }

    /// Whether all rows that a holder has seen are in the table still, or were moved by optimizing: the commits after
    /// the one that it knows have expired, and are remembered.
    ///
    /// - Parameter known: the sequence number of the holder's state.
    public func keepRows(since known: Int64) -> Bool { known > 0 && changedAt <= known }

    private init(behind snapshot: Snapshot, changedAt: Int64, hasForeignOptimizer: Bool) {
        snapshotId = snapshot.id
        sequence = snapshot.sequenceNumber
        self.changedAt = changedAt
        self.hasForeignOptimizer = hasForeignOptimizer
    }

    // MARK: - Recording

    /// Whether commits of a store with these properties are remembered in this form.
    static func areKept(_ properties: [String: String]) -> Bool { !ExpiredCommits.areKept(properties) }

    /// The record after snapshots have expired; nil if none of main does.
    static func recorded(_ metadata: TableMetadata, _ expiry: SnapshotExpiry) -> ExpiredBaseCommits? {
        let gone = Set(expiry.snapshots)
        let line = metadata.mainAncestors
        guard let first = line.firstIndex(where: { gone.contains($0.id) }), let oldest = line.last else { return nil }
        // What was before it is not known.
        let begin = oldest.hasLostParent ? oldest.sequenceNumber : 0
        var record =
            ExpiredBaseCommits(metadata)
            ?? ExpiredBaseCommits(
                behind: oldest,
                changedAt: begin,
                hasForeignOptimizer: haveForeignOptimizer(metadata)
            )
        for snapshot in line[first...].reversed() {
            record.noteGap(before: snapshot)
            if snapshot.isOptimizersCommit, snapshot.summary[ownMark] != "true" { record.hasForeignOptimizer = true }
            if snapshot.changesRows, !snapshot.isOptimizing { record.changedAt = snapshot.sequenceNumber }
            record.snapshotId = snapshot.id
            record.sequence = snapshot.sequenceNumber
        }
        return record
    }

    /// Numbers that are missing are of commits that were rolled back, or of branches: a holder of one of them has to look.
    private mutating func noteGap(before next: Snapshot) {
        if next.id != snapshotId, next.sequenceNumber != sequence.addingClamped(1) {
            changedAt = max(changedAt, next.sequenceNumber)
        }
    }

    // MARK: - JSON

    private static func stored(_ metadata: TableMetadata) -> ExpiredBaseCommits? {
        metadata.properties[property].flatMap { try? ExpiredBaseCommits(json: $0) }
    }

    private init(json text: String) throws(WeirError) {
        guard let object = try JSONValue.parse(text).asObject else {
            throw WeirError(.corrupt, "property \(Self.property) is no object")
        }
        snapshotId = try object.long("snapshot")
        sequence = try object.long("sequence")
        changedAt = try object.long("changed")
        hasForeignOptimizer = object["optimizer"] == .bool(true)
    }

    var json: String {
        let object: JSONObject = [
            "snapshot": .integer(snapshotId), "sequence": .integer(sequence), "changed": .integer(changedAt),
            "optimizer": .bool(hasForeignOptimizer),
        ]
        return JSONValue.object(object).text
    }
}
