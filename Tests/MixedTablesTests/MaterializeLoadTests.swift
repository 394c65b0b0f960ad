import Bytes
import Columnar
import Dispatch
import IcebergFormat
import IcebergTables
import ObjectStorage
import Synchronization
import Testing
import WeirTesting

@testable import MixedTables

/// Reading the keys of base, which is the longest that a step takes.
@Suite struct MaterializeLoadTests {
    private static func name(_ path: String) -> DataFileName? { DataFileName(path: path) }

    /// A table whose base has some files for each of its four nodes, and a change that waits.
    private static func prepare(
        _ folder: String,
        files: any FileSystem = LocalFileSystem()
    ) throws -> MaterializeTests.Stream {
        var stream = try MaterializeTests.Stream(in: folder, storage: LocalObjectStorage(files: files))
        for round in 0..<6 {
            try stream.commit((0..<20).map { (.insert, MaterializeTests.row(round * 20 + $0, $0)) })
            _ = try stream.merge()
        }
        // A position delete for most of them.
        try stream.commit((0..<120).filter { $0 % 3 == 0 }.map { (.updateAfter, MaterializeTests.row($0, -1)) })
        _ = try stream.merge()
        try stream.commit([(.updateAfter, MaterializeTests.row(7, 700))])
        return stream
    }

    @Test(.hangGuard) func `loading ends in the middle of files when it is told to`() throws {
        try withTemporaryFolder { folder in
            let isArmed = Atomic(false)
            let opened = Mutex(0)
            let stopped = DispatchSemaphore(value: 0)
            let files = WatchedFileSystem { (path, access) in
                guard isArmed.load(ordering: .relaxed), access == .read, Self.name(path)?.type == .base else { return }
                opened.withLock { $0 += 1 }
                // Until the check has failed; without it the files are read one after another.
                if stopped.wait(timeout: .now() + .seconds(5)) == .success { stopped.signal() }
            }
            let stream = try Self.prepare(folder, files: files)
            let all = try stream.table.base.plan().count
            #expect(all > 16)
            isArmed.store(true, ordering: .relaxed)
            let materializer = Materializer(stream.table)
            var states: [Bool] = []
            let error = #expect(throws: WeirError.self) {
                try materializer.step(nowMilliseconds: 1) { () throws(WeirError) in
                    guard opened.withLock({ $0 }) > 0 else { return }
                    stopped.signal()
                    throw WeirError(.cancelled, "the end")
                } onBacklog: {
                    states.append($0.isLoading)
                }
            }
            #expect(error?.code == .cancelled)
            #expect(opened.withLock { $0 } <= 8)
            #expect(states == [false, true, false])
            #expect(materializer.backlog.commitCount == 1 && !materializer.backlog.isLoading)
            isArmed.store(false, ordering: .relaxed)
            let merge = try MaterializeTests.merge(of: materializer.step(nowMilliseconds: 1))
            #expect((merge.inserted, merge.deleted) == (1, 1))
        }
    }

    @Test func `loading ends among the position deletes when it is told to`() throws {
        try withTemporaryFolder { folder in
            let opened = Mutex<[String]>([])
            let files = WatchedFileSystem { (path, access) in
                if access == .read, path.hasSuffix(".parquet") { opened.withLock { $0.append(path) } }
            }
            let stream = try Self.prepare(folder, files: files)
            #expect(try stream.table.base.plan().count { !$0.deletes.isEmpty } > 4)
            opened.withLock { $0 = [] }
            var calls = 0
            let error = #expect(throws: WeirError.self) {
                try Materializer(stream.table).step(nowMilliseconds: 1) { () throws(WeirError) in
                    calls += 1
                    throw WeirError(.cancelled, "the end")
                }
            }
            #expect(error?.code == .cancelled && calls == 1)
            let paths = Set(opened.withLock { $0 })
            #expect(paths.count == 1 && paths.allSatisfy { Self.name($0)?.type == .positionDelete }, "\(paths)")
        }
    }

    @Test func `reading an own commit back is ended, and the keys are read again`() throws {
        try withTemporaryFolder { folder in
            var stream = try Self.prepare(folder)
            var (isCommitted, wasEnded) = (false, false)
            let step = try stream.materializer.step(nowMilliseconds: 1) { () throws(WeirError) in
                guard isCommitted else { return }
                wasEnded = true
                throw WeirError(.cancelled, "the end")
            } onBacklog: {
                isCommitted = $0.isEmpty
            }
            _ = try MaterializeTests.merge(of: step)
            #expect(wasEnded && stream.materializer.keyCount == 0)
            try stream.commit([(.delete, MaterializeTests.row(7, 700))])
            let merge = try MaterializeTests.merge(of: stream.merge())
            #expect((merge.inserted, merge.deleted) == (0, 1))
            #expect(stream.materializer.loadedKeys == 120)
        }
    }

    @Test func `a key with several rows costs reading one file again`() throws {
        try withTemporaryFolder { folder in
            var stream = try Self.prepare(folder)
            _ = try stream.merge()
            let base = stream.table.base
            for number in 0..<2 {
                let path = "\(base.dataLocation)/other-\(number).parquet"
                let file = try ParquetFileWriter(schema: base.schema, to: base.storage.create(path))
                try file.write(.rows([MaterializeTests.row(1, 10), MaterializeTests.row(1, 11)], base.schema))
                var other = Transaction(try base.refreshed())
                other.append([DataFile(parquet: path, try file.finish())])
                _ = try other.commit()
            }
            _ = try stream.writer.follow(stream.table.refreshed())
            stream.table = try stream.table.refreshed()
            try stream.commit([(.updateAfter, MaterializeTests.row(1, 100))])
            let materializer = Materializer(stream.table)
            let merge = try MaterializeTests.merge(of: materializer.step(rewriteBytes: 0, nowMilliseconds: 1))
            #expect((merge.inserted, merge.deleted) == (1, 5))
            // The rows of all files, those of three files again, and the new row.
            #expect(materializer.loadedKeys > 125 && materializer.loadedKeys < 160, "\(materializer.loadedKeys)")
            #expect(materializer.keyCount == 120)
        }
    }

    @Test(arguments: SeededGenerator.seeds(3))
    func `the keys of a round are a part of those that are loaded`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for processors in [1, 2, 64] {
            let rounds = KeyLoadRounds(processors: processors)
            var left = (0..<2000).map { _ in Int64(random.next() % 600_000) }
            let total = left.reduce(0, +)
            var (loaded, count): (Int64, Int) = (0, 0)
            while !left.isEmpty {
                let files = rounds.next(left, loaded: loaded)
                let rows = left.prefix(files).reduce(0, +)
                #expect(files > 0 && rows <= max(Int64(4 << 20), loaded / 4, 8 * 600_000), "seed \(seed)")
                loaded += rows
                left.removeFirst(files)
                count += 1
            }
            #expect(loaded == total)
            // Each of them costs a look-up of its keys in what is there.
            #expect(count < 30, "\(count) rounds")
            // Large files are still read by all processors.
            #expect(rounds.next([.max, .max, .max], loaded: 0) == min(processors, 3))
        }
        #expect(KeyLoadRounds(processors: 2).next([], loaded: 0) == 0)
    }
}
