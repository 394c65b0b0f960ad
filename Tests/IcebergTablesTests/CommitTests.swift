import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import ObjectStorage
import Synchronization
import Testing
import WeirTesting

@Suite(.postgres) struct CommitTests {
    let id = TableIdentifier(namespace: ["db"], name: "t")

    /// Crashes at every step of a commit in turn. Afterwards the table is in the old or the new state, never in
    /// between.
    @Test func `a crash at any step leaves the old or the new table`() throws {
        var outcomes: Set<Bool> = []
        var failAt = 0
        while true {
            let isDone = try withTemporaryFolder { folder in
                let before = try makeCatalog(folder).create(id, schema: testSchema).appending("a")
                let files = FaultyFileSystem(failAt: failAt)
                let faulty = try makeCatalog(folder, storage: LocalObjectStorage(files: files))
                var transaction = Transaction(try faulty.load(id))
                transaction.overwrite(adding: [dataFile("b")], removing: [dataFile("a")])
                transaction.setProperties(["k": "v"])
                transaction.setStatistics { (snapshot) throws(WeirError) in
                    let path = folder + "/wh/db/t/data/puffin/\(snapshot.id).puffin"
                    let blob = PuffinFile.Blob(
                        type: "x",
                        snapshotId: snapshot.id,
                        sequenceNumber: snapshot.sequenceNumber,
                        bytes: [1]
                    )
                    let (bytes, footer) = PuffinFile.encode([blob])
                    try faulty.storage.putNew(path, bytes)
                    return StatisticsFile(
                        snapshotId: snapshot.id,
                        path: path,
                        fileSize: Int64(bytes.count),
                        footerSize: footer,
                        blobs: [blob.metadata]
                    )
                }
                let committed = try? transaction.commit()
                files.loseUnsynced()

                // A new process over the real files.
                let after = try makeCatalog(folder).load(id)
                let isNew = after.metadataLocation != before.metadataLocation
                outcomes.insert(isNew)
                #expect(committed == nil || isNew, "an acknowledged commit is there, step \(failAt)")
                let names = try FreshPlan.liveNames(of: after)
                #expect(names == (isNew ? ["b"] : ["a"]), "step \(failAt)")
                #expect(after.properties["k"] == (isNew ? "v" : nil))
                if isNew {
                    let files = after.statistics(of: after.currentSnapshot?.id ?? 0)
                    let statistics = try #require(files.first)
                    let blobs = try PuffinFile.decode(try after.storage.read(statistics.path), at: statistics.path)
                    #expect(blobs[0].sequenceNumber == after.currentSnapshot?.sequenceNumber)
                }
                // And the next commit works.
                #expect(try after.appending("c").liveNames().contains("c"))
                return !files.isDead
            }
            if isDone { break }
            failAt += 1
        }
        #expect(failAt > 8)
        #expect(outcomes == [true, false])
    }

    @Test func `a full disk fails the commit and leaves nothing behind`() throws {
        for failAt in 0..<8 {
            try withTemporaryFolder { folder in
                _ = try makeCatalog(folder).create(id, schema: testSchema).appending("a")
                let before = try LocalObjectStorage().list(folder + "/wh").count
                let files = FaultyFileSystem(failAt: failAt, fault: .outOfSpace)
                let table = try makeCatalog(folder, storage: LocalObjectStorage(files: files)).load(id)
                #expect(throws: WeirError.self, "step \(failAt)") { try table.appending("b") }
                #expect(try LocalObjectStorage().list(folder + "/wh").count == before, "step \(failAt)")
                #expect(try table.refreshed().appending("b").liveNames() == ["a", "b"])
            }
        }
    }

    @Test(arguments: CatalogDatabase.tested) func `two writers at once lose nothing`(_ database: CatalogDatabase) throws
    {
        try database.withFolder { folder in
            let setup = try makeCatalog(folder).create(
                id,
                schema: testSchema,
                properties: ["commit.retry.num-retries": "100", "commit.retry.min-wait-ms": "1"]
            )
            let failures = Mutex<[String]>([])
            DispatchQueue.concurrentPerform(iterations: 2) { writer in
                do {
                    // Each writer has its own connection, as another process would.
                    var table = try makeCatalog(folder).load(setup.identifier)
                    for number in 0..<50 { table = try table.appending("w\(writer)-\(number)") }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
            #expect(failures.withLock { $0 } == [])
            let table = try setup.refreshed()
            #expect(table.snapshots.count == 100)
            #expect(table.ancestors(of: table.currentSnapshot?.id).map(\.sequenceNumber) == (1...100).reversed())
            #expect(try FreshPlan.liveNames(of: table).count == 100)
            #expect(table.currentSnapshot?.summary["total-data-files"] == "100")
            // Failed attempts removed their manifest lists and metadata files.
            let metadata = try LocalObjectStorage().list(folder + "/wh/db/t/metadata")
            #expect(metadata.count { $0.path.hasSuffix(".metadata.json") } == 101)
            #expect(metadata.count { $0.path.lastPathComponent.hasPrefix("snap-") } == 100)
        }
    }

    @Test(arguments: CatalogDatabase.tested)
    func `a lost race is tried again with the other's changes, until the retries are used up`(
        _ database: CatalogDatabase
    ) throws {
        try database.withFolder { folder in
            let catalog = try makeCatalog(folder)
            let table = try catalog.create(id, schema: testSchema).appending("a")
            let waits = Mutex<[Int64]>([])
            let clock = TransactionClock(
                nowMs: { 1_700_000_000_000 },
                sleep: { wait in waits.withLock { $0.append(wait) } },
                random: { 12345 }
            )
            var transaction = Transaction(table, clock: clock)
            transaction.append([dataFile("b")])
            let calls = Mutex(0)
            transaction.require { (metadata) throws(WeirError) in
                calls.withLock { $0 += 1 }
                // Someone else always comes first.
                _ = try catalog.load(table.identifier).setting(
                    "n",
                    "\(metadata.snapshots.count)-\(metadata.lastUpdatedMs)"
                )
            }
            let error = #expect(throws: WeirError.self) { try transaction.commit() }
            #expect(error?.code == .conflict)
            #expect(calls.withLock { $0 } == 5)
            #expect(waits.withLock { $0.count } == 4)
            #expect(waits.withLock { zip($0, $0.dropFirst()).allSatisfy { $0 < $1 } })
            let files = try LocalObjectStorage().list(folder + "/wh/db/t/metadata")
            #expect(files.count { $0.path.hasSuffix("-m0.avro") } == 1)
        }
    }

    /// A patient transaction that another writer comes before, some times.
    private static func losing(
        _ losses: Int,
        on table: Table,
        _ clock: TransactionClock,
        onLook: @escaping @Sendable () -> Void = {}
    ) -> Transaction {
        var transaction = Transaction(table, clock: clock)
        transaction.append([dataFile("b\(losses)")])
        transaction.retryPatiently()
        let calls = Mutex(0)
        transaction.require { (_) throws(WeirError) in
            onLook()
            let call = calls.withLock { calls in
                calls += 1
                return calls
            }
            if call <= losses { _ = try table.refreshed().setting("n", "\(losses)-\(call)") }
        }
        return transaction
    }

    @Test(arguments: CatalogDatabase.tested)
    func `a patient writer goes on until the time is over, and never waits long`(_ database: CatalogDatabase) throws {
        try database.withFolder { folder in
            let catalog = try makeCatalog(folder)
            let table = try catalog.create(
                id,
                schema: testSchema,
                properties: ["commit.retry.total-timeout-ms": "20000"]
            )
            let waits = Mutex<[Int64]>([])
            let clock = TransactionClock(
                nowMs: { 1_700_000_000_000 + waits.withLock { $0.reduce(0, +) } },
                sleep: { wait in waits.withLock { $0.append(wait) } },
                random: distinctNumbers()
            )
            #expect(try Self.losing(15, on: table, clock).commit().currentSnapshot != nil)
            #expect(waits.withLock { $0.count } == 15)
            #expect(waits.withLock { $0.max() } ?? 0 <= 250)
            let error = #expect(throws: WeirError.self) { try Self.losing(.max, on: table, clock).commit() }
            #expect(error?.advice?.contains("total-timeout-ms") == true)
        }
    }

    @Test(arguments: [3_600_000, -3_600_000] as [Int64])
    func `a wall clock that is set neither ends nor prolongs the attempts`(step: Int64) throws {
        try withTemporaryFolder { folder in
            let table = try makeCatalog(folder).create(id, schema: testSchema).setting(
                "commit.retry.total-timeout-ms",
                "20000"
            )
            let elapsed = Mutex<Int64>(0)
            let looks = Mutex<Int64>(0)
            let look: @Sendable () -> Void = { looks.withLock { $0 += 1 } }
            let clock = TransactionClock(
                nowMs: { 1_700_000_000_000 + step * looks.withLock { $0 } },
                elapsedMs: { elapsed.withLock { $0 } },
                sleep: { wait in elapsed.withLock { $0 += wait } },
                random: distinctNumbers()
            )
            #expect(try Self.losing(15, on: table, clock, onLook: look).commit().currentSnapshot != nil)
            let error = #expect(throws: WeirError.self) {
                try Self.losing(1000, on: table, clock, onLook: look).commit()
            }
            #expect(error?.code == .conflict && elapsed.withLock { $0 } < 60_000)
        }
    }

    @Test(arguments: CatalogDatabase.tested) func `a requirement that fails gives the transaction up`(
        _ database: CatalogDatabase
    ) throws {
        try database.withFolder { folder in
            let table = try makeCatalog(folder).create(id, schema: testSchema)
            var transaction = Transaction(table)
            transaction.append([dataFile("a")])
            transaction.require { (_) throws(WeirError) in throw WeirError(.conflict, "the ledger moved") }
            let error = #expect(throws: WeirError.self) { try transaction.commit() }
            #expect(error?.message == "the ledger moved")
            #expect(try table.refreshed().snapshots.isEmpty)
        }
    }

    @Test(arguments: CatalogDatabase.tested) func `an answer that is lost is looked up`(_ database: CatalogDatabase)
        throws
    {
        try database.withFolder { folder in
            let real = try makeCatalog(folder)
            _ = try real.create(id, schema: testSchema)
            // The swap happens, its answer does not arrive: the commit is found to have worked.
            let afterwards = UnreliableCatalog(real, fails: .afterSwap)
            #expect(try afterwards.load(id).appending("a").liveNames() == ["a"])
            // The catalog names the old file still: the swap may be on its way, so the files must stay.
            var files = try LocalObjectStorage().list(folder + "/wh").count
            let before = UnreliableCatalog(real, fails: .beforeSwap)
            let error = #expect(throws: WeirError.self) { try before.load(id).appending("b") }
            #expect(error?.code == .unknownState && error?.advice?.contains("kept") == true)
            #expect(try LocalObjectStorage().list(folder + "/wh").count > files)
            // Nothing can be learnt.
            files = try LocalObjectStorage().list(folder + "/wh").count
            let dark = UnreliableCatalog(real, fails: .forGood)
            let unknown = #expect(throws: WeirError.self) { try dark.load(id).appending("c") }
            #expect(unknown?.code == .unknownState)
            #expect(try LocalObjectStorage().list(folder + "/wh").count > files)
            #expect(try FreshPlan.liveNames(of: real.load(id)) == ["a", "c"])
        }
    }

    @Test func `a commit that a look does not find at first is never taken for lost`() throws {
        try withTemporaryFolder { folder in
            let real = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            try real.createNamespace(["db"])
            let id = try TableIdentifier("db.t")
            _ = try real.create(id, schema: testSchema)
            // The second swap finds its own file.
            let once = try UnreliableCatalog(real, fails: .stale(1)).load(id).appending("a")
            #expect(try real.load(id).metadataLocation == once.metadataLocation)
            #expect(try real.load(id).plan().count == 1)
            // Nothing is deleted as long as looks and swaps contradict each other.
            let error = #expect(throws: WeirError.self) {
                try UnreliableCatalog(real, fails: .stale(100)).load(id).appending("b")
            }
            #expect(error?.code == .unknownState, "\(error as Any)")
            #expect(try real.load(id).plan().count == 2)
        }
    }

    @Test(arguments: CatalogDatabase.tested) func `a swap that arrives after its answer was given up finds its files`(
        _ database: CatalogDatabase
    ) throws {
        try database.withFolder { folder in
            let real = try makeCatalog(folder)
            _ = try real.create(id, schema: testSchema).appending("a")
            let slow = UnreliableCatalog(real, fails: .late)
            let error = #expect(throws: WeirError.self) { try slow.load(id).appending("b") }
            #expect(error?.code == .unknownState)
            #expect(try slow.arrive() == [])
            #expect(try FreshPlan.liveNames(of: real.load(id)) == ["a", "b"])
        }
    }

    @Test(arguments: CatalogDatabase.tested)
    func `a swap that another one overtook is made again, and leaves nothing of the first try`(
        _ database: CatalogDatabase
    ) throws {
        try database.withFolder { folder in
            let real = try makeCatalog(folder)
            _ = try real.create(id, schema: testSchema).appending("a")
            let overtaken = UnreliableCatalog(real, fails: .overtaken)
            let table = try overtaken.load(id).appending("b")
            #expect(try FreshPlan.liveNames(of: table) == ["a", "b", "other"])
            #expect(table.snapshots.count == 3)
            let metadata = try LocalObjectStorage().list(folder + "/wh/db/t/metadata")
            #expect(metadata.count { $0.path.hasSuffix(".metadata.json") } == 4)
            #expect(metadata.count { $0.path.lastPathComponent.hasPrefix("snap-") } == 3)
        }
    }

    @Test(arguments: CatalogDatabase.tested)
    func `a swap that others have built on is found, by its snapshot where the log of files is short`(
        _ database: CatalogDatabase
    ) throws {
        for length in ["1", "100"] {
            try database.withFolder { folder in
                let real = try makeCatalog(folder)
                _ = try real.create(
                    id,
                    schema: testSchema,
                    properties: ["write.metadata.previous-versions-max": length]
                ).appending("a")
                let built = UnreliableCatalog(real, fails: .builtOn)
                #expect(try built.load(id).appending("b").snapshots.count == 2)
                #expect(try FreshPlan.liveNames(of: real.load(id)) == ["a", "b", "other", "another"])
            }
        }
    }

    @Test(arguments: CatalogDatabase.tested)
    func `a table whose history does not reach back to a lost swap keeps its files`(_ database: CatalogDatabase) throws
    {
        try database.withFolder { folder in
            let real = try makeCatalog(folder)
            _ = try real.create(
                id,
                schema: testSchema,
                properties: ["write.metadata.previous-versions-max": "1"]
            ).appending("a")
            let files = try LocalObjectStorage().list(folder + "/wh").count
            let far = UnreliableCatalog(real, fails: .farOvertaken)
            let error = #expect(throws: WeirError.self) { try far.load(id).appending("b") }
            #expect(error?.code == .unknownState)
            // Two commits of the other, and what the lost one has written.
            #expect(try LocalObjectStorage().list(folder + "/wh").count == files + 3 * 3)
        }
    }

    @Test(arguments: CatalogDatabase.tested) func `old metadata files go when the table says so`(
        _ database: CatalogDatabase
    ) throws {
        try database.withFolder { folder in
            var table = try makeCatalog(folder).create(
                id,
                schema: testSchema,
                properties: [
                    "write.metadata.delete-after-commit.enabled": "true", "write.metadata.previous-versions-max": "3",
                ]
            )
            for number in 0..<8 { table = try table.appending("f\(number)") }
            let files = try LocalObjectStorage().list(folder + "/wh/db/t/metadata")
            #expect(files.count { $0.path.hasSuffix(".metadata.json") } == 4)
            #expect(table.metadata.metadataLog.count == 3)
            #expect(table.metadataLocation.lastPathComponent.hasPrefix("00008-"))
        }
    }

    @Test func `old metadata files go several at once`() throws {
        try withTemporaryFolder { folder in
            let properties = [
                "write.metadata.delete-after-commit.enabled": "true", "write.metadata.previous-versions-max": "16",
            ]
            var table = try makeCatalog(folder).create(id, schema: testSchema, properties: properties)
            var counts: [Int] = []
            for number in 0..<30 {
                table = try table.appending("f\(number)")
                counts.append(table.metadata.metadataLog.count)
                let files = try LocalObjectStorage().list(folder + "/wh/db/t/metadata").map(\.path)
                let found = Set(files.filter { $0.hasSuffix(".metadata.json") }.map(\.lastPathComponent))
                let named = table.metadata.metadataLog.map(\.path) + [table.metadataLocation]
                #expect(found == Set(named.map(\.lastPathComponent)), "after commit \(number)")
            }
            #expect(Array(counts.suffix(15)) == [16, 14, 15, 16, 14, 15, 16, 14, 15, 16, 14, 15, 16, 14, 15])
        }
    }
}

extension Table {
    func setting(_ key: String, _ value: String) throws(WeirError) -> Table {
        var transaction = Transaction(self)
        transaction.setProperties([key: value])
        return try transaction.commit()
    }
}

/// Reads a table's live files from storage, bypassing the cache of parsed manifests.
enum FreshPlan {
    static func liveNames(of table: Table) throws -> Set<String> {
        guard let path = table.currentSnapshot?.manifestList else { return [] }
        var names: Set<String> = []
        for manifest in try ManifestList.decode(try table.storage.read(path), at: path) {
            let spec = table.metadata.spec(id: manifest.specId) ?? .unpartitioned
            let entries = try Manifest.decode(
                try table.storage.read(manifest.path),
                manifest,
                partitionType: table.metadata.partitionType(spec)
            )
            for entry in entries where entry.isLive { names.insert(entry.file.path.lastPathComponent) }
        }
        return names
    }
}
