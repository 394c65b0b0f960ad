import Bytes
import IcebergFormat
import IcebergTables
import Values

/// Changes that are missing from a change store: other engines expire them once they are merged into base.
struct MissingChanges: Sendable, Equatable {
    /// Sequence numbers of commits whose files were deleted.
    var deleted: ClosedRange<Int64>?
    /// The oldest remaining snapshot; what happened before it is not known.
    var oldest: Snapshot?
    let store: String

    /// Nil when nothing is missing.
    ///
    /// - Parameters:
    ///   - history: the commits to read.
    ///   - start: changes with a higher sequence number are needed.
    init?(in change: Table, _ history: SnapshotHistory, above start: Int64) throws(WeirError) {
        store = change.identifier.description
        if case .expired(let snapshot) = history.beginning {
            if let known = ExpiredCommits(change.metadata) {
                // The expired commits were looked at before: their files are there, but for those up to this one.
                if known.removedUpTo > start { deleted = start.addingClamped(1)...known.removedUpTo }
            } else {
                oldest = snapshot
            }
        }
        for snapshot in history.snapshots where snapshot.operation != SnapshotOperation.append.rawValue {
            for manifest in try change.manifests(of: snapshot) where manifest.mayHaveRemoved(by: snapshot) {
                for entry in try change.entries(of: manifest) where entry.isRemoved(by: snapshot) {
                    let sequence = entry.dataSequenceNumber ?? 0
                    guard sequence > start else { continue }
                    deleted = min(deleted?.lowerBound ?? sequence, sequence)...max(deleted?.upperBound ?? 0, sequence)
                }
            }
        }
        if deleted == nil && oldest == nil { return nil }
    }

    private var reasons: String {
        var reasons: [String] = []
        if let deleted {
            let span =
                deleted.count == 1
                ? "sequence \(deleted.lowerBound)" : "sequences \(deleted.lowerBound) to \(deleted.upperBound)"
            reasons.append("files with changes of \(span) were deleted")
        }
        if let oldest {
            reasons.append("the history before snapshot \(oldest.id), sequence \(oldest.sequenceNumber), has expired")
        }
        return reasons.joined(separator: ", and ")
    }

    /// The message for a reader that accepts gaps.
    var notice: String {
        "changes may be missing from \(store): \(reasons). What is still there is read; 'full' begins with the rows as "
            + "they are"
    }

    /// The error for a reader that continues from a position and needs all later changes.
    func error(_ table: TableIdentifier) -> WeirError {
        WeirError(
            .notFound,
            "changes of \(table) are gone that come next: \(reasons)",
            at: store,
            advice: "read 'full' and go on from there"
        )
    }
}

extension ManifestFile {
    /// Whether the manifest may list files that the snapshot removed.
    func mayHaveRemoved(by snapshot: Snapshot) -> Bool {
        content == .data && addedSnapshotId == snapshot.id && deletedFiles != 0
    }
}

extension ManifestEntry {
    func isRemoved(by snapshot: Snapshot) -> Bool { status == .deleted && snapshotId == snapshot.id }
}
