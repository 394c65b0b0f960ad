import Bytes
import IcebergFormat
import IcebergTables
import ObjectStorage
import Synchronization

/// A catalog of pointers in memory, with one namespace for everything.
public final class MemoryCatalog: PointerCatalog {
    public let warehouse = "/warehouse"
    public let storage: any ObjectStorage
    private let pointers = Mutex<[TableIdentifier: String]>([:])

    public init(storage: any ObjectStorage) { self.storage = storage }

    public func namespaces() throws(WeirError) -> [[String]] { [["db"]] }
    public func createNamespace(_ namespace: [String], ifNotExists: Bool) throws(WeirError) {}
    public func dropNamespace(_ namespace: [String]) throws(WeirError) {}

    public func tables(in namespace: [String]) throws(WeirError) -> [TableIdentifier] {
        pointers.withLock { $0.keys.filter { $0.namespace == namespace } }
    }

    public func metadataLocation(of id: TableIdentifier) throws(WeirError) -> String {
        guard let path = pointers.withLock({ $0[id] }) else {
            throw WeirError(.notFound, "there is no table '\(id)'")
        }
        return path
    }

    public func register(_ id: TableIdentifier, metadataLocation: String) throws(WeirError) {
        pointers.withLock { $0[id] = metadataLocation }
    }

    public func unregister(_ id: TableIdentifier, at metadataLocation: String?) throws(WeirError) {
        pointers.withLock { $0[id] = nil }
    }

    public func swap(_ swaps: [PointerSwap]) throws(WeirError) -> [TableIdentifier] {
        pointers.withLock { pointers in
            let overtaken = swaps.filter { pointers[$0.identifier] != $0.old }.map(\.identifier)
            if overtaken.isEmpty { for swap in swaps { pointers[swap.identifier] = swap.new ?? swap.old } }
            return overtaken
        }
    }
}
