import Bytes
import ObjectStorage

/// The files in the folders of a store, but for those of which nothing can be said.
struct StoreListing {
    /// By normal path.
    private(set) var entries: [String: ObjectEntry] = [:]
    /// Those of the metadata folders and the data folders, all of them.
    private(set) var all: [ObjectEntry] = []
    private let folders: StoreFolders

    init(_ folders: StoreFolders, _ excluded: [String], _ storage: any ObjectStorage) throws(WeirError) {
        self.folders = folders
        for folder in folders.all {
            let base = folder.normal
            for entry in try storage.list(folder.path + "/") {
                let path = FilePath.normal(entry.path)
                guard FilePath.isInside(path, base), !excluded.contains(where: { FilePath.isInside(path, $0) }) else {
                    continue
                }
                all.append(entry)
                if Self.isHidden(path.dropFirst(base.count + 1)) || QuarantineFile.isOne(path) { continue }
                if path.hasSuffix("/version-hint.text") { continue }
                entries[path] = entry
            }
        }
    }

    /// Names that other tools give to what is not part of a table, or not yet.
    private static func isHidden(_ path: Substring) -> Bool {
        path.split(separator: "/").contains { ($0.hasPrefix("_") || $0.hasPrefix(".")) && !$0.contains("=") }
    }

    /// The file with its class; nil in a folder of others, if nothing shows that it was the table's.
    func found(_ path: String, _ entry: ObjectEntry, wasPart: Bool) -> FoundFile? {
        if !wasPart, !folders.all.contains(where: { $0.isOwn && FilePath.isInside(path, $0.normal) }) { return nil }
        return FoundFile(
            path: entry.path,
            size: entry.size,
            modifiedMs: entry.modifiedMs,
            fileClass: wasPart ? .expired : folders.isMetadata(path) ? .metadata : .orphan
        )
    }
}
