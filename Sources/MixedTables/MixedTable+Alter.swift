import Bytes
import ChangeEvents
import IcebergTables

extension MixedTable {
    /// Changes properties that a user may change, on both stores of a keyed table. The change store comes first: what holds
    /// for the table is what base says, and a change that was cut short can be repeated.
    ///
    /// Fails with `invalid` for a key that makes the table what it is or that commits keep their own state in.
    public func altered(setting values: [String: String], removing keys: [String]) throws(WeirError) -> MixedTable {
        for key in values.keys.sorted() + keys { try Self.checkAlterable(key) }
        if let text = values[OptimizedSequence.registrationProperty] {
            try OptimizedSequence.check(registration: text, of: identifier)
        }
        func changed(_ store: Table) throws(WeirError) -> Table {
            var transaction = Transaction(try store.refreshed())
            transaction.retryPatiently()
            transaction.setProperties(values)
            transaction.removeProperties(keys)
            return try transaction.commit()
        }
        let change = try self.change.map { (store) throws(WeirError) in try changed(store) }
        return MixedTable(base: try changed(base), change: change, primaryKey: primaryKey)
    }

    /// Keys that are not the user's: the markers of the stores, and what commits leave for the next ones.
    private static let reservedKeys: Set<String> = [
        TableMarkers.format, TableMarkers.store, TableMarkers.primaryKey, TableMarkers.changeIdentifier,
        TableMarkers.created, "format-version", OptimizedSequence.property, "log-store.catch-up",
        "log-store.catch-up-timestamp",
    ]
    /// A table keeps the LogStore it was made with.
    private static let logStoreKeys: Set<String> = [
        "log-store.enabled", "log-store.type", "log-store.topic", "log-store.data-format", "log-store.data-version",
    ]

    private static func checkAlterable(_ key: String) throws(WeirError) {
        if reservedKeys.contains(key) || key.hasPrefix("weir.") {
            throw WeirError(
                .invalid,
                "property '\(key)' belongs to the format and cannot be changed",
                advice: key.hasPrefix("weir.") ? "it holds what commits need to go on" : "create another table"
            )
        }
        if logStoreKeys.contains(key) {
            throw WeirError(
                .invalid,
                "property '\(key)' cannot be changed: a table keeps the LogStore it was made with",
                advice: "create another table, or change only how its brokers are reached"
            )
        }
    }
}
