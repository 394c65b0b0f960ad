import Bytes
import ChangeEvents
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import KeyedState
import ObjectStorage
import Testing
import WeirTesting

@testable import MixedTables

/// The key index of base on a local disk: what the next process uses of it, and what it must not use.
@Suite struct KeyIndexStateTests {
    /// A table with rows in base, written through an index in a folder.
    private struct World {
        let place: KeyIndexPlace
        var stream: MaterializeTests.Stream
        var materializer: Materializer?
        var expected: [Int: Int] = [:]

        init(in folder: String, memory: Int = 1500, properties: [String: String] = [:]) throws {
            place = KeyIndexPlace(in: folder, memory: memory)
            stream = try MaterializeTests.Stream(
                MixedTableModelTests.create(.wideKey, in: folder, properties: properties)
            )
            materializer = Materializer(stream.table, state: place.state())
        }

        mutating func commit(_ names: some Sequence<Int>, _ value: Int) throws {
            try stream.commit(names.map { (.updateAfter, MaterializeTests.row($0, value)) })
            for name in names { expected[name] = value }
        }

        /// Moves everything and compares base.
        mutating func move(_ now: Int64 = 1, _ what: Comment = "") throws {
            let current = try #require(materializer)
            while case .merged = try current.step(rewriteBytes: 0, nowMilliseconds: now) {}
            stream.table = current.table
            #expect(try MaterializeTests.values(stream.table) == expected.values.map { Int64($0) }.sorted(), what)
        }

        /// Ends the process, in order or not, and begins the next one.
        mutating func restart(saves: Bool = true) throws {
            if saves {
                materializer?.saveKeys()
                materializer?.end()
            }
            materializer = nil
            materializer = Materializer(stream.table, state: place.state())
        }

        var loaded: Int { materializer?.loadedKeys ?? -1 }
    }

    private static func isRefused(_ events: [KeyIndexState.Event]) -> Bool {
        events.contains { if case .refused = $0 { true } else { false } }
    }

    @Test func `the next process reads only what is new, after an orderly end and after a kill`() throws {
        try withTemporaryFolder { folder in
            var world = try World(in: folder)
            try world.commit(0..<100, 1)
            try world.move()
            try world.commit(0..<20, 2)
            try world.move()
            #expect(world.place.takeEvents() == [.loaded(keys: 0)])
            try world.restart()
            try world.commit(10..<30, 3)
            try world.move()
            #expect(world.place.takeEvents() == [.reopened(keys: 100, commitsBehind: 0)])
            // The rows that the step itself has brought.
            #expect(world.loaded == 20)
            // Two more commits that nobody saves.
            try world.commit(40..<45, 4)
            try world.move()
            try world.restart(saves: false)
            try world.commit(50..<60, 5)
            try world.move()
            #expect(world.place.takeEvents() == [.reopened(keys: 100, commitsBehind: 2)])
            #expect(world.loaded == 20 + 5 + 10)
            // Killed again, twice: what was saved is used each time.
            for round in 6..<8 {
                try world.restart(saves: false)
                try world.commit((round * 10)..<(round * 10 + 10), round)
                try world.move()
            }
            #expect(world.loaded == 20 + 5 + 3 * 10)
        }
    }

    @Test func `commits of others, and snapshots that have expired, are caught up with`() throws {
        try withTemporaryFolder { folder in
            var world = try World(in: folder, properties: ["snapshot.keep.max-count": "2"])
            try world.commit(0..<50, 1)
            try world.move()
            try world.restart()
            let saved = try #require(world.stream.table.base.metadata.currentSnapshotId)
            // Another process, without a folder, and another engine.
            let other = Materializer(world.stream.table)
            for round in 0..<6 {
                try world.commit((round * 5)..<(round * 5 + 5), 10 + round)
                while case .merged = try other.step(rewriteBytes: 0, nowMilliseconds: 1) {}
            }
            var transaction = Transaction(try world.stream.table.refreshed().base)
            transaction.append([])
            _ = try transaction.commit()
            #expect(try world.stream.table.refreshed().base.metadata.snapshot(id: saved) == nil)
            try world.commit(0..<10, 99)
            try world.move()
            #expect(world.place.takeEvents().last == .reopened(keys: 50, commitsBehind: nil))
            #expect(world.loaded == 30 + 10)
        }
    }

    @Test func `what a rolled back table, or another of its name, had is not used`() throws {
        try withTemporaryFolder { folder in
            var world = try World(in: folder)
            try world.commit(0..<50, 1)
            try world.move()
            let first = try #require(world.stream.table.base.metadata.currentSnapshotId)
            try world.commit(0..<10, 2)
            try world.move()
            try world.restart()
            // Back to the first commit: the changes since then are moved again.
            var transaction = Transaction(world.stream.table.base)
            transaction.update { (_) throws(WeirError) in
                [.setReference(name: "main", SnapshotReference(branch: first))]
            }
            _ = try transaction.commit()
            try world.move()
            #expect(Self.isRefused(world.place.takeEvents()) && world.materializer?.keyCount == 50)
            try withTemporaryFolder { folder in
                var other = try World(in: folder)
                try other.commit(0..<5, 7)
                world.materializer?.saveKeys()
                world.materializer = nil
                other.materializer = Materializer(other.stream.table, state: world.place.state())
                try other.move()
                #expect(Self.isRefused(world.place.takeEvents()) && other.materializer?.keyCount == 5)
                // From now on the folder is that table's.
                other.materializer?.saveKeys()
                other.materializer = Materializer(other.stream.table, state: world.place.state())
                try other.commit(0..<5, 8)
                try other.move()
                #expect(world.place.takeEvents() == [.reopened(keys: 5, commitsBehind: 0)])
            }
        }
    }

    @Test func `a folder that another process uses is left alone, and taken once it is free`() throws {
        try withTemporaryFolder { folder in
            var world = try World(in: folder)
            try world.commit(0..<50, 1)
            try world.move()
            world.materializer?.saveKeys()
            let first = world.materializer
            world.materializer = Materializer(world.stream.table, state: world.place.state())
            let before = world.place.names()
            for round in 2..<5 {
                try world.commit(0..<10, round)
                try world.move()
            }
            world.materializer?.saveKeys()
            let failures = world.place.takeEvents().filter { if case .failed = $0 { true } else { false } }
            #expect(failures.count == 1, "told once: \(failures)")
            #expect(world.place.names() == before)
            first?.end()
            world.place.time.skip(.seconds(60))
            try world.commit(0..<10, 6)
            try world.move()
            world.materializer?.saveKeys()
            try world.restart(saves: false)
            try world.commit(0..<10, 7)
            try world.move()
            #expect(world.place.takeEvents() == [.reopened(keys: 50, commitsBehind: 0)])
        }
    }

    @Test(arguments: [true, false])
    func `a full disk or a removed folder is told once, and tried again a minute later`(isFull: Bool) throws {
        try withTemporaryFolder { folder in
            var world = try World(in: folder)
            try world.commit(0..<50, 1)
            try world.move()
            world.materializer?.saveKeys()
            _ = world.place.takeEvents()
            if isFull { world.place.isFull.store(true, ordering: .relaxed) } else { world.place.remove() }
            for round in 2..<6 {
                try world.commit(0..<30, round)
                try world.move()
                world.materializer?.saveKeys()
            }
            guard case .failed(let error)? = world.place.takeEvents().first else {
                Issue.record("nothing is told")
                return
            }
            #expect(isFull ? error.code == .outOfSpace && error.advice != nil : error.code == .notFound, "\(error)")
            #expect(world.place.takeEvents().isEmpty)
            #expect((world.materializer?.keyBytes.memory ?? 0) > 1500)
            world.place.isFull.store(false, ordering: .relaxed)
            world.place.time.skip(.seconds(60))
            try world.commit(0..<30, 7)
            try world.move()
            #expect((world.materializer?.keyBytes.memory ?? .max) < 1500)
            world.materializer?.saveKeys()
            try world.restart(saves: false)
            try world.commit(0..<30, 8)
            try world.move()
            #expect(world.place.takeEvents() == [.reopened(keys: 50, commitsBehind: 0)])
        }
    }

    @Test func `loads that end in the middle leave nothing behind`() throws {
        try withTemporaryFolder { folder in
            var world = try World(in: folder)
            for round in 0..<8 {
                try world.commit(round * 100..<round * 100 + 100, 1)
                try world.move()
            }
            world.materializer = nil
            world.place.remove()
            world.materializer = Materializer(world.stream.table, state: world.place.state())
            try world.commit(0..<10, 2)
            let last = try #require(try world.stream.table.base.plan().last?.file.path.dropFirst("file://".count))
            try FileManager.default.moveItem(atPath: String(last), toPath: last + ".away")
            var counts: [Int] = []
            for _ in 0..<5 {
                world.place.time.skip(.seconds(60))
                #expect(throws: WeirError.self) { try world.move() }
                counts.append(world.place.names().count)
            }
            #expect(counts[0] > 0 && counts.allSatisfy { $0 < 2 * counts[0] }, "files after each load: \(counts)")
            try FileManager.default.moveItem(atPath: last + ".away", toPath: String(last))
            try world.move()
        }
    }

    @Test func `indexes of several tables keep to the memory together`() throws {
        try withTemporaryFolder { folder in
            let memory = KeyMemory(bytes: 6000)
            var worlds = try (0..<3).map { number in
                let own = "\(folder)/\(number)"
                try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
                var world = try World(in: own)
                world.materializer = Materializer(
                    world.stream.table,
                    state: KeyIndexState("\(folder)/keys/\(number)", memory: memory)
                )
                return world
            }
            for index in worlds.indices {
                for round in 0..<4 {
                    try worlds[index].commit(round * 80..<round * 80 + 80, 1)
                    try worlds[index].move()
                }
                for world in worlds { world.materializer?.trimKeys() }
                let taken = worlds.compactMap { $0.materializer?.keyBytes.memory }
                #expect(taken.reduce(0, +) <= 6000, "\(taken)")
            }
        }
    }

    @Test func `a bit flipped in any file is found, and the keys are read from the table`() throws {
        try withTemporaryFolder { folder in
            var world = try World(in: folder)
            try world.commit(0..<40, 1)
            try world.move()
            try world.restart()
            let (names, kept) = (world.place.names(), folder + "/kept")
            #expect(names.contains("state") && names.count > 1)
            try FileManager.default.copyItem(atPath: world.place.folder, toPath: kept)
            func restore() throws {
                world.place.remove()
                try FileManager.default.copyItem(atPath: kept, toPath: world.place.folder)
            }
            var round = 1
            for name in names {
                for part in 0..<5 {
                    round += 1
                    try world.place.change(name) { $0[($0.count - 1) * part / 4] ^= 1 << UInt8(part) }
                    try world.commit(0..<10, round)
                    _ = world.place.takeEvents()
                    try world.move(1, "\(name) \(part)")
                    #expect(Self.isRefused(world.place.takeEvents()), "\(name), part \(part)")
                    #expect(world.materializer?.keyCount == 40)
                    // What was refused is not there for the next process.
                    try world.restart(saves: false)
                    try world.commit(0..<10, round)
                    try world.move()
                    #expect(!Self.isRefused(world.place.takeEvents()), "\(name), part \(part)")
                    try world.restart(saves: false)
                    try restore()
                }
            }
            try world.commit(0..<10, 0)
            try world.move()
            #expect(!Self.isRefused(world.place.takeEvents()))
        }
    }

    /// Whatever of a save a killed process has done, the next one finds the old state or the new one.
    @Test func `a save that is cut off at any step leaves a state that can be used`() throws {
        try withTemporaryFolder { folder in
            var world = try World(in: folder)
            try world.commit(0..<40, 1)
            try world.move()
            try world.restart()
            for step in 0..<100 {
                try world.commit(0..<4, step)
                let files = FaultyFileSystem(failAt: step)
                var state: KeyIndexState? = KeyIndexState(
                    world.place.folder,
                    memory: KeyMemory(bytes: 1 << 20),
                    files: files
                )
                world.materializer = nil
                world.materializer = Materializer(world.stream.table, state: state)
                state = nil
                try world.move(1, "step \(step)")
                world.materializer?.saveKeys()
                world.materializer = nil
                world.materializer = Materializer(world.stream.table, state: world.place.state())
                try world.commit(0..<4, step + 1000)
                try world.move(1, "after step \(step)")
                let events = world.place.takeEvents()
                #expect(!Self.isRefused(events), "step \(step): \(events)")
                if !files.isDead { return }
            }
            Issue.record("it never ends")
        }
    }

    @Test func `a list of files that is damaged is told apart from one that is not`() throws {
        var random = SeededGenerator(seed: 17)
        let list = SavedBaseFiles(
            nextNumber: 9,
            files: [
                SavedBaseFiles.File(
                    path: "file:/a.parquet",
                    number: 3,
                    rowCount: 100,
                    deletes: [
                        DataFile.ContentLocation(path: "file:/d.parquet", offset: nil),
                        DataFile.ContentLocation(path: "file:/d.puffin", offset: 0),
                    ],
                    deleted: DeletedRows([1, 64, 99], rowCount: 100)
                ),
                SavedBaseFiles.File(path: "b", number: 8, rowCount: 0, deletes: [], deleted: DeletedRows()),
            ],
            copies: [UInt128.max - 5: [KeyPlace(file: 3, row: 7), KeyPlace(file: 8, row: 0)]]
        )
        let bytes = list.encoded()
        let again = try SavedBaseFiles(bytes)
        #expect(again.nextNumber == 9 && again.copies == list.copies && again.files.count == 2)
        for (file, expected) in zip(again.files, list.files) {
            #expect(file.path == expected.path && file.number == expected.number && file.rowCount == expected.rowCount)
            #expect(file.deletes == expected.deletes && file.deleted == expected.deleted)
        }
        // None of these may trap.
        for count in 0..<bytes.count {
            #expect(throws: WeirError.self) { try SavedBaseFiles(Array(bytes.prefix(count))) }
        }
        for _ in 0..<20_000 {
            var other = bytes
            for _ in 0..<(1 + random.next() % 3) {
                other[Int(random.next() % UInt64(other.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = try? SavedBaseFiles(other)
        }
    }

    @Test func `an index larger than its memory lies in few files, and finds every key`() throws {
        try withTemporaryFolder { folder in
            var world = try World(in: folder, memory: 20_000)
            for round in 0..<12 {
                try world.commit((round * 500)..<(round * 500 + 700), round)
                try world.move()
                #expect((world.materializer?.keyBytes.memory ?? .max) <= 40_000, "round \(round)")
            }
            #expect(world.place.names().count < 30)
            try world.restart()
            try world.commit(0..<6000, 50)
            try world.move()
            #expect(world.place.takeEvents().last == .reopened(keys: 6200, commitsBehind: 0))
            // Files of which little is left are written again.
            world.materializer?.saveKeys()
            let keys = world.materializer?.keyCount ?? 0
            #expect((world.materializer?.keyBytes.disk ?? .max) < 200 * keys)
        }
    }
}
