import Bytes
import Foundation
import Testing
import WeirTesting

@testable import ObjectStorage

@Suite struct LocalFileSystemTests {
    let files = LocalFileSystem()

    @Test func `pieces are written one behind the other, however many there are`() throws {
        try withTemporaryFolder { folder in
            var random = SeededGenerator(seed: 11)
            let content = (0..<200_000).map { _ in UInt8.random(in: 0...255, using: &random) }
            let file = try files.open(folder + "/f", .create)
            // More pieces than one system call accepts, some of them empty.
            var cuts = (0..<3000).map { _ in Int.random(in: 0...content.count, using: &random) }.sorted()
            cuts = [0] + cuts + [content.count]
            try content.withUnsafeBytes { bytes in
                let pieces = zip(cuts, cuts.dropFirst()).map { UnsafeRawBufferPointer(rebasing: bytes[$0..<$1]) }
                try file.write(gathering: pieces, at: 100)
            }
            #expect(try file.size() == 200_100)
            #expect(try file.read(count: 300_000, at: 100) == content)
            #expect(try file.read(count: 10, at: 300_000).isEmpty)
        }
    }

    @Test func `the default way of writing pieces gives the same bytes`() throws {
        try withTemporaryFolder { folder in
            let file = try FaultyFileSystem().open(folder + "/f", .create)
            let content = Array("hello world".utf8)
            try content.withUnsafeBytes { bytes in
                try file.write(
                    gathering: [
                        UnsafeRawBufferPointer(rebasing: bytes[..<5]), UnsafeRawBufferPointer(rebasing: bytes[5...]),
                    ],
                    at: 0
                )
            }
            #expect(try file.read(count: 100, at: 0) == content)
        }
    }

    @Test func `reserved space does not change the size`() throws {
        try withTemporaryFolder { folder in
            let file = try files.open(folder + "/f", .create)
            try file.write([1, 2, 3], at: 0)
            file.reserve(1 << 20, at: 3)
            #expect(try file.size() == 3)
            try file.truncate(to: 2)
            try file.sync()
            #expect(try file.read(count: 10, at: 0) == [1, 2])
        }
    }

    @Test func `a lock belongs to one open file and goes with it`() throws {
        try withTemporaryFolder { folder in
            var first: (any OpenFile)? = try files.open(folder + "/lock", .write)
            let second = try files.open(folder + "/lock", .write)
            #expect(try first?.tryLock() == true)
            #expect(try second.tryLock() == false)
            first = nil
            #expect(try second.tryLock())
        }
    }

    /// A child process that has been forked has a copy of each descriptor until it begins its program.
    @Test func `a lock ends with its file, though a copy of the descriptor is left`() throws {
        try withTemporaryFolder { folder in
            let descriptor = open(folder + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            let copy = dup(descriptor)
            defer { close(copy) }
            var first: LocalFile? = LocalFile(path: folder + "/lock", descriptor: descriptor)
            #expect(try first?.tryLock() == true)
            let second = try files.open(folder + "/lock", .write)
            #expect(try second.tryLock() == false)
            first = nil
            #expect(try second.tryLock())
        }
    }

    @Test func `opening says what is wrong`() {
        withTemporaryFolder { folder in
            func code(_ body: () throws -> Void) -> WeirError.Code? {
                do {
                    try body()
                    return nil
                } catch { return (error as? WeirError)?.code }
            }
            let path = folder + "/f"
            #expect(code { _ = try files.open(path, .read) } == .notFound)
            #expect(code { _ = try files.open(path, .create) } == nil)
            #expect(code { _ = try files.open(path, .create) } == .alreadyExists)
            #expect(code { _ = try files.open(path, .write) } == nil)
            #expect(code { try files.remove(folder + "/missing") } == .notFound)
            #expect(code { try files.rename(folder + "/missing", to: path) } == .notFound)
            let full = WeirError.systemCall("write", path, ENOSPC)
            #expect(full.code == .outOfSpace)
            #expect(full.description.contains(path))
        }
    }

    @Test func `directories are made with their parents, listed and removed`() throws {
        try withTemporaryFolder { folder in
            try files.makeDirectories(folder + "/a/b/c")
            try files.makeDirectories(folder + "/a/b/c")
            _ = try files.open(folder + "/a/b/f", .create)
            let entries = try files.list(folder + "/a/b").sorted { $0.name < $1.name }
            #expect(entries == [FileEntry(name: "c", isDirectory: true), FileEntry(name: "f", isDirectory: false)])
            #expect(try files.list(folder + "/missing").isEmpty)
            #expect(try files.status(folder + "/a/b/c")?.isDirectory == true)
            #expect(try files.status(folder + "/missing") == nil)
            #expect(try files.status(folder + "/a/b/f/below") == nil)
            try files.syncDirectory(folder + "/a/b")
            try files.rename(folder + "/a/b/f", to: folder + "/a/g")
            try files.remove(folder + "/a/b/c")
            #expect(try files.list(folder + "/a/b").isEmpty)
            #expect("/a".parentDirectory == "/")
            #expect("a".parentDirectory == ".")
        }
    }
}
