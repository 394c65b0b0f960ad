import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Synchronization
import Testing
import WeirTesting

/// Concurrent creation of one table: no creator deletes files of another.
@Suite struct CreationRaceTests {
    private static let identifier = TableIdentifier(namespace: ["shop"], name: "things")
    private static let definition = MixedTableDefinition(
        identifier: identifier,
        schema: Schema([Field(id: 1, name: "id", type: .long)]),
        primaryKey: ["id"]
    )

    private static func catalog(_ folder: String) throws -> SQLiteCatalog {
        let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
        try catalog.createNamespace(["shop"], ifNotExists: true)
        return catalog
    }

    @Test(arguments: 0..<6)
    func `another creator that comes in between keeps its table`(moment: Int) throws {
        try withTemporaryFolder { folder in
            let real = try Self.catalog(folder)
            let busy = InterruptedCatalog(real, at: moment) {
                _ = try? MixedTable.create(Self.definition, in: real, nowMilliseconds: 1)
            }
            let own = try? MixedTable.create(Self.definition, in: busy, nowMilliseconds: 2)
            // Whichever of them won, the table is complete.
            let table = try MixedTable.load(Self.identifier, from: real)
            #expect(try real.storage.exists(try #require(table.change).metadataLocation))
            #expect(try real.storage.exists(table.base.metadataLocation))
            if let own { #expect(own.change?.metadata.tableUUID == table.change?.metadata.tableUUID) }
        }
    }

    @Test func `an answer that is lost while the change store is made costs nobody a table`() throws {
        try withTemporaryFolder { folder in
            let real = try Self.catalog(folder)
            for isDone in [true, false] {
                let lossy = InterruptedCatalog(real, at: .max, losing: "things_change_", isDone: isDone) {}
                let created = try? MixedTable.create(Self.definition, in: lossy, nowMilliseconds: 1)
                #expect((created != nil) == isDone)
                // A base store without its change store is completed.
                if !isDone { _ = try MixedTable.create(Self.definition, in: real, nowMilliseconds: 1) }
                let table = try MixedTable.load(Self.identifier, from: real)
                #expect(try real.storage.exists(try #require(table.change).metadataLocation))
                try table.drop(purge: true)
            }
            #expect(try real.tables(in: ["shop"]).isEmpty)
            #expect(try LocalObjectStorage().list(folder).count { $0.path.hasSuffix(".json") } <= 1)
        }
    }
}

/// Runs another action right before one of its calls.
private final class InterruptedCatalog: PointerCatalog {
    private let real: SQLiteCatalog
    private let moment: Int
    private let lost: String
    private let isDone: Bool
    private let interrupt: @Sendable () -> Void
    private let calls = Mutex(0)

    init(
        _ real: SQLiteCatalog,
        at moment: Int,
        losing lost: String = "",
        isDone: Bool = false,
        _ interrupt: @escaping @Sendable () -> Void
    ) {
        self.real = real
        self.moment = moment
        self.lost = lost
        self.isDone = isDone
        self.interrupt = interrupt
    }

    private func call() {
        let number = calls.withLock { calls in
            defer { calls += 1 }
            return calls
        }
        if number == moment { interrupt() }
    }

    var warehouse: String { real.warehouse }
    var storage: any ObjectStorage { real.storage }
    func namespaces() throws(WeirError) -> [[String]] { try real.namespaces() }
    func createNamespace(_ namespace: [String], ifNotExists: Bool) throws(WeirError) {
        try real.createNamespace(namespace, ifNotExists: ifNotExists)
    }
    func dropNamespace(_ namespace: [String]) throws(WeirError) { try real.dropNamespace(namespace) }
    func tables(in namespace: [String]) throws(WeirError) -> [TableIdentifier] { try real.tables(in: namespace) }
    func metadataLocation(of id: TableIdentifier) throws(WeirError) -> String {
        call()
        return try real.metadataLocation(of: id)
    }
    func register(_ id: TableIdentifier, metadataLocation: String) throws(WeirError) {
        call()
        guard id.name == lost else { return try real.register(id, metadataLocation: metadataLocation) }
        if isDone { try real.register(id, metadataLocation: metadataLocation) }
        throw WeirError(.storage, "no answer")
    }
    func unregister(_ id: TableIdentifier, at metadataLocation: String?) throws(WeirError) {
        call()
        try real.unregister(id, at: metadataLocation)
    }
    func swap(_ swaps: [PointerSwap]) throws(WeirError) -> [TableIdentifier] {
        call()
        return try real.swap(swaps)
    }
}
