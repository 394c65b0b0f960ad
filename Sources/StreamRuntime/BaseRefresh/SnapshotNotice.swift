import Bytes
import IcebergFormat
import IcebergTables

/// What a run says about the snapshots of a base store: that more are left than their expiry should leave, or that the
/// properties which govern it cannot be read.
struct SnapshotNotice {
    /// Above this number of snapshots it says so.
    let snapshotsMax: Int
    private var told: Set<String> = []
    private var lastCounts: [String: Int] = [:]

    init(snapshotsMax: Int) { self.snapshotsMax = snapshotsMax }

    /// What to say after a commit to a table's base store; each text once.
    mutating func next(_ name: String, _ metadata: TableMetadata) -> [String] {
        let retention = SnapshotRetention(metadata.properties)
        var texts: [String] = []
        for property in retention.refused where told.insert("\(property) of \(name)").inserted {
            texts.append(
                "property \(property) of \(name) is '\(metadata.properties[property] ?? "")', which is no value of it: "
                    + "snapshots expire as if it were not set"
            )
        }
        let count = metadata.snapshots.count
        let last = lastCounts.updateValue(count, forKey: name)
        let limit = retention.isEnabled ? max(snapshotsMax, 2 * retention.countMax) : snapshotsMax
        // A table that comes with many gets rid of some of them with each commit.
        let isStuck = !retention.isEnabled || last.map { count >= $0 } ?? false
        if count > limit, isStuck, told.insert(name).inserted {
            texts.append(
                "the base store of \(name) has \(count) snapshots, whose metadata every commit to it writes again: "
                    + "\(Self.reason(metadata, retention)) (docs/operating.md)"
            )
        }
        return texts
    }

    private static func reason(_ metadata: TableMetadata, _ retention: SnapshotRetention) -> String {
        if metadata.properties["gc.enabled"]?.lowercased() == "false" { return "gc.enabled is false, so none expire" }
        if !retention.isEnabled { return "table-expire.enabled is false, so none expire" }
        let names = metadata.references.keys.filter { $0 != TableMetadata.mainBranch }.sorted()
        if names.isEmpty { return "others add more than expire, or roll them back" }
        let shown = names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", …" : "")
        return "\(CountText.of(names.count, "branch or tag", "branches and tags")) hold them: \(shown)"
    }
}
