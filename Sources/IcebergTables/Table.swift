import Bytes
import Columnar
import IcebergFormat
import ObjectStorage

/// A table as of the time it was loaded.
public struct Table: Sendable {
    public let identifier: TableIdentifier
    public let metadata: TableMetadata
    public let metadataLocation: String
    public let catalog: any Catalog
    public let storage: any ObjectStorage

    public init(
        identifier: TableIdentifier,
        metadata: TableMetadata,
        metadataLocation: String,
        catalog: any Catalog,
        storage: any ObjectStorage
    ) {
        self.identifier = identifier
        self.metadata = metadata
        self.metadataLocation = metadataLocation
        self.catalog = catalog
        self.storage = storage
    }

    public var schema: Schema { metadata.schema }
    public var spec: PartitionSpec { metadata.spec }
    public var location: String { metadata.location }
    public var properties: [String: String] { metadata.properties }

    /// Reloads the table. Cheap if nothing was committed since.
    public func refreshed() throws(WeirError) -> Table {
        try refreshed(at: try catalog.metadataLocation(of: identifier))
    }

    /// Reloads several tables of one catalog, all as of one moment if the catalog can tell. Those that have not changed are
    /// not read again.
    public static func refreshed(_ tables: [Table]) throws(WeirError) -> [Table] {
        guard let catalog = tables.first?.catalog else { return [] }
        let paths = try catalog.metadataLocations(of: tables.map(\.identifier))
        return try zip(tables, paths).map { (table, path) throws(WeirError) in try table.refreshed(at: path) }
    }

    /// The table with another metadata file; the same one is not read again.
    func refreshed(at path: String) throws(WeirError) -> Table {
        if path == metadataLocation { return self }
        return Table(
            identifier: identifier,
            metadata: try TableMetadata.parse(try storage.read(path), at: path),
            metadataLocation: path,
            catalog: catalog,
            storage: storage
        )
    }

    /// Where data files go: `write.data.path` or `<location>/data`.
    public var dataLocation: String {
        properties["write.data.path"]?.withoutTrailingSlash ?? location.withoutTrailingSlash + "/data"
    }

    /// Where metadata files, manifests and manifest lists go: `write.metadata.path` or `<location>/metadata`.
    public var metadataFolder: String { MetadataPath.folder(of: metadata) }

    /// The number of a metadata file, by its name; nil for a name of another kind.
    public static func metadataVersion(of path: String) -> Int? {
        guard path.hasSuffix(".metadata.json") else { return nil }
        let version = MetadataPath.version(of: path)
        return version < 0 ? nil : version
    }

    /// The number of a list of files in quarantine, `weir-quarantine-00007.json` in the metadata folder; nil for another
    /// file.
    public static func quarantineNumber(of path: String) -> Int64? {
        let name = path.split(separator: "/").last ?? ""
        guard name.hasPrefix(quarantinePrefix), name.hasSuffix(quarantineSuffix) else { return nil }
        return Int64(name.dropFirst(quarantinePrefix.count).dropLast(quarantineSuffix.count)).flatMap {
            $0 >= 0 ? $0 : nil
        }
    }

    /// The name of such a list.
    public static func quarantineName(_ number: Int64) -> String {
        let text = String(number)
        let padded = String(repeating: "0", count: max(0, 5 - text.count)) + text
        return quarantinePrefix + padded + quarantineSuffix
    }

    private static let quarantinePrefix = "weir-quarantine-"
    private static let quarantineSuffix = ".json"
}
