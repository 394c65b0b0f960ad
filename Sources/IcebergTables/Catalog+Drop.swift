import Bytes
import IcebergFormat
import ObjectStorage

/// The files that a drop deleted, kept or did not find.
public struct DropOutcome: Sendable, Equatable {
    public var deleted = 0
    /// Reachable files that could not be deleted, or that are kept because the table property `gc.enabled` is false.
    public var kept: [String] = []
    /// Files below the table's location that its metadata does not reference.
    public var unreached: [String] = []
    /// Manifests and manifest lists that were already missing. Files that only they referenced were not deleted. Those
    /// below the table's location are listed in `unreached`; those elsewhere are not reported.
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
    /// Unregisters a table. With `purge`, also deletes the files that its metadata references, and no others.
    ///
    /// The table is unregistered first: a failure half-way leaves orphan files, never a table with missing files.
    @discardableResult
    public func drop(_ id: TableIdentifier, purge: Bool = false) throws(WeirError) -> DropOutcome {
        guard purge else {
            try unregister(id)
            return DropOutcome()
        }
        return try purging([id]) { (_) throws(WeirError) in }
    }

    /// Unregisters tables in the given order, then deletes their files.
    ///
    /// - Parameter check: called with each table right before it is unregistered. If it throws, that table and the
    ///   following ones stay registered.
    @discardableResult
    public func purging(
        _ ids: [TableIdentifier],
        check: (Table) throws(WeirError) -> Void
    ) throws(WeirError) -> DropOutcome {
        // List the files of all tables before the first one is unregistered.
        var found = try ids.map { (id) throws(WeirError) in try reaching(id) }
        for index in found.indices {
            var attempt = 0
            while true {
                do throws(WeirError) {
                    try check(found[index].table)
                    try unregister(ids[index], at: found[index].table.metadataLocation)
                    break
                } catch  where error.code == .conflict && attempt < 10 {
                    // Another commit came in between and may have added files: list them again.
                    attempt += 1
                    found[index] = try reaching(ids[index])
                }
            }
        }
        var outcome = DropOutcome()
        for (table, files) in found { outcome += Self.delete(files, of: table) }
        // Two tables may share a folder, or one may be inside the other's.
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
        // What cleaning has noted goes with the table; the files that it names are told like others that are not reached.
        let metadataFiles = (try? table.storage.list(table.metadataFolder + "/")) ?? []
        let notes = metadataFiles.map(\.path).filter { Table.quarantineNumber(of: $0) != nil }
        // Metadata may spell the same path in several ways.
        let location = LocalObjectStorage.localPath(table.location.withoutTrailingSlash)
        var directories: Set<String> = []
        // Data first, then metadata, the current metadata file last: what is left can still be found after a failure.
        for path in (keepsData ? [] : files.data.sorted()) + notes.sorted() + files.metadata.sorted()
            + [files.current]
        {
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
