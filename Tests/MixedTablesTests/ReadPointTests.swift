import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import ObjectStorage
import Synchronization
import Testing
import WeirTesting

@testable import MixedTables

/// Which base snapshot goes with a snapshot of the change store.
@Suite struct ReadPointTests {
    /// Counts the Puffin files that are read.
    private final class CountedStorage: ObjectStorage {
        private let real = LocalObjectStorage()
        private let count = Mutex(0)

        var opened: Int { count.withLock { $0 } }

        func open(_ path: String) throws(WeirError) -> any ObjectReader {
            if path.hasSuffix(".puffin") { count.withLock { $0 += 1 } }
            return try real.open(path)
        }

        func create(_ path: String) throws(WeirError) -> any ObjectWriter { try real.create(path) }
        func putNew(_ path: String, _ bytes: [UInt8]) throws(WeirError) { try real.putNew(path, bytes) }
        func exists(_ path: String) throws(WeirError) -> Bool { try real.exists(path) }
        func list(_ prefix: String) throws(WeirError) -> [ObjectEntry] { try real.list(prefix) }
        func delete(_ path: String) throws(WeirError) { try real.delete(path) }
        func removeEmptyDirectories(_ directories: Set<String>, in location: String) throws(WeirError) {
            try real.removeEmptyDirectories(directories, in: location)
        }
    }

    @Test func `it is found with few look-ups, whatever else is in its history`() throws {
        try withTemporaryFolder { folder in
            let storage = CountedStorage()
            var stream = try MaterializeTests.Stream(
                MixedTableModelTests.create(.wideKey, in: folder, storage: storage)
            )
            for round in 0..<50 {
                try stream.commit([(.updateAfter, MaterializeTests.row(round % 7, round))])
                if round > 5, round % 3 != 0 { _ = try stream.merge() }
                // Commits of others have no map of their own, at the beginning and in between.
                guard round < 3 || round % 5 == 0 else { continue }
                var other = Transaction(try stream.table.refreshed().base)
                other.append([])
                _ = try other.commit()
            }
            let table = try stream.table.refreshed()
            let ancestors = table.base.metadata.mainAncestors
            #expect(ancestors.count > 40)
            let states = try ancestors.map { snapshot in
                try OptimizedSequence.read(table.base, snapshotId: snapshot.id).sequence(ofPartition: [])
            }
            for change in try #require(table.change).snapshots {
                let newest = states.firstIndex { $0 <= change.sequenceNumber }.map { ancestors[$0].id }
                let before = storage.opened
                #expect(try ReadPoint(snapshot: change.id, of: table).baseSnapshotId == newest)
                #expect(storage.opened - before <= 7, "\(storage.opened - before) look-ups")
            }
        }
    }
}
