import Foundation
import IcebergFormat

/// Names of metadata files: `<location>/metadata/00001-<uuid>.metadata.json`.
enum MetadataPath {
    static func folder(of metadata: TableMetadata) -> String {
        metadata.properties["write.metadata.path"]?.withoutTrailingSlash
            ?? metadata.location.withoutTrailingSlash + "/metadata"
    }

    static func next(after current: String?, in metadata: TableMetadata) -> String {
        let version = String(current.map { self.version(of: $0) + 1 } ?? 0)
        let padded = String(repeating: "0", count: max(0, 5 - version.count)) + version
        return "\(folder(of: metadata))/\(padded)-\(uuid()).metadata.json"
    }

    /// The number at the start of a file name; −1 if there is none, as in Java.
    static func version(of path: String) -> Int {
        let name = path.split(separator: "/").last ?? ""
        return name.split(separator: "-").first.flatMap { Int32($0) }.map(Int.init) ?? -1
    }

    static func manifestList(in metadata: TableMetadata, snapshotId: Int64, attempt: Int, commit: String) -> String {
        "\(folder(of: metadata))/snap-\(snapshotId)-\(attempt)-\(commit).avro"
    }

    static func manifest(in metadata: TableMetadata, commit: String, number: Int) -> String {
        "\(folder(of: metadata))/\(commit)-m\(number).avro"
    }

    static func uuid() -> String { UUID().uuidString.lowercased() }
}
