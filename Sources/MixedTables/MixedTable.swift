import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState

/// A Mixed table: a base store that any Iceberg engine can read and, for a keyed table, a change store.
///
/// A value that shows both stores as of when it was loaded. `refreshed()` loads them again. A plain Iceberg table opens
/// as an unkeyed one.
public struct MixedTable: Sendable {
    public let base: Table
    /// Nil for an unkeyed table.
    public let change: Table?
    /// With the types that base has now, in primary-key order, which is the order hashing uses; empty for an unkeyed
    /// table.
    public let primaryKey: [Field]
    /// The columns to read: those of base, or of an older snapshot.
    public let schema: Schema

    public var identifier: TableIdentifier { base.identifier }
    public var isKeyed: Bool { change != nil }
    /// The properties of the table, which are those of the base store.
    public var properties: [String: String] { base.properties }

    var keysAreNarrow: Bool { KeyFingerprints.areNarrow(primaryKey) }
    var keySchema: Schema { Schema(primaryKey) }

    /// - Parameter primaryKey: the columns of the key as of any state of base: another engine may have made them wider
    ///   since.
    public init(base: Table, change: Table?, primaryKey: [Field]) {
        let schema = base.schema
        let current = primaryKey.map { schema.field(id: $0.id) ?? $0 }
        self.init(base: base, change: change, primaryKey: current, schema: schema)
    }

    init(base: Table, change: Table?, primaryKey: [Field], schema: Schema) {
        self.base = base
        self.change = change
        self.primaryKey = primaryKey
        self.schema = schema
    }

    /// Opens a table of a catalog. The base store's properties name the change store (spec section 1.3).
    public static func load(_ identifier: TableIdentifier, from catalog: any Catalog) throws(WeirError) -> MixedTable {
        let base = try catalog.load(identifier)
        if TableMarkers.isChange(base.properties) {
            throw WeirError(
                .invalid,
                "\(identifier) is the change store of another table",
                advice: "name the table it belongs to"
            )
        }
        guard TableMarkers.isBase(base.properties), let names = base.properties[TableMarkers.primaryKey] else {
            return MixedTable(base: base, change: nil, primaryKey: [])
        }
        guard let changeName = base.properties[TableMarkers.changeIdentifier] else {
            throw WeirError(
                .corrupt,
                "keyed table \(identifier) has no property \(TableMarkers.changeIdentifier)",
                at: base.metadataLocation,
                advice:
                    "another tool has removed it; set it to the name of the change store, \(identifier)_change_ as a rule"
            )
        }
        var primaryKey: [Field] = []
        for name in names.split(separator: ",") {
            guard let field = base.schema.field(named: String(name)) else {
                throw WeirError(
                    .corrupt,
                    "primary key column '\(name)' of \(identifier) is not in its schema",
                    at: base.metadataLocation,
                    advice: "another engine has renamed or dropped it; a table keeps the key it was made with"
                )
            }
            primaryKey.append(field)
        }
        let change = try catalog.load(try TableIdentifier(changeName))
        return MixedTable(base: base, change: change, primaryKey: primaryKey)
    }

    /// Loads the current state of both stores.
    public func refreshed() throws(WeirError) -> MixedTable {
        // Base first: a change committed in between is then read from both stores or only from the change store, and
        // never lost.
        let newBase = try base.refreshed()
        return MixedTable(base: newBase, change: try change?.refreshed(), primaryKey: primaryKey)
    }

    /// Loads the current state of several tables of one catalog, as of one moment if the catalog can tell.
    static func refreshed(_ tables: [MixedTable]) throws(WeirError) -> [MixedTable] {
        let stores = try Table.refreshed(tables.map(\.base) + tables.compactMap(\.change))
        var changes = stores.dropFirst(tables.count)
        return zip(tables, stores).map { table, base in
            MixedTable(
                base: base,
                change: table.isKeyed ? changes.popFirst() : nil,
                primaryKey: table.primaryKey
            )
        }
    }

    /// The number of buckets for new files of a store: a power of two (spec section 3.2).
    func bucketCount(of store: Table, key: String) throws(WeirError) -> Int {
        guard let text = store.properties[key] ?? base.properties[key] else { return 4 }
        guard let count = Int(text), count > 0, count & (count - 1) == 0, count <= 4096 else {
            throw WeirError(
                .invalid,
                "property \(key) of \(identifier) is '\(text)'",
                advice: "set it to a power of two up to 4096"
            )
        }
        return count
    }

    func changeBucketCount() throws(WeirError) -> Int {
        guard let change else { return 1 }
        return try bucketCount(of: change, key: "change.file-index.hash-bucket")
    }

    /// Nodes of new base files; 1 without key.
    public func nodesOfBase() throws(WeirError) -> Int { isKeyed ? try baseBucketCount() : 1 }

    func baseBucketCount() throws(WeirError) -> Int { try bucketCount(of: base, key: "base.file-index.hash-bucket") }

    /// The Parquet settings of the table's files. File offsets never repeat in a file and single-column keys rarely do,
    /// so they are written plain; the columns of a longer key may repeat.
    var fileSettings: ParquetSettings {
        var settings = ParquetSettings()
        settings.plainFields = [ChangeColumns.fileOffset.id]
        if primaryKey.count == 1 { settings.plainFields.insert(primaryKey[0].id) }
        return settings
    }

    /// The file size in bytes at which a writer starts a new file.
    var targetFileBytes: Int64 { properties["write.target-file-size-bytes"].flatMap { Int64($0) } ?? 134_217_728 }
}
