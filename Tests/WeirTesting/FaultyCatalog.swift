import Bytes
import IcebergFormat
import IcebergTables
import ObjectStorage

/// A catalog whose commits can fail before or after the swap, using the step count of a faulty file system.
public struct FaultyCatalog: PointerCatalog {
    private let real: any PointerCatalog
    private let files: FaultyFileSystem
    public let clock: TransactionClock

    public init(real: any PointerCatalog, files: FaultyFileSystem, clock: TransactionClock = .system) {
        self.real = real
        self.files = files
        self.clock = clock
    }

    public var warehouse: String { real.warehouse }
    public var storage: any ObjectStorage { real.storage }

    public func namespaces() throws(WeirError) -> [[String]] { try real.namespaces() }
    public func createNamespace(_ namespace: [String], ifNotExists: Bool) throws(WeirError) {
        try real.createNamespace(namespace, ifNotExists: ifNotExists)
    }
    public func dropNamespace(_ namespace: [String]) throws(WeirError) { try real.dropNamespace(namespace) }
    public func tables(in namespace: [String]) throws(WeirError) -> [TableIdentifier] { try real.tables(in: namespace) }
    public func metadataLocation(of id: TableIdentifier) throws(WeirError) -> String {
        if files.isDead { throw WeirError(.storage, "simulated crash") }
        return try real.metadataLocation(of: id)
    }
    public func register(_ id: TableIdentifier, metadataLocation: String) throws(WeirError) {
        try files.step()
        try real.register(id, metadataLocation: metadataLocation)
        try files.step()
    }
    public func unregister(_ id: TableIdentifier, at metadataLocation: String?) throws(WeirError) {
        try files.step()
        try real.unregister(id, at: metadataLocation)
    }
    public func metadataLocations(of ids: [TableIdentifier]) throws(WeirError) -> [String] {
        if files.isDead { throw WeirError(.storage, "simulated crash") }
        return try real.metadataLocations(of: ids)
    }
    public func swap(_ swaps: [PointerSwap]) throws(WeirError) -> [TableIdentifier] {
        try files.step()
        let overtaken = try real.swap(swaps)
        // The swap happened, but the caller gets no answer.
        try files.step()
        return overtaken
    }
}
