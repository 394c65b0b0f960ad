import Bytes
import IcebergFormat
import ObjectStorage

/// Commits to tables of a catalog that keeps pointers: checks the requirements, applies the updates, writes the new
/// metadata files, and moves all pointers in one step.
///
/// Nothing references the new files before that step. They are deleted only if the step certainly did not happen. If
/// others have changed some of the tables, the files of the other ones are kept for the next attempt.
struct PointerCommit {
    private let catalog: any PointerCatalog
    private let storage: any ObjectStorage
    private let clock: TransactionClock

    init(_ catalog: any PointerCatalog, _ clock: TransactionClock) {
        self.catalog = catalog
        storage = catalog.storage
        self.clock = clock
    }

    /// A table before and after the commit.
    struct Change {
        let old: Table
        let new: Table
        /// Whether an earlier attempt has written the new metadata file.
        var isWritten = false

        var isMoved: Bool { old.metadataLocation != new.metadataLocation }

        /// Old metadata files that the new one no longer lists: its log is that of the old one, without some at the
        /// beginning, and the old one itself.
        var forgotten: [String] {
            let known = old.metadata.metadataLog
            return known.prefix(max(0, known.count + 1 - new.metadata.metadataLog.count)).map(\.path)
        }
    }

    func run(_ commits: [TableCommit]) throws(WeirError) -> CommitOutcome {
        var changes: [Change] = []
        do throws(WeirError) {
            for commit in commits { changes.append(try change(commit)) }
            for change in changes where change.isMoved && !change.isWritten {
                try storage.putNew(change.new.metadataLocation, change.new.metadata.serialized())
            }
            let overtaken = try swap(changes)
            guard overtaken.isEmpty else {
                let names = Set(overtaken)
                removeFiles(of: changes.filter { names.contains($0.new.identifier) })
                let kept = changes.filter { $0.isMoved && !names.contains($0.new.identifier) }.map { change in
                    let new = change.new
                    return (
                        new.identifier, TableCommit.Base(location: new.metadataLocation, metadata: new.metadata)
                    )
                }
                return .overtaken(overtaken, written: Dictionary(kept) { $1 })
            }
        } catch {
            // After an unknown outcome the catalog may name the files.
            if error.code != .unknownState { removeFiles(of: changes) }
            throw error
        }
        for change in changes where change.isMoved && change.new.deletesOldMetadata {
            for path in change.forgotten { try? storage.delete(path) }
        }
        return .committed(changes.map(\.new))
    }

    private func change(_ commit: TableCommit) throws(WeirError) -> Change {
        let old: Table
        if let base = commit.base {
            old = table(commit.identifier, base.metadata, at: base.location)
        } else if commit.requirements.contains(.create) {
            guard try !catalog.exists(commit.identifier) else { throw .tableExists(commit.identifier) }
            throw WeirError(.unsupported, "table '\(commit.identifier)' is created by the catalog, not by a commit")
        } else {
            old = try catalog.load(commit.identifier)
        }
        for requirement in commit.requirements { try requirement.check(old.metadata, of: commit.identifier) }
        if commit.updates.isEmpty { return Change(old: old, new: old) }
        if let written = commit.written {
            return Change(
                old: old,
                new: table(commit.identifier, written.metadata, at: written.location),
                isWritten: true
            )
        }
        var metadata = try old.metadata.applying(commit.updates, nowMs: clock.nowMs())
        _ = metadata.supersede(old.metadataLocation, writtenAtMs: old.metadata.lastUpdatedMs)
        let path = MetadataPath.next(after: old.metadataLocation, in: metadata)
        return Change(old: old, new: table(commit.identifier, metadata, at: path))
    }

    private func table(_ id: TableIdentifier, _ metadata: TableMetadata, at location: String) -> Table {
        Table(identifier: id, metadata: metadata, metadataLocation: location, catalog: catalog, storage: storage)
    }

    /// Moves the pointers. Returns the tables that others have changed; then nothing is moved.
    private func swap(_ changes: [Change]) throws(WeirError) -> [TableIdentifier] {
        let swaps = changes.map { change in
            PointerSwap(
                change.new.identifier,
                from: change.old.metadataLocation,
                to: change.isMoved ? change.new.metadataLocation : nil
            )
        }
        var attempt = 1
        while true {
            do throws(WeirError) {
                let overtaken = try catalog.swap(swaps)
                if attempt == 1 || overtaken.isEmpty { return overtaken }
                // An earlier attempt seemed to have done nothing. If it did, its own files are what is current now.
                let moved = changes.filter(\.isMoved)
                switch CommitLookup(moved, catalog).outcome(clock: clock) {
                case .happened: return []
                case .lost(let ids): return ids
                // Only tables that are required have moved meanwhile. A table that the look found unmoved and the swap found
                // moved is a contradiction.
                case .didNothing where Set(overtaken).isDisjoint(with: moved.map(\.new.identifier)): return overtaken
                case .didNothing: throw Self.unknown(moved, nil, "the catalog contradicts itself")
                case .unknown(let reason): throw Self.unknown(moved, nil, reason)
                }
            } catch {
                if error.code == .unknownState { throw error }
                if error.certainlyDidNothing { throw error }
                // The pointers may have moved: ask the catalog.
                let moved = changes.filter(\.isMoved)
                // A commit that only requires something leaves no trace, and may simply be made again.
                guard !moved.isEmpty else { throw error }
                switch CommitLookup(moved, catalog).outcome(clock: clock) {
                case .happened: return []
                case .lost(let overtaken): return overtaken
                case .didNothing where attempt < Self.attempts: attempt += 1
                case .didNothing: throw error.havingChangedNothing
                case .unknown(let reason): throw Self.unknown(moved, error, reason)
                }
            }
        }
    }

    /// How often the pointers are moved before the commit fails, if each time the answer is lost and nothing has moved.
    private static let attempts = 5

    private static func unknown(_ moved: [Change], _ error: WeirError?, _ reason: String?) -> WeirError {
        let names = moved.map { "'\($0.new.identifier)'" }.joined(separator: ", ")
        return WeirError(
            .unknownState,
            "whether the commit to \(moved.count == 1 ? "table" : "the tables") \(names) took effect is not known: "
                + [error?.message, reason].compactMap(\.self).joined(separator: "; "),
            at: moved.map(\.new.metadataLocation).joined(separator: ", "),
            advice: "its files are kept; look whether the catalog names that file before you write again"
        )
    }

    private func removeFiles(of changes: [Change]) {
        for change in changes where change.isMoved { try? storage.delete(change.new.metadataLocation) }
    }
}

extension WeirError {
    fileprivate var havingChangedNothing: WeirError {
        WeirError(code, message, at: location, advice: advice, hasChangedNothing: true)
    }
}

extension Table {
    fileprivate var deletesOldMetadata: Bool {
        properties["write.metadata.delete-after-commit.enabled"]?.lowercased() == "true"
    }
}
