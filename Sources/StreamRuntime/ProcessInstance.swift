import Bytes
import Foundation
import ObjectStorage

/// What a process is known by among those that run its topology, over restarts: the group then gives a process that was
/// killed its partitions back at once.
///
/// It lies beside the lock of the topology, under the same number. Who holds the lock is the only one with the number, so
/// two processes never have the same instance; who comes after takes both over.
///
/// The name is drawn, not made of the topology's: another warehouse may have a topology of that name in the same group.
public struct ProcessInstance: Sendable, Equatable {
    public let id: String

    public init(id: String) { self.id = id }

    /// Finds the instance of the process that holds the lock, or draws one. Without room to store it, it lasts for this
    /// process.
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

    /// The name of a member for one source: two sources may share a group, whose members have different names.
    func name(source: String) -> String {
        let sum = Array(source.utf8).withUnsafeBytes { CRC32C.checksum($0) }
        return "weir-\(id)-\(String(sum, radix: 16))"
    }

    private static let lengthMax = 64

    /// Nil for what brokers would refuse, as a write that a crash has cut short.
    private static func checked(_ text: String) -> String? {
        guard text.hasSuffix("\n") else { return nil }
        let id = String(text.dropLast())
        let isName = id.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) || byte == UInt8(ascii: "-")
        }
        return isName && (8...lengthMax).contains(id.utf8.count) ? id : nil
    }
}
