import Bytes
import ChangeEvents
import IcebergFormat
import IcebergTables

extension MixedTable {
    /// Changes properties that users may change, on both stores of a keyed table. The change store is changed first:
    /// the properties of base are the ones that apply, so an interrupted call can be repeated.
    ///
    /// Fails with `invalid` for properties that define the table or hold the state of commits.
    public func altered(setting values: [String: String], removing keys: [String]) throws(WeirError) -> MixedTable {
        for key in values.keys.sorted() + keys where key != TableMarkers.formatVersion { try Self.checkAlterable(key) }
        var values = values
        let version = try upgradeVersion(values.removeValue(forKey: TableMarkers.formatVersion), removing: keys)
        if let text = values[OptimizedSequence.registrationProperty] {
            try OptimizedSequence.check(registration: text, of: identifier)
        }
        func changed(_ store: Table) throws(WeirError) -> Table {
            var transaction = Transaction(try store.refreshed())
            transaction.retryPatiently()
            if let version {
                transaction.update { (metadata) throws(WeirError) in
                    metadata.formatVersion < version ? [.upgradeFormatVersion(version)] : []
                }
            }
            if !values.isEmpty { transaction.setProperties(values) }
            transaction.removeProperties(keys)
            return try transaction.commit()
        }
        let change = try self.change.map { (store) throws(WeirError) in try changed(store) }
        return MixedTable(base: try changed(base), change: change, primaryKey: primaryKey)
    }

    /// The format version to upgrade to; nil when none is given. A version cannot be taken back, or skipped by mistake:
    /// only the upgrade from 2 to 3 is made.
    private func upgradeVersion(_ text: String?, removing keys: [String]) throws(WeirError) -> Int? {
        let key = TableMarkers.formatVersion
        let current = max(base.metadata.formatVersion, change?.metadata.formatVersion ?? 0)
        guard !keys.contains(key) else {
            throw WeirError(.invalid, "property '\(key)' cannot be removed: the table is of version \(current)")
        }
        guard let text else { return nil }
        guard let version = Int(text), 2...3 ~= version else {
            throw WeirError(.invalid, "'\(text)' is no value of '\(key)'", advice: "write 3 to upgrade the table")
        }
        guard version >= current else {
            throw WeirError(
                .invalid,
                "the table is of format version \(current), which cannot be taken back: '\(key)' cannot become \(version)",
                advice: "copy the rows into a new table of version \(version)"
            )
        }
        guard stores.allSatisfy({ $0.metadata.formatVersion > 1 }) else {
            throw WeirError(
                .unsupported,
                "a table of format version 1 is not upgraded",
                advice: "upgrade it with Spark"
            )
        }
        if version > 2 { try RowLineage.check(schema) }
        return version
    }

    private static func checkAlterable(_ key: String) throws(WeirError) {
        guard let property = TableProperties.property(named: key) else { return }
        if property.effect == .format {
            throw WeirError(
                .invalid,
                "property '\(key)' belongs to the format and cannot be changed",
                advice: key.hasPrefix("weir.") ? "it holds what commits need to go on" : "create another table"
            )
        }
        if property.isFixed {
            throw WeirError(
                .invalid,
                "property '\(key)' cannot be changed: a table keeps the LogStore it was made with",
                advice: "create another table, or change only how its brokers are reached"
            )
        }
    }

    /// The keys that no store has a value for.
    public func missing(_ keys: [String]) -> [String] {
        keys.filter { properties[$0] == nil && change?.properties[$0] == nil }
    }
}
