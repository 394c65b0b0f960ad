import Bytes
import Foundation
import ObjectStorage
import Testing

@Suite struct ReaderPoolTests {
    private static func read(_ reader: any ObjectReader, _ offset: Int64, _ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let read = try bytes.withUnsafeMutableBytes { (buffer) throws(WeirError) in
            try reader.read(into: buffer, at: offset)
        }
        return Array(bytes.prefix(read))
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weir-" + UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    @Test func `objects that were closed are read on where they were`() throws {
        try withFolder { folder in
            let storage = LocalObjectStorage()
            let pool = ReaderPool(storage, openMax: 2)
            var readers: [any ObjectReader] = []
            for number in 0..<7 {
                let path = "\(folder)/\(number)"
                try storage.putNew(path, [UInt8](repeating: UInt8(number), count: 10 + number))
                readers.append(try pool.open(path))
            }
            for offset in 0..<4 {
                for (number, reader) in readers.enumerated() {
                    #expect(reader.size == Int64(10 + number) && reader.path == "\(folder)/\(number)")
                    #expect(try Self.read(reader, Int64(offset * 4), 4).allSatisfy { $0 == UInt8(number) })
                }
            }
        }
    }

    @Test func `an object that is gone or was replaced meanwhile is an error`() throws {
        try withFolder { folder in
            let storage = LocalObjectStorage()
            let pool = ReaderPool(storage, openMax: 1)
            for name in ["a", "b", "c"] { try storage.putNew("\(folder)/\(name)", [1, 2, 3]) }
            let a = try pool.open(folder + "/a")
            let b = try pool.open(folder + "/b")
            _ = try pool.open(folder + "/c")
            try storage.delete(folder + "/a")
            try storage.delete(folder + "/b")
            try storage.putNew(folder + "/b", [1])
            #expect { try Self.read(a, 0, 1) } throws: { ($0 as? WeirError)?.code == .notFound }
            #expect { try Self.read(b, 0, 1) } throws: { ($0 as? WeirError)?.code == .corrupt }
        }
    }
}
