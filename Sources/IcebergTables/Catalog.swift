import Bytes
import Columnar
import Foundation
import IcebergFormat
import ObjectStorage

/// Maps every table to its current metadata file. Calls block.
public protocol Catalog: Sendable {
    /// Where new tables go, such as `file:///var/lib/weir/warehouse`.
    var warehouse: String { get }
    /// Where the tables' files are.
    var storage: any ObjectStorage { get }
    /// What gives the commits to its tables their times. The system's, unless a test has another one.
    var clock: TransactionClock { get }

    func namespaces() throws(WeirError) -> [[String]]
    /// Fails with `alreadyExists` unless `ifNotExists` is set.
    func createNamespace(_ namespace: [String], ifNotExists: Bool) throws(WeirError)
    /// Fails with `conflict` when it still holds tables.
    func dropNamespace(_ namespace: [String]) throws(WeirError)
    func tables(in namespace: [String]) throws(WeirError) -> [TableIdentifier]
    /// Catalogs with other names in the same database, with their table counts.
    func otherCatalogs() throws(WeirError) -> [(name: String, tables: Int)]
    /// The current metadata file. Fails with `notFound` and the nearest known name.
    func metadataLocation(of id: TableIdentifier) throws(WeirError) -> String
    /// Registers a table whose metadata file is already written.
    func register(_ id: TableIdentifier, metadataLocation: String) throws(WeirError)
    /// Unregisters a table and leaves its files.
    ///
    /// - Parameter metadataLocation: the expected current metadata file; fails with `conflict` if another one is
    ///   current. Nil accepts any.
    func unregister(_ id: TableIdentifier, at metadataLocation: String?) throws(WeirError)
    /// The current metadata files, all as of one moment if the catalog can tell.
    func metadataLocations(of ids: [TableIdentifier]) throws(WeirError) -> [String]
    /// Makes the changes of several tables visible together, or none of them.
    ///
    /// Fails with `conflict`, `alreadyExists` or `notFound` if a requirement does not hold, and with `unknownState` if
    /// it is unknown whether the commit took effect. After any other error it did not and will not.
    ///
    /// - Parameter clock: gives the time of the commit, and waits while its outcome is looked up.
    func commit(_ commits: [TableCommit], clock: TransactionClock) throws(WeirError) -> CommitOutcome
    /// Waits until every change of this process whose outcome was unknown has taken effect or never will. False if the
    /// catalog cannot tell.
    func settle() throws(WeirError) -> Bool
}

/// The result of a catalog's commit.
public enum CommitOutcome: Sendable {
    /// The tables as they then are, in the order of the commits.
    case committed([Table])
    /// Others have changed these tables since the updates were made. Nothing was committed.
    ///
    /// - Parameter written: metadata files of the other tables, which serve the next attempt as long as their bases are
    ///   the same. The caller deletes those that it does not use.
    case overtaken([TableIdentifier], written: [TableIdentifier: TableCommit.Base])
}

extension Catalog {
    public var clock: TransactionClock { .system }

    public func settle() throws(WeirError) -> Bool { false }

    public func otherCatalogs() throws(WeirError) -> [(name: String, tables: Int)] { [] }

    public func unregister(_ id: TableIdentifier) throws(WeirError) { try unregister(id, at: nil) }

    public func createNamespace(_ namespace: [String]) throws(WeirError) {
        try createNamespace(namespace, ifNotExists: false)
    }

    public func metadataLocations(of ids: [TableIdentifier]) throws(WeirError) -> [String] {
        try ids.map { (id) throws(WeirError) in try metadataLocation(of: id) }
    }

    public func load(_ id: TableIdentifier) throws(WeirError) -> Table {
        try load(id, at: try metadataLocation(of: id))
    }

    /// Loads several tables, all as of one moment if the catalog can tell.
    public func load(_ ids: [TableIdentifier]) throws(WeirError) -> [Table] {
        let paths = try metadataLocations(of: ids)
        return try zip(ids, paths).map { (id, path) throws(WeirError) in try load(id, at: path) }
    }

    private func load(_ id: TableIdentifier, at path: String) throws(WeirError) -> Table {
        let bytes: [UInt8]
        do {
            bytes = try storage.read(path)
        } catch  where error.code == .notFound {
            throw WeirError(
                .notFound,
                "the metadata file that the catalog names for table '\(id)' is not there",
                at: path,
                advice: "restore it, or drop the table; files of a warehouse stay where they were made"
            )
        }
        return Table(
            identifier: id,
            metadata: try TableMetadata.parse(bytes, at: path),
            metadataLocation: path,
            catalog: self,
            storage: storage
        )
    }

    public func exists(_ id: TableIdentifier) throws(WeirError) -> Bool {
        do {
            _ = try metadataLocation(of: id)
            return true
        } catch  where error.code == .notFound {
            return false
        }
    }

    /// Creates an empty table. Field ids are reassigned from 1.
    ///
    /// - Parameters:
    ///   - spec: its source ids are those of `schema`.
    ///   - location: the table's own folder; below the warehouse when nil.
    public func create(
        _ id: TableIdentifier,
        schema: Schema,
        spec: PartitionSpec = .unpartitioned,
        properties: [String: String] = [:],
        location: String? = nil
    ) throws(WeirError) -> Table {
        guard try !exists(id) else { throw .tableExists(id) }
        let folder = location?.withoutTrailingSlash ?? defaultLocation(of: id)
        let metadata = try TableMetadata.new(
            schema: schema,
            spec: spec,
            location: folder,
            properties: properties,
            uuid: UUID().uuidString.lowercased(),
            nowMs: clock.nowMs()
        )
        let path = MetadataPath.next(after: nil, in: metadata)
        try storage.putNew(path, metadata.serialized())
        do throws(WeirError) {
            try register(id, metadataLocation: path)
        } catch {
            // The registration may have succeeded although the answer was lost: ask the catalog.
            let current = try? metadataLocation(of: id)
            if current != path {
                guard error.certainlyDidNothing || current != nil else {
                    throw WeirError(
                        .unknownState,
                        "whether table '\(id)' was created is not known: \(error.message)",
                        at: path,
                        advice: "look whether the catalog names it before you create it again"
                    )
                }
                try? storage.delete(path)
                throw error
            }
        }
        return Table(identifier: id, metadata: metadata, metadataLocation: path, catalog: self, storage: storage)
    }

    /// `<warehouse>/<db>/<table>`, the layout of Java and PyIceberg.
    public func defaultLocation(of id: TableIdentifier) -> String {
        ([warehouse.withoutTrailingSlash] + id.namespace + [id.name]).joined(separator: "/")
    }
}

extension WeirError {
    /// A table or view with that name already exists.
    public static func tableExists(_ id: TableIdentifier) -> WeirError {
        WeirError(
            .alreadyExists,
            "table '\(id)' exists already",
            advice: "'weir table describe \(id)' shows it; choose another name, or drop it"
        )
    }

    /// Whether a catalog call that failed with this error did not and will not change anything.
    var certainlyDidNothing: Bool {
        switch code {
        case .conflict, .notFound, .alreadyExists, .locked, .invalid, .unsupported: true
        default: hasChangedNothing
        }
    }
}

extension String {
    var withoutTrailingSlash: String {
        var text = self[...]
        while text.hasSuffix("/"), text.count > 1 { text = text.dropLast() }
        return String(text)
    }
}
