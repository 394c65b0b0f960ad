import Bytes
import KeyedState
import MixedTables
import ObjectStorage

/// Where the key indexes of a run keep what exceeds their memory and what the next run begins with: a folder of the
/// local disk that no other process uses. Each table has a folder in it for the places of keys in base, and one for the
/// keys that its writer knows.
public struct KeyIndexFolders: Sendable {
    let path: String
    /// Of all indexes together.
    let memory: KeyMemory
    let files: any FileSystem

    /// - Parameter memory: bytes that all indexes may take together.
    public init(_ path: String, memory: Int, files: any FileSystem = LocalFileSystem()) {
        self.path = path
        self.memory = KeyMemory(bytes: memory)
        self.files = files
    }

    /// The folder of the places of keys in base.
    func path(of table: String) -> String { "\(path)/\(Self.folder(of: table))" }

    /// The folder of the keys that a writer knows. A run leaves none.
    func path(ofWriter table: String) -> String { path(of: table) + "+writer" }

    /// Removes all folders but those of the places of keys in base of some tables. One that cannot be removed stays.
    func removeAll(but tables: [String]) {
        let kept = Set(tables.map(Self.folder))
        for entry in (try? files.list(path)) ?? [] where entry.isDirectory && !entry.isSymbolicLink {
            if !kept.contains(entry.name) { try? StateFolder.remove("\(path)/\(entry.name)", files: files) }
        }
    }

    private static let nameBytesMax = 200

    /// The folder of a table, whose name may have any characters.
    static func folder(of table: String) -> String {
        var name = ""
        for byte in table.utf8 {
            let isPlain = byte < 0x80 && (Character(Unicode.Scalar(byte)).isLetter || (0x30...0x39).contains(byte))
            if isPlain || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
                || byte == UInt8(ascii: ".") && !name.isEmpty
            {
                name.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                name += "%" + (digits.count < 2 ? "0" : "") + digits
            }
        }
        if name.utf8.count <= nameBytesMax { return name }
        let sum = Array(table.utf8).withUnsafeBytes { CRC32C.checksum($0) }
        return name.prefix(nameBytesMax) + "%" + String(sum, radix: 16)
    }
}

/// The key index of a table, as its run sees it.
public struct KeyIndexReport: Sendable, Equatable {
    /// How often its keys were read or taken from the folder.
    public internal(set) var beginnings = 0
    /// Keys it began with.
    public internal(set) var keys = 0
    /// Whether they were taken from the folder.
    public internal(set) var isFromFolder = false
    /// Commits between the state of the folder and that of the table; nil when some have expired.
    public internal(set) var commitsBehind: Int?

    public init() {}
}
