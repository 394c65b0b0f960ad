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
    /// The current metadata file. Fails with `notFound` and the nearest known name.
    func metadataLocation(of id: TableIdentifier) throws(WeirError) -> String
    /// Makes a table known whose metadata file is written already.
    func register(_ id: TableIdentifier, metadataLocation: String) throws(WeirError)
    /// Forgets a table, leaving its files.
    func unregister(_ id: TableIdentifier) throws(WeirError)
    /// Replaces the current metadata file in one step. Fails with `conflict` when another one is current by now.
    func commit(
        _ id: TableIdentifier,
        from oldMetadataLocation: String,
        to newMetadataLocation: String
    ) throws(WeirError)
}

extension Catalog {
    public func createNamespace(_ namespace: [String]) throws(WeirError) {
        try createNamespace(namespace, ifNotExists: false)
    }

    public func load(_ id: TableIdentifier) throws(WeirError) -> Table {
        let path = try metadataLocation(of: id)
        return Table(
            identifier: id,
            metadata: try TableMetadata.parse(try storage.read(path), at: path),
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
        guard try !exists(id) else { throw WeirError(.alreadyExists, "table '\(id)' exists already") }
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
            if error.code == .alreadyExists || error.code == .notFound { try? storage.delete(path) }
            throw error
        }
        return Table(identifier: id, metadata: metadata, metadataLocation: path, catalog: self, storage: storage)
    }

    /// `<warehouse>/<db>/<table>`: the layout Java and PyIceberg choose too.
    public func defaultLocation(of id: TableIdentifier) -> String {
        ([warehouse.withoutTrailingSlash] + id.namespace + [id.name]).joined(separator: "/")
    }

    /// Forgets a table; with `purge` its files go too.
    ///
    /// The table is forgotten first, so a failure half-way leaves files but never a table without them.
    public func drop(_ id: TableIdentifier, purge: Bool = false) throws(WeirError) {
        guard purge else { return try unregister(id) }
        let location = try load(id).location
        try unregister(id)
        for entry in try storage.list(location + "/") { try storage.delete(entry.path) }
    }
}

extension String {
    var withoutTrailingSlash: String {
        var text = self[...]
        while text.hasSuffix("/"), text.count > 1 { text = text.dropLast() }
        return String(text)
    }
}
