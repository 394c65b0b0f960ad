import Bytes
import Columnar
import Foundation
import IcebergFormat
import ObjectStorage

/// Knows which metadata file is the current one of every table. Calls block.
public protocol Catalog: Sendable {
    /// Where new tables go, such as `file:///var/lib/weir/warehouse`.
    var warehouse: String { get }
    /// Where the tables' files are.
    var storage: any ObjectStorage { get }

    func namespaces() throws(WeirError) -> [[String]]
    /// Fails with `alreadyExists` unless `ifNotExists` is set.
    func createNamespace(_ namespace: [String], ifNotExists: Bool) throws(WeirError)
    /// Fails with `conflict` when it still holds tables.
    func dropNamespace(_ namespace: [String]) throws(WeirError)
    func tables(in namespace: [String]) throws(WeirError) -> [TableIdentifier]
    /// Catalogs of other names that are kept in the same place, and how many tables each has.
    func otherCatalogs() throws(WeirError) -> [(name: String, tables: Int)]
    /// The current metadata file. Fails with `notFound` and the nearest known name.
    func metadataLocation(of id: TableIdentifier) throws(WeirError) -> String
    /// Makes a table known whose metadata file is written already.
    func register(_ id: TableIdentifier, metadataLocation: String) throws(WeirError)
    /// Forgets a table, leaving its files.
    ///
    /// - Parameter metadataLocation: the metadata file that must still be the current one; `conflict` otherwise. Nil for any.
    func unregister(_ id: TableIdentifier, at metadataLocation: String?) throws(WeirError)
    /// Replaces the current metadata file in one step. Fails with `conflict` when another one is current by now.
    ///
    /// After `conflict`, `notFound`, `locked`, `invalid` and `unsupported`, and after errors that say so
    /// (`WeirError.hasChangedNothing`), it has not happened and will not; after any other error that is open.
    func commit(
        _ id: TableIdentifier,
        from oldMetadataLocation: String,
        to newMetadataLocation: String
    ) throws(WeirError)
}

extension Catalog {
    public func otherCatalogs() throws(WeirError) -> [(name: String, tables: Int)] { [] }

    public func unregister(_ id: TableIdentifier) throws(WeirError) { try unregister(id, at: nil) }

    public func createNamespace(_ namespace: [String]) throws(WeirError) {
        try createNamespace(namespace, ifNotExists: false)
    }

    public func load(_ id: TableIdentifier) throws(WeirError) -> Table {
        let path = try metadataLocation(of: id)
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

    /// Creates an empty table; its field ids are given anew from 1.
    ///
    /// - Parameters:
    ///   - spec: its source ids are those of `schema`.
    ///   - location: a folder of its own; below the warehouse when nil.
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
            nowMs: Int64(Date().timeIntervalSince1970 * 1000)
        )
        let path = MetadataPath.next(after: nil, in: metadata)
        try storage.putNew(path, metadata.serialized())
        do throws(WeirError) {
            try register(id, metadataLocation: path)
        } catch {
            // What the catalog says counts: its answer may have been lost on the way.
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

    /// `<warehouse>/<db>/<table>`: the layout Java and PyIceberg choose too.
    public func defaultLocation(of id: TableIdentifier) -> String {
        ([warehouse.withoutTrailingSlash] + id.namespace + [id.name]).joined(separator: "/")
    }
}

extension WeirError {
    /// A table, or a view, of that name is in the way of a new one.
    public static func tableExists(_ id: TableIdentifier) -> WeirError {
        WeirError(
            .alreadyExists,
            "table '\(id)' exists already",
            advice: "'weir table describe \(id)' shows it; choose another name, or drop it"
        )
    }

    /// Whether a catalog that failed so has changed nothing and will not: see `Catalog.commit`.
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
