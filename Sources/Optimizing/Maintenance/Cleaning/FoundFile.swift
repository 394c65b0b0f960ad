import MixedTables
import ObjectStorage

/// Why a file of a table's folders is of no use.
public enum FoundFileClass: String, Sendable, CaseIterable {
    /// Only snapshots named it that have expired, or it is an older state of the metadata. It is known to be over.
    case expired
    /// A manifest, manifest list or metadata file that nothing shows to have been part of the table.
    case metadata
    /// A file of rows or deletes that nothing shows to have been part of the table.
    case orphan
}

/// A file in a table's folders that its metadata does not reach.
public struct FoundFile: Sendable, Equatable {
    public let path: String
    /// In bytes.
    public let size: Int64
    /// When it was last changed, milliseconds since 1970.
    public let modifiedMs: Int64
    public let fileClass: FoundFileClass

    public init(path: String, size: Int64, modifiedMs: Int64, fileClass: FoundFileClass) {
        self.path = path
        self.size = size
        self.modifiedMs = modifiedMs
        self.fileClass = fileClass
    }

    /// The writer of the file, as far as its name tells: the operation of a writer of Mixed tables, or the id that other
    /// writers give to what they do. Files of one writer share it.
    public var writer: String {
        let name = path.lastPathComponent
        if DataFileName(path: path) != nil {
            let parts = name.split(separator: "-", omittingEmptySubsequences: false)
            return parts.count > 5 ? "operation \(parts[5])" : "mixed"
        }
        if let id = name.firstMatch(of: /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/)?.output.0 { return "id \(id)" }
        return "foreign"
    }
}

extension ObjectEntry {
    var modifiedMs: Int64 { Int64((modified * 1000).rounded(.down).clampedToLong) }
}

extension Double {
    /// Exact conversions of what lies beyond trap.
    fileprivate var clampedToLong: Double { isNaN ? 0 : Swift.min(Swift.max(self, -9e18), 9e18) }
}
