import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import ObjectStorage
import Synchronization

/// Columns that most tests use.
let testSchema = Schema([
    Field(id: 1, name: "id", type: .long, isRequired: true),
    Field(id: 2, name: "day", type: .date),
    Field(id: 3, name: "name", type: .string),
])

/// The catalog of a folder, with the namespace `db`. Each call opens it anew, as another process would.
func makeCatalog(
    _ folder: String,
    storage: any ObjectStorage = LocalObjectStorage()
) throws -> any SQLCatalog {
    let catalog = try CatalogDatabase.open(folder, storage: storage)
    try catalog.createNamespace(["db"], ifNotExists: true)
    return catalog
}

/// A data file that exists only in metadata, with bounds of the id column.
func dataFile(
    _ name: String,
    ids: ClosedRange<Int64> = 0...9,
    partition: [Scalar] = [],
    content: DataFile.Content = .data,
    records: Int64 = 10
) -> DataFile {
    DataFile(
        content: content,
        path: "file:///nowhere/\(name)",
        partition: partition,
        recordCount: records,
        fileSize: 1000,
        valueCounts: [1: records],
        nullValueCounts: [1: 0],
        lowerBounds: [1: SingleValue.encode(.long(ids.lowerBound)) ?? []],
        upperBounds: [1: SingleValue.encode(.long(ids.upperBound)) ?? []]
    )
}

extension Table {
    /// Appends files with the given names.
    func appending(_ names: String...) throws -> Table {
        var transaction = Transaction(self)
        transaction.append(names.map { dataFile($0) })
        return try transaction.commit()
    }

    func liveNames() throws -> Set<String> {
        Set(try plan().map { $0.file.path.lastPathComponent })
    }
}

/// A source of numbers that are the same in every run, and all different.
func distinctNumbers() -> @Sendable () -> UInt64 {
    final class Last: Sendable { let number = Mutex<UInt64>(12345) }
    let last = Last()
    return {
        last.number.withLock { number in
            number = number &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return number
        }
    }
}
