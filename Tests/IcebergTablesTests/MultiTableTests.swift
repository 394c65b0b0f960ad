import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import ObjectStorage
import Synchronization
import Testing
import WeirTesting

/// Commits to several tables at once.
@Suite(.postgres) struct MultiTableTests {
    static let ids = ["a", "b", "c"].map { TableIdentifier(namespace: ["db"], name: $0) }

    /// Three tables with one file each, named after the table.
    static func create(_ folder: String, properties: [String: String] = [:]) throws -> [Table] {
        let catalog = try makeCatalog(folder)
        return try ids.map { id in
            try catalog.create(id, schema: testSchema, properties: properties).appending("\(id.name)-old")
        }
    }

    /// A transaction that replaces the old file of each table by a new one, and sets a property.
    static func replacing(_ tables: [Table], clock: TransactionClock = .system) -> MultiTableTransaction {
        var all = MultiTableTransaction()
        for table in tables {
            var transaction = Transaction(table, clock: clock)
            let name = table.identifier.name
            transaction.overwrite(adding: [dataFile("\(name)-new")], removing: [dataFile("\(name)-old")])
            transaction.setProperties(["epoch": "new"])
            all.add(transaction)
        }
        return all
    }

    /// Whether the tables are all new; nil when they differ.
    static func areNew(_ tables: [Table]) throws -> Bool? {
        var states: Set<Bool> = []
        for table in tables {
            let isNew = table.properties["epoch"] == "new"
            states.insert(isNew)
            let expected = "\(table.identifier.name)-\(isNew ? "new" : "old")"
            #expect(try FreshPlan.liveNames(of: table) == [expected])
        }
        return states.count == 1 ? states.first : nil
    }

    /// Crashes at every step of a commit in turn, also between the pointers.
    @Test(arguments: [false, true]) func `a crash at any step leaves all tables old or all new`(catalogFails: Bool)
        throws
    {
        var outcomes: Set<Bool> = []
        var failAt = 0
        while true {
            let isDone = try withTemporaryFolder { folder in
                _ = try Self.create(folder)
                let files = FaultyFileSystem(failAt: failAt)
                let real = try makeCatalog(folder, storage: LocalObjectStorage(files: files))
                let faulty: any Catalog = catalogFails ? FaultyCatalog(real: real, files: files) : real
                let committed = try? Self.replacing(try faulty.load(Self.ids)).commit()
                files.loseUnsynced()

                // A new process over the real files.
                let after = try makeCatalog(folder).load(Self.ids)
                let state = try Self.areNew(after)
                #expect(state != nil, "the tables differ after step \(failAt)")
                let areNew = state ?? true
                outcomes.insert(areNew)
                #expect(committed == nil || areNew, "an acknowledged commit is there, step \(failAt)")
                // And the next commit works.
                if !areNew { #expect(try Self.areNew(Self.replacing(after).commit()) == true) }
                return !files.isDead
            }
            if isDone { break }
            failAt += 1
        }
        #expect(failAt > 20)
        #expect(outcomes == [true, false])
    }

    @Test func `a full disk fails the commit of all tables and leaves nothing behind`() throws {
        var failures = 0
        for failAt in 0..<24 {
            try withTemporaryFolder { folder in
                _ = try Self.create(folder)
                let before = try LocalObjectStorage().list(folder + "/wh").count
                let files = FaultyFileSystem(failAt: failAt, fault: .outOfSpace)
                let catalog = try makeCatalog(folder, storage: LocalObjectStorage(files: files))
                let tables = try catalog.load(Self.ids)
                do {
                    _ = try Self.replacing(tables).commit()
                } catch {
                    failures += 1
                    #expect(try LocalObjectStorage().list(folder + "/wh").count == before, "step \(failAt)")
                    #expect(try Self.areNew(Self.replacing(makeCatalog(folder).load(Self.ids)).commit()) == true)
                }
            }
        }
        #expect(failures > 15)
    }

    @Test(arguments: CatalogDatabase.tested)
    func `one metadata file is written per table, and a table without changes keeps its own`(
        _ database: CatalogDatabase
    ) throws {
        try database.withFolder { folder in
            let tables = try Self.create(folder)
            func files() throws -> Int {
                try LocalObjectStorage().list(folder + "/wh").count { $0.path.hasSuffix(".metadata.json") }
            }
            let before = try files()
            var all = MultiTableTransaction()
            for (number, table) in tables.enumerated() {
                var transaction = Transaction(table)
                if number != 1 { transaction.append([dataFile("x")]) }
                all.add(transaction)
            }
            let after = try all.commit()
            #expect(try files() == before + 2)
            #expect(after.map(\.identifier) == Self.ids)
            #expect(after.map(\.snapshots.count) == [2, 1, 2])
            #expect(after[1].metadataLocation == tables[1].metadataLocation)
        }
    }

    @Test(arguments: CatalogDatabase.tested)
    func `a reader that reads the pointers at once never sees the tables apart`(_ database: CatalogDatabase) throws {
        try database.withFolder { folder in
            let setup = try Self.create(folder, properties: ["commit.retry.min-wait-ms": "1"])
            let isDone = Atomic<Bool>(false)
            let failures = Mutex<[String]>([])
            let seen = Mutex<Set<String>>([])
            let work: @Sendable (Int) -> Void = { worker in
                do {
                    let catalog = try makeCatalog(folder)
                    if worker == 0 {
                        defer { isDone.store(true, ordering: .relaxed) }
                        var tables = try catalog.load(Self.ids)
                        for number in 0..<40 {
                            var all = MultiTableTransaction()
                            for table in tables {
                                var transaction = Transaction(table)
                                transaction.append([dataFile("n\(number)")])
                                transaction.setProperties(["n": "\(number)"])
                                transaction.retryPatiently()
                                all.add(transaction)
                            }
                            tables = try all.commit()
                        }
                    } else if worker == 1 {
                        // Another writer gets in between, on one table only.
                        for number in 0..<20 {
                            var transaction = Transaction(try catalog.load(Self.ids[1]))
                            transaction.setProperties(["foreign": "\(number)"])
                            transaction.retryPatiently()
                            _ = try transaction.commit()
                        }
                    } else {
                        while !isDone.load(ordering: .relaxed) {
                            let values = try catalog.load(Self.ids).map { $0.properties["n"] ?? "" }
                            if Set(values).count != 1 { failures.withLock { $0.append("saw \(values)") } }
                            seen.withLock { _ = $0.insert(values[0]) }
                        }
                    }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
            // Threads of their own: on few cores, `concurrentPerform` would begin with the reader when the writers have ended.
            let done = DispatchGroup()
            for worker in 0..<3 {
                done.enter()
                Thread.detachNewThread {
                    work(worker)
                    done.leave()
                }
            }
            done.wait()
            #expect(failures.withLock { $0 } == [])
            #expect(seen.withLock { $0.count } > 1)
            let tables = try makeCatalog(folder).load(Self.ids)
            #expect(tables.map(\.snapshots.count) == [41, 41, 41])
            #expect(tables[1].properties["foreign"] == "19" && tables[1].properties["n"] == "39")
            #expect(setup.count == 3)
        }
    }

    @Test(arguments: CatalogDatabase.tested)
    func `when one table was overtaken, all are read again, and what was written once stays`(
        _ database: CatalogDatabase
    ) throws {
        try database.withFolder { folder in
            let tables = try Self.create(folder)
            let calls = Mutex<[String: Int]>([:])
            let clock = TransactionClock(nowMs: { 1_700_000_000_000 }, sleep: { _ in }, random: distinctNumbers())
            var all = MultiTableTransaction()
            for table in tables {
                var transaction = Transaction(table, clock: clock)
                let name = table.identifier.name
                transaction.append([dataFile("new")])
                transaction.require { (metadata) throws(WeirError) in
                    let call = calls.withLock { calls in
                        calls[name, default: 0] += 1
                        return calls[name, default: 0]
                    }
                    // Somebody changes the last table on each of the first three attempts.
                    if name == "c", call <= 3 { _ = try table.refreshed().setting("n", "\(call)") }
                    if name == "c" { #expect(metadata.properties["n"] == (call == 1 ? nil : "\(call - 1)")) }
                }
                all.add(transaction)
            }
            #expect(try all.commit().map(\.snapshots.count) == [2, 2, 2])
            #expect(calls.withLock { $0 } == ["a": 4, "b": 4, "c": 4])
            let files = try LocalObjectStorage().list(folder + "/wh/db")
            // Manifests are written once, and nothing is left of the attempts that failed.
            #expect(files.count { $0.path.hasSuffix("-m0.avro") } == 6)
            #expect(files.count { $0.path.lastPathComponent.hasPrefix("snap-") } == 6)
            #expect(files.count { $0.path.hasSuffix(".metadata.json") } == 3 * 3 + 3)
        }
    }

    @Test(arguments: CatalogDatabase.tested)
    func `a table that is always overtaken fails the commit, which then names it`(_ database: CatalogDatabase) throws {
        try database.withFolder { folder in
            let tables = try Self.create(folder)
            let before = try LocalObjectStorage().list(folder + "/wh/db/a").count
            let waits = Mutex(0)
            let clock = TransactionClock(
                nowMs: { 1_700_000_000_000 },
                sleep: { _ in waits.withLock { $0 += 1 } },
                random: distinctNumbers()
            )
            var all = MultiTableTransaction()
            for table in tables {
                var transaction = Transaction(table, clock: clock)
                transaction.append([dataFile("new")])
                transaction.require { (metadata) throws(WeirError) in
                    guard table.identifier.name == "b" else { return }
                    _ = try table.refreshed().setting("n", "\(metadata.lastUpdatedMs)")
                }
                all.add(transaction)
            }
            let error = #expect(throws: WeirError.self) { try all.commit() }
            #expect(error?.code == .conflict && error?.message.contains("'db.b' was changed") == true)
            #expect(waits.withLock { $0 } == 4)
            #expect(try LocalObjectStorage().list(folder + "/wh/db/a").count == before)
            #expect(try tables[0].refreshed().snapshots.count == 1)
        }
    }

    @Test(arguments: CatalogDatabase.tested) func `a refused table is named, and nothing of the others becomes visible`(
        _ database: CatalogDatabase
    ) throws {
        try database.withFolder { folder in
            let tables = try Self.create(folder)
            let before = try LocalObjectStorage().list(folder + "/wh").count
            var all = MultiTableTransaction()
            for table in tables {
                var transaction = Transaction(table)
                transaction.append([dataFile("new")])
                if table.identifier.name == "b" {
                    transaction.overwrite(adding: [], removing: [dataFile("not there")])
                }
                all.add(transaction)
            }
            let error = #expect(throws: WeirError.self) { try all.commit() }
            #expect(error?.code == .conflict && error?.location?.contains("commit to db.b") == true)
            #expect(try makeCatalog(folder).load(Self.ids).map(\.snapshots.count) == [1, 1, 1])
            #expect(try LocalObjectStorage().list(folder + "/wh").count == before)
        }
    }

    @Test(arguments: CatalogDatabase.tested)
    func `a commit can require that another table is unchanged`(_ database: CatalogDatabase) throws {
        try database.withFolder { folder in
            let delete = ["write.metadata.delete-after-commit.enabled": "true"]
            let tables = try Self.create(folder, properties: delete)
            let moved = WeirError(.conflict, "the other one moved")
            func requiring(_ other: Table) throws -> Table {
                var transaction = Transaction(tables[0])
                transaction.append([dataFile("new")])
                transaction.requireUnchanged(other, orFail: moved)
                return try transaction.commit()
            }
            let before = try LocalObjectStorage().list(folder + "/wh").count
            _ = try tables[1].setting("n", "1")
            #expect(#expect(throws: WeirError.self) { try requiring(tables[1]) } == moved)
            #expect(try LocalObjectStorage().list(folder + "/wh").count == before + 1)
            let other = try tables[1].refreshed()
            #expect(try requiring(other).snapshots.count == 2)
            #expect(try makeCatalog(folder).load(other.identifier).metadataLocation == other.metadataLocation)
        }
    }

    @Test func `an attempt writes again only what others have changed`() throws {
        try withTemporaryFolder { folder in
            _ = try Self.create(folder)
            let written = Mutex<[String: Int]>([:])
            let files = WatchedFileSystem { (path, access) throws(WeirError) in
                guard access != .read, path.hasSuffix(".metadata.json") || path.lastPathComponent.hasPrefix("snap-")
                else { return }
                let kind = path.hasSuffix(".json") ? "metadata" : "list"
                let table = Self.ids.first { path.contains("/db/\($0.name)/") }?.name ?? ""
                written.withLock { $0["\(table) \(kind)", default: 0] += 1 }
            }
            let catalog = try makeCatalog(folder, storage: LocalObjectStorage(files: files))
            let tables = try catalog.load(Self.ids)
            let waits = Mutex(0)
            let looks = Mutex(0)
            let clock = TransactionClock(
                nowMs: { 1_700_000_000_000 },
                sleep: { _ in waits.withLock { $0 += 1 } },
                random: distinctNumbers()
            )
            let others = try makeCatalog(folder)
            let seen = Mutex<[String?]>([])
            var last = Transaction(tables[0], clock: clock)
            last.require(of: tables[2]) { (now) throws(WeirError) in
                seen.withLock { $0.append(now.properties["n"]) }
            }
            last.append([dataFile("last")])
            var retries = 0
            var both = MultiTableTransaction()
            both.add(last)
            var other = Transaction(tables[1], clock: clock)
            other.append([dataFile("new")])
            other.require { (_) throws(WeirError) in
                let look = looks.withLock { looks in
                    looks += 1
                    return looks
                }
                if look == 1 { _ = try others.load(Self.ids[1]).setting("n", "\(look)") }
                if look == 2 || look == 3 { _ = try others.load(Self.ids[2]).setting("n", "\(look)") }
            }
            both.add(other)
            let before = try LocalObjectStorage().list(folder + "/wh").count
            #expect(try both.commit { retries += 1 }.map(\.snapshots.count) == [2, 2])
            #expect(retries == 3 && waits.withLock { $0 } == 1)
            #expect(seen.withLock { $0 } == ["2", "3"])
            #expect(written.withLock { $0 } == ["a metadata": 1, "a list": 1, "b metadata": 2, "b list": 2])
            // A manifest, a list and a metadata file each, and those of the other writer.
            #expect(try LocalObjectStorage().list(folder + "/wh").count == before + 6 + 3)
        }
    }

    /// A commit to the first table that requires the third.
    private static func requiring(_ catalog: UnreliableCatalog) throws -> MultiTableTransaction {
        let tables = try catalog.load(ids)
        var transaction = Transaction(tables[0])
        transaction.require(of: tables[2]) { (_) throws(WeirError) in }
        transaction.append([dataFile("new")])
        var all = MultiTableTransaction()
        all.add(transaction)
        return all
    }

    @Test(arguments: CatalogDatabase.tested)
    func `a table that is only required may move after an answer was lost`(_ database: CatalogDatabase) throws {
        try database.withFolder { folder in
            _ = try Self.create(folder)
            let real = try makeCatalog(folder)
            let all = try Self.requiring(UnreliableCatalog(real, fails: .nothing(before: Self.ids[2])))
            var retries = 0
            _ = try all.commit { retries += 1 }
            #expect(retries == 1)
            #expect(try FreshPlan.liveNames(of: real.load(Self.ids[0])).sorted() == ["a-old", "new"])
        }
    }

    /// The swap names the table as moved, by the commit itself, and the looks do not: nothing is deleted.
    @Test(arguments: CatalogDatabase.tested)
    func `a required table that moves does not hide that looks and swaps contradict each other`(
        _ database: CatalogDatabase
    ) throws {
        try database.withFolder { folder in
            _ = try Self.create(folder)
            let real = try makeCatalog(folder)
            let all = try Self.requiring(UnreliableCatalog(real, fails: .staleLooks(before: Self.ids[2])))
            let error = #expect(throws: WeirError.self) { try all.commit() }
            #expect(error?.code == .unknownState, "\(String(describing: error))")
            #expect(try FreshPlan.liveNames(of: real.load(Self.ids[0])).sorted() == ["a-old", "new"])
        }
    }

    @Test(arguments: CatalogDatabase.tested) func `an answer that is lost is looked up in all tables`(
        _ database: CatalogDatabase
    ) throws {
        try database.withFolder { folder in
            let tables = try Self.create(folder)
            let real = try makeCatalog(folder)
            func commit(_ failure: UnreliableCatalog.Failure) throws -> [Table] {
                try Self.replacing(UnreliableCatalog(real, fails: failure).load(Self.ids)).commit()
            }
            // The swap may be on its way: all files stay, and it finds them when it arrives.
            let slow = UnreliableCatalog(real, fails: .late)
            let late = try Self.replacing(slow.load(Self.ids))
            let error = #expect(throws: WeirError.self) { try late.commit() }
            #expect(error?.code == .unknownState && error?.message.contains("'db.a', 'db.b', 'db.c'") == true)
            #expect(try Self.areNew(real.load(Self.ids)) == false)
            #expect(try slow.arrive() == [])
            #expect(try Self.areNew(real.load(Self.ids)) == true)
            #expect(tables.count == 3)
        }
        for failure in [UnreliableCatalog.Failure.afterSwap, .builtOn, .overtaken] {
            try database.withFolder { folder in
                _ = try Self.create(folder)
                let real = try makeCatalog(folder)
                let unreliable = UnreliableCatalog(real, fails: failure)
                var all = MultiTableTransaction()
                for table in try unreliable.load(Self.ids) {
                    var transaction = Transaction(table)
                    transaction.append([dataFile("new")])
                    all.add(transaction)
                }
                let after = try all.commit()
                // The last table got commits of another writer before or after.
                let others = failure == .builtOn ? 2 : failure == .overtaken ? 1 : 0
                #expect(after.count == 3)
                #expect(try real.load(Self.ids).map(\.snapshots.count) == [2, 2, 2 + others], "\(failure)")
                for id in Self.ids {
                    let names = id == Self.ids[2] ? ["other", "another"].prefix(others) : []
                    let expected = Set(["\(id.name)-old", "new"]).union(names)
                    #expect(try FreshPlan.liveNames(of: real.load(id)) == expected, "\(failure)")
                }
            }
        }
    }

    @Test(arguments: CatalogDatabase.tested)
    func `requirements and updates without a base are checked against the current state`(_ database: CatalogDatabase)
        throws
    {
        try database.withFolder { folder in
            let tables = try Self.create(folder)
            let catalog = try makeCatalog(folder)
            func commit(_ requirements: [TableRequirement]) throws -> CommitOutcome {
                try catalog.commit(
                    [
                        TableCommit(Self.ids[0], updates: [.setProperties(["k": "v"])]),
                        TableCommit(Self.ids[1], requirements: requirements, updates: [.setProperties(["k": "v"])]),
                    ],
                    clock: .system
                )
            }
            let error = #expect(throws: WeirError.self) { try commit([.reference(name: "main", snapshotId: 7)]) }
            #expect(error?.code == .conflict)
            #expect(
                error?.message.contains("db.b") == true && error?.message.contains("assert-ref-snapshot-id") == true
            )
            #expect(#expect(throws: WeirError.self) { try commit([.create]) }?.code == .alreadyExists)
            #expect(try catalog.load(Self.ids).allSatisfy { $0.properties["k"] == nil })
            let snapshot = tables[1].metadata.currentSnapshotId
            guard case .committed(let after) = try commit([.reference(name: "main", snapshotId: snapshot)]) else {
                Issue.record("not committed")
                return
            }
            #expect(after.map { $0.properties["k"] } == ["v", "v"])
            #expect(try catalog.load(Self.ids).map { $0.properties["k"] } == ["v", "v", nil])
        }
    }
}
