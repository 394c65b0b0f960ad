import Bytes
import ObjectStorage
import Testing
import WeirTesting

@Suite struct LocalObjectStorageTests {
    let storage = LocalObjectStorage()

    @Test(arguments: ["", "file:", "file://", "file://localhost"])
    func `an object is written once and read at any offset`(_ scheme: String) throws {
        try withTemporaryFolder { folder in
            let path = scheme + folder + "/data/part=1/object"
            let writer = try storage.create(path)
            for piece in ["one ", "two ", "three"] {
                try Array(piece.utf8).withUnsafeBytes { try writer.write($0) }
            }
            #expect(writer.count == 13)
            try writer.finish()
            #expect(try storage.read(path) == Array("one two three".utf8))
            #expect(try storage.exists(folder + "/data/part=1/object"))
            var middle = [UInt8](repeating: 0, count: 20)
            let count = try middle.withUnsafeMutableBytes { try storage.open(path).read(into: $0, at: 4) }
            #expect(Array(middle[..<count]) == Array("two three".utf8))
        }
    }

    @Test func `putting under a taken name fails and keeps the first`() throws {
        try withTemporaryFolder { folder in
            try storage.putNew(folder + "/v1.json", [1])
            let error = #expect(throws: WeirError.self) { try storage.putNew(folder + "/v1.json", [2]) }
            #expect(error?.code == .alreadyExists)
            #expect(try storage.read(folder + "/v1.json") == [1])
        }
    }

    @Test func `listing walks down and deleting twice is fine`() throws {
        try withTemporaryFolder { folder in
            for name in ["a/1", "a/b/2", "a/b/c/3", "z/4"] { try storage.putNew(folder + "/" + name, [1, 2, 3]) }
            let listed = try storage.list(folder + "/a/")
            #expect(listed.map(\.path).sorted() == ["1", "b/2", "b/c/3"].map { folder + "/a/" + $0 })
            #expect(listed.allSatisfy { $0.size == 3 && $0.modified > 0 })
            try storage.delete(folder + "/a/1")
            try storage.delete(folder + "/a/1")
            #expect(try !storage.exists(folder + "/a/1"))
            #expect(try storage.list(folder + "/missing/").isEmpty)
        }
    }

    @Test func `an abandoned object leaves nothing`() throws {
        try withTemporaryFolder { folder in
            let writer = try storage.create(folder + "/o")
            try [UInt8(1)].withUnsafeBytes { try writer.write($0) }
            writer.abandon()
            #expect(try !storage.exists(folder + "/o"))
        }
    }

    /// A put commits a table: after a crash at any step, no reader may find a partial object.
    @Test func `a put that crashes anywhere is not acknowledged, and one that was is whole`() throws {
        let content = [UInt8](repeating: 9, count: 1000)
        let counting = FaultyFileSystem()
        try withTemporaryFolder { try LocalObjectStorage(files: counting).putNew($0 + "/new/o", content) }
        #expect(counting.steps >= 4)
        for step in 0..<counting.steps {
            withTemporaryFolder { folder in
                let files = FaultyFileSystem(failAt: step)
                #expect(throws: WeirError.self) {
                    try LocalObjectStorage(files: files).putNew(folder + "/new/o", content)
                }
            }
        }
        try withTemporaryFolder { folder in
            let files = FaultyFileSystem()
            try LocalObjectStorage(files: files).putNew(folder + "/o", content)
            files.loseUnsynced()
            #expect(try storage.read(folder + "/o") == content)
        }
    }
}
