import Bytes
import Foundation
import ObjectStorage

/// The identity of a process among those that run its topology. It is stable over restarts, so that the group gives a
/// killed process its partitions back at once.
///
/// It is stored next to the lock of the topology, under the same number. Only the holder of the lock has the number, so
/// two processes never have the same instance; the next holder takes over both.
///
/// The id is random, not derived from the topology's name: another warehouse may have a topology of that name in the
/// same group.
public struct ProcessInstance: Sendable, Equatable {
    public let id: String

    public init(id: String) { self.id = id }

    /// Reads the instance of the process that holds the lock, or creates one. If the disk is full, it lasts only for
    /// this process.
    public init(
        topology: String,
        warehouse: String,
        lock: TopologyLock,
        files: any FileSystem,
        random: () -> String = { UUID().uuidString.lowercased() }
    ) throws(WeirError) {
        let name = TopologyLock.name(topology: topology, number: lock.number)
        let path = "\(warehouse)/.weir/\(name).instance"
        let file = try files.open(path, .write)
        let text = String(decoding: try file.read(count: Self.lengthMax + 1, at: 0), as: UTF8.self)
        if let known = Self.checked(text) {
            id = known
            return
        }
        id = random()
        do {
            try file.truncate(to: 0)
            try file.write(Array("\(id)\n".utf8), at: 0)
            try file.sync()
        } catch  where error.code == .outOfSpace {}
    }

    /// The member name for one source: two sources may share a group, and its members need different names.
    func name(source: String) -> String {
        let sum = Array(source.utf8).withUnsafeBytes { CRC32C.checksum($0) }
        return "weir-\(id)-\(String(sum, radix: 16))"
    }

    private static let lengthMax = 64

    /// Nil for an id that brokers would refuse, such as one left by a write that a crash interrupted.
    private static func checked(_ text: String) -> String? {
        guard text.hasSuffix("\n") else { return nil }
        let id = String(text.dropLast())
        let isName = id.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) || byte == UInt8(ascii: "-")
        }
        return isName && (8...lengthMax).contains(id.utf8.count) ? id : nil
    }
}
