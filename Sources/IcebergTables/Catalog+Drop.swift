import Bytes
import IcebergFormat
import ObjectStorage

/// What a drop deleted and what it left.
public struct DropOutcome: Sendable, Equatable {
    public var deleted = 0
    /// Files the table reached that could not be deleted, or that its property `gc.enabled` keeps.
    public var kept: [String] = []
    /// Files below the table's location that its metadata does not reach.
    public var unreached: [String] = []
    /// Manifests and manifest lists that were gone before. What they alone led to was not deleted: below the table's location
    /// it is among the unreached, elsewhere nothing tells of it.
    public var missing: [String] = []

    public init() {}

    static func += (left: inout DropOutcome, right: DropOutcome) {
        left.deleted += right.deleted
        left.kept += right.kept
        left.unreached += right.unreached
        left.missing += right.missing
    }
}

extension Catalog {
    /// Forgets a table; with `purge` the files go that its metadata reaches, and no others.
    ///
    /// The table is forgotten first, so a failure half-way leaves files but never a table without them.
    @discardableResult
    public func drop(_ id: TableIdentifier, purge: Bool = false) throws(WeirError) -> DropOutcome {
        guard purge else {
            try unregister(id)
            return DropOutcome()
        }
        return try purging([id]) { (_) throws(WeirError) in }
    }

    /// Forgets tables in this order, then deletes their files.
    ///
    /// - Parameter check: sees each table right before it is forgotten; throwing leaves it and those behind it.
    @discardableResult
    public func purging(
        _ ids: [TableIdentifier],
        check: (Table) throws(WeirError) -> Void
    ) throws(WeirError) -> DropOutcome {
        // Nothing is forgotten unless the files of all are known.
        var found = try ids.map { (id) throws(WeirError) in try reaching(id) }
        for place in found.indices {
            var attempt = 0
            while true {
                do throws(WeirError) {
                    try check(found[place].table)
                    try unregister(ids[place], at: found[place].table.metadataLocation)
                    break
                } catch  where error.code == .conflict && attempt < 10 {
                    // A commit came in between, and brought files of its own.
                    attempt += 1
                    found[place] = try reaching(ids[place])
                }
            }
        }
        var outcome = DropOutcome()
        for (table, files) in found { outcome += Self.delete(files, of: table) }
        // Two stores may share a folder, or one lie in the other's.
        let kept = Set(outcome.kept.map(LocalObjectStorage.localPath))
        var left: Set<String> = []
        for (table, _) in found {
            let entries = (try? table.storage.list(table.location.withoutTrailingSlash + "/")) ?? []
            left.formUnion(entries.map(\.path).filter { !kept.contains(LocalObjectStorage.localPath($0)) })
        }
        outcome.unreached = left.sorted()
        return outcome
    }

    private func reaching(_ id: TableIdentifier) throws(WeirError) -> (table: Table, files: ReachableFiles) {
        let table = try load(id)
        do throws(WeirError) {
            return (table, try ReachableFiles(table))
        } catch {
            throw WeirError(
                error.code,
                "which files belong to '\(id)' cannot be told, so nothing was dropped: \(error.message)",
                at: error.location,
                advice: "dropping it without its files needs none of them"
            )
        }
    }

    private static func delete(_ files: ReachableFiles, of table: Table) -> DropOutcome {
        var outcome = DropOutcome()
        outcome.missing = files.missing.sorted()
        let keepsData = table.properties["gc.enabled"]?.lowercased() == "false"
        if keepsData { outcome.kept = files.data.sorted() }
        // Metadata may spell the same place in several ways.
        let location = LocalObjectStorage.localPath(table.location.withoutTrailingSlash)
        var directories: Set<String> = []
        // The way to the others goes last.
        for path in (keepsData ? [] : files.data.sorted()) + files.metadata.sorted() + [files.current] {
            do throws(WeirError) {
                try table.storage.delete(path)
                outcome.deleted += 1
            } catch {
                outcome.kept.append(path)
            }
            var directory = LocalObjectStorage.localPath(path).parentDirectory
            while directory.hasPrefix(location + "/"), directories.insert(directory).inserted {
                directory = directory.parentDirectory
            }
        }
        directories.insert(location)
        try? table.storage.removeEmptyDirectories(directories, in: location)
        return outcome
    }
}
