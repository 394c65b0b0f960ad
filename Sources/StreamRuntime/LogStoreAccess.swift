import Bytes
import IcebergTables
import MixedTables

/// The connection properties of a table's LogStore. They may change, unlike the contents of the LogStore: brokers move,
/// and passwords are renewed.
public enum LogStoreAccess {
    /// Updates a table's connection properties to those that a topology declares.
    static func update(_ table: MixedTable, to declared: [String: String]) throws(WeirError) -> MixedTable {
        let (set, removed) = changes(from: table.properties, to: declared)
        if set.isEmpty && removed.isEmpty { return table }
        return try table.changingProperties(set, removing: removed)
    }

    /// The properties to set and to remove; empty unless both have a LogStore on brokers.
    public static func changes(
        from stored: [String: String],
        to declared: [String: String]
    ) -> (set: [String: String], removed: [String]) {
        guard isOnBrokers(stored), isOnBrokers(declared) else { return ([:], []) }
        func isAccess(_ key: String) -> Bool { key.hasPrefix("properties.") || key == "log-store.address" }
        return (
            declared.filter { isAccess($0.key) && stored[$0.key] != $0.value },
            stored.keys.filter { isAccess($0) && declared[$0] == nil }.sorted()
        )
    }

    /// A table's properties as the next run of a topology will set them.
    public static func updated(_ stored: [String: String], to declared: [String: String]) -> [String: String] {
        let (set, removed) = changes(from: stored, to: declared)
        return stored.filter { !removed.contains($0.key) }.merging(set) { $1 }
    }

    private static func isOnBrokers(_ properties: [String: String]) -> Bool {
        properties["log-store.enabled"]?.lowercased() == "true"
            && properties["log-store.type", default: "kafka"].lowercased() == "kafka"
    }
}
