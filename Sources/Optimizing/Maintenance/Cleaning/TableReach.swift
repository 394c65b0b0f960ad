import Bytes
import IcebergTables
import MixedTables
import ObjectStorage

/// The files that a store needs: those that the snapshots of its metadata reach, and what readers of changes find by them.
struct TableReach {
    let metadataLocation: String
    private let paths: Set<String>
    /// Names are unique. Under a folder that is spelt otherwise, through a link for example, a name still tells.
    private let names: Set<String>
    /// Files that a snapshot which is left has removed, by normal path.
    let removed: Set<String>

    /// Fails if anything that the metadata names cannot be read: what it leads to is not known then.
    init(_ table: Table) throws(WeirError) {
        let files: ReachableFiles
        do throws(WeirError) {
            files = try ReachableFiles(table)
        } catch {
            throw WeirError(
                error.code,
                "which files '\(table.identifier)' needs cannot be told, so nothing is deleted: \(error.message)",
                at: error.location,
                advice: error.advice
            )
        }
        if let missing = files.missing.min() {
            throw WeirError(
                .notFound,
                "\(CountText.of(files.missing.count, "manifest or manifest list", "manifests or manifest lists")) of "
                    + "'\(table.identifier)' are not there, so which files it needs cannot be told: nothing is deleted",
                at: missing,
                advice: "restore them, or expire the snapshots that need them"
            )
        }
        metadataLocation = table.metadataLocation
        var all = files.data.union(files.metadata).union([files.current])
        // Changes of a table without a key are read from its data files.
        if (table.properties[TableMarkers.primaryKey] ?? "").isEmpty { all.formUnion(files.lastRemoved) }
        paths = Set(all.lazy.map(FilePath.normal))
        names = Set(all.lazy.map(\.lastPathComponent))
        removed = Set(files.removed.lazy.map(FilePath.normal)).subtracting(paths)
    }

    /// - Parameter path: in its normal form.
    func contains(_ path: String) -> Bool { paths.contains(path) || names.contains(path.lastPathComponent) }
}
