import Bytes
import ObjectStorage
import Testing
import WeirTesting

@testable import StreamRuntime

/// The name that identifies a process to a group across restarts.
@Suite struct ProcessInstanceTests {
    private static let files = LocalFileSystem()

    private static func lock(_ folder: String) throws -> TopologyLock {
        try TopologyLock(topology: "shop", warehouse: folder, files: files, isShared: true)
    }

    private static func instance(_ folder: String, _ lock: TopologyLock) throws -> ProcessInstance {
        try ProcessInstance(topology: "shop", warehouse: folder, lock: lock, files: files)
    }

    @Test func `whoever comes after a process has its instance, whoever runs beside it another`() throws {
        try withTemporaryFolder { folder in
            var first: TopologyLock? = try Self.lock(folder)
            let second = try Self.lock(folder)
            let ids = [try Self.instance(folder, #require(first)), try Self.instance(folder, second)]
            #expect(ids[0] != ids[1])
            // The process ends, in any way.
            first = nil
            let again = try Self.lock(folder)
            #expect(try Self.instance(folder, again) == ids[0])
            #expect(try Self.instance(folder, second) == ids[1])
            let third = try Self.lock(folder)
            #expect(try !ids.contains(Self.instance(folder, third)))
        }
    }

    @Test(arguments: ["", "abc", "0123456789", "UPPER-CASE-ID\n", "with space\n", "0123456789\nmore\n"])
    func `a file that a crash has left is drawn again`(_ text: String) throws {
        try withTemporaryFolder { folder in
            let lock = try Self.lock(folder)
            let path = folder + "/.weir/shop.instance"
            try Self.files.open(path, .write).write(Array(text.utf8), at: 0)
            let drawn = try Self.instance(folder, lock)
            #expect(drawn.id.count == 36)
            #expect(try Self.instance(folder, lock) == drawn)
        }
    }

    @Test func `each source has a member of its own`() {
        let instance = ProcessInstance(id: "0123456789")
        let names = ["a", "b", "Ä/ö ü"].map { instance.name(source: $0) }
        #expect(Set(names).count == 3)
        #expect(
            names.allSatisfy { name in name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") } }
        )
        #expect(names == ["a", "b", "Ä/ö ü"].map { instance.name(source: $0) })
    }
}
