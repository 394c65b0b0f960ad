import Bytes
import ObjectStorage

/// Reads the fixtures of one table by file name, whatever location its metadata gives.
public struct FixtureStorage: ObjectStorage {
    private let table: String
    private let real = LocalObjectStorage()

    public init(table: String) { self.table = table }

    private func path(_ path: String) -> String {
        #filePath.parentDirectory.parentDirectory + "/IcebergFormatTests/Fixtures/\(table)/" + path.lastPathComponent
    }

    public func create(_ path: String) throws(WeirError) -> any ObjectWriter { throw WeirError(.storage, "read-only") }
    public func open(_ path: String) throws(WeirError) -> any ObjectReader { try real.open(self.path(path)) }
    public func putNew(_ path: String, _ bytes: [UInt8]) throws(WeirError) { throw WeirError(.storage, "read-only") }
    public func exists(_ path: String) throws(WeirError) -> Bool { try real.exists(self.path(path)) }
    public func list(_ prefix: String) throws(WeirError) -> [ObjectEntry] { [] }
    public func delete(_ path: String) throws(WeirError) {}
}
