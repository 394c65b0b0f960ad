/// Property names and values that make two Iceberg tables one Mixed table (spec section 1.2).
public enum TableMarkers {
    public static let format = "table-format"
    public static let formatMixedIceberg = "MIXED_ICEBERG"
    public static let store = "mixed-format.table-store"
    public static let storeBase = "base"
    public static let storeChange = "change"
    public static let primaryKey = "mixed-format.primary-key-fields"
    public static let changeIdentifier = "mixed-format.change.identifier"
    public static let created = "table.create-timestamp"

    /// Markers of every store of a new table; they override user properties.
    static func common(store: String, createdMilliseconds: Int64) -> [String: String] {
        [
            format: formatMixedIceberg,
            Self.store: store,
            created: String(createdMilliseconds),
        ]
    }

    /// Iceberg's version of the table; a member of its metadata and no property of it once it exists.
    static let formatVersion = "format-version"

    /// Default properties of a new table.
    static let defaults = [
        formatVersion: "2",
        "write.metadata.delete-after-commit.enabled": "true",
        // Keeps Flink's committer from writing empty snapshots.
        "flink.max-continuous-empty-commits": "2147483647",
    ]

    static func isMixed(_ properties: [String: String]) -> Bool {
        properties[format]?.lowercased() == formatMixedIceberg.lowercased()
    }

    /// Whether the properties are those of a base store (or of an unkeyed table).
    public static func isBase(_ properties: [String: String]) -> Bool {
        isMixed(properties) && properties[store]?.lowercased() == storeBase
    }

    /// Whether the properties are those of a change store, which is never listed as a table of its own.
    public static func isChange(_ properties: [String: String]) -> Bool {
        isMixed(properties) && properties[store]?.lowercased() == storeChange
    }
}
