import Columnar
import IcebergFormat

/// Where the files of a partition go.
enum PartitionFolder {
    static let nameMax = 200

    /// The partition's path with names short enough for file systems, which commonly limit them to 255 bytes. A
    /// shortened name ends with the hash of the full name. Readers take partition values from manifests, never from
    /// paths.
    static func path(_ partition: [Scalar], _ spec: PartitionSpec, in location: String) -> String {
        if spec.fields.isEmpty { return location }
        let names = spec.path(for: partition).split(separator: "/").map { name in
            if name.utf8.count <= nameMax { return String(name) }
            // An escaped path is plain ASCII.
            let cut = name.prefix(nameMax - 9)
            let hash = name.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
            return "\(cut)-\(String(hash, radix: 16))"
        }
        return "\(location)/\(names.joined(separator: "/"))"
    }
}
