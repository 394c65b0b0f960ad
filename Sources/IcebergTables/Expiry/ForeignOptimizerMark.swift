import IcebergFormat

/// Says that another optimizer of Mixed tables has worked on a base store, once the snapshots that show it have expired.
public enum ForeignOptimizerMark {
    public static let property = "weir.optimized-elsewhere"

    /// The mark to set when snapshots expire; empty when none of them is another optimizer's.
    static func properties(_ metadata: TableMetadata, expiring ids: [Int64]) -> [String: String] {
        let gone = Set(ids)
        let isForeign =
            metadata.properties[property] == nil
            && metadata.snapshots.contains { snapshot in
                gone.contains(snapshot.id) && snapshot.summary["snapshot.producer"] == "OPTIMIZE"
                    && snapshot.summary[SnapshotExpiry.ownSequenceMark] != "true"
            }
        return isForeign ? [property: "true"] : [:]
    }
}
