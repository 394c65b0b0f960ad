import ObjectStorage

/// A file's location in one spelling: metadata and listings may spell it in several ways.
enum FilePath {
    /// Without the scheme `file:`, and without empty and dot components.
    static func normal(_ location: String) -> String {
        var path = LocalObjectStorage.localPath(location)[...]
        guard path.contains("//") || path.contains("/./") || path.hasSuffix("/") else { return String(path) }
        var scheme = ""
        if let end = path.firstRange(of: "://") {
            scheme = String(path[..<end.upperBound])
            path = path[end.upperBound...]
        }
        let parts = path.split(separator: "/").filter { $0 != "." }
        return scheme + (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    }

    static func isInside(_ path: String, _ folder: String) -> Bool { path.hasPrefix(folder + "/") }
}
