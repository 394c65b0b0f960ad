import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

/// Moving changes into base, with a crash or a full disk at every step of the storage and the catalog.
@Suite struct MaterializeCrashTests {
    private static func materialize(_ folder: String, _ files: FaultyFileSystem) throws {
        let table = try MixedTable.load(OptimizeCrashTests.identifier, from: OptimizeCrashTests.catalog(folder, files))
        let materializer = Materializer(table)
        while try materializer.step(bytesMax: 1, rewriteBytes: .max, nowMilliseconds: 2) != .caughtUp {}
    }

    @Test(arguments: [TableShape.wideKey, .partitionedByValue])
    func `a crash at any step leaves a table that is right, and goes on`(shape: TableShape) throws {
        try Self.sweep(shape, formatVersion: 2)
    }

    @Test func `a crash at any step of a commit with deletion vectors likewise`() throws {
        try Self.sweep(.wideKey, formatVersion: 3)
    }

    private static func sweep(_ shape: TableShape, formatVersion: Int) throws {
        let total = try withTemporaryFolder { folder in
            _ = try OptimizeCrashTests.prepare(shape, in: folder, formatVersion: formatVersion)
            let files = FaultyFileSystem()
            try Self.materialize(folder, files)
            return files.steps
        }
        #expect(total > 20)
        for step in stride(from: 0, to: total, by: Soak.stride(shape == .wideKey ? 2 : 4)) {
            try withTemporaryFolder { folder in
                let what = "step \(step) of \(total)"
                let prepared = try OptimizeCrashTests.prepare(shape, in: folder, formatVersion: formatVersion)
                let files = FaultyFileSystem(failAt: step, fault: step % 3 == 0 ? .outOfSpace : .crash)
                let failed = (try? Self.materialize(folder, files)) == nil
                if failed && step % 2 == 0 && files.isDead { files.loseUnsynced() }
                try OptimizeCrashTests.check(folder, prepared, "after a fault at \(what)")
                try Self.materialize(folder, FaultyFileSystem())
                try OptimizeCrashTests.check(folder, prepared, "moved after a fault at \(what)")
                let table = try MixedTable.load(
                    OptimizeCrashTests.identifier,
                    from: OptimizeCrashTests.catalog(folder, FaultyFileSystem())
                )
                let base = try MaterializeModelTests.base(table, prepared.history)
                #expect(base.rows == prepared.history.state && base.doubled.isEmpty, "base alone, \(what)")
                try LineageOracle.checkDeletes(table.base, what)
                if formatVersion > 2 {
                    let lineage = try LineageOracle.rows(table.base, prepared.history)
                    #expect(Set(lineage.values.map(\.id)).count == lineage.count, "\(what)")
                }
                let optimized = try OptimizedSequence.read(
                    table.base,
                    snapshotId: table.base.metadata.currentSnapshotId
                )
                #expect(optimized.sequences == (try OptimizeCrashTests.newestSequences(table)), "\(what)")
            }
        }
        print("crash sweep of materializing, \(shape): \(total) steps")
    }
}
