import Bytes
import IcebergFormat
import IcebergTables
import KeyedState

extension BaseKeys {
    /// What a saved index is of.
    static func identity(of table: MixedTable) -> StateIdentity {
        let keys = table.primaryKey.map { "\($0.id): \($0.type)\($0.isRequired ? " required" : "")" }
        return StateIdentity(
            table: table.base.metadata.tableUUID,
            keys: keys.joined(separator: ", ") + "; spec \(table.base.spec.id)",
            nodes: "all"
        )
    }

    // MARK: Saving

    /// Saves the index for the next process, unless its folder has it as it is. A failure is told, and changes nothing.
    ///
    /// - Parameter check: called now and then; an error it throws ends the saving.
    func save(check: () throws(WeirError) -> Void) {
        guard let state, let snapshotId = point.snapshotId else { return }
        state.save(
            &places,
            as: identity,
            at: StatePoint(snapshotId: snapshotId, sequence: point.sequence),
            payload: { savedFiles.encoded() },
            check: check
        )
    }

    private var savedFiles: SavedBaseFiles {
        SavedBaseFiles(
            nextNumber: files.nextNumber,
            files: files.all.compactMap { number in
                files[number].map { file in
                    SavedBaseFiles.File(
                        path: file.file.path,
                        number: number,
                        rowCount: file.file.recordCount,
                        deletes: Set(file.deletes.map(\.file.contentLocation)),
                        deleted: file.deleted
                    )
                }
            },
            copies: copies
        )
    }

    // MARK: Opening

    /// The index that was saved, brought to the state of `table`; nil if there is none that can be used. Why not is
    /// told.
    ///
    /// - Parameter optimized: what base contains of the changes in that state.
    /// - Returns: also the rows that `follow` returns.
    static func reopened(
        _ table: MixedTable,
        _ optimized: OptimizedSequence,
        _ state: KeyIndexState,
        check: () throws(WeirError) -> Void
    ) throws(WeirError) -> (keys: BaseKeys, returned: Int)? {
        guard let saved = try state.open(as: identity(of: table), check: check) else { return nil }
        do throws(WeirError) {
            let metadata = table.base.metadata
            let list = try SavedBaseFiles(saved.payload)
            guard saved.map.areNarrow == table.keysAreNarrow else {
                throw WeirError(.corrupt, "the saved key index has keys of another width")
            }
            let keys = BaseKeys(table, saved, list.copies, state)
            guard keys.canFollow(table) else {
                throw WeirError(.notFound, "what was done to the base store since it was saved is not known any more")
            }
            let tasks = try table.base.plan()
            try keys.files.restore(list, tasks)
            let isSame = metadata.currentSnapshotId == saved.point.snapshotId
            let rows = tasks.reduce(Int64(0)) { $0.addingClamped($1.file.recordCount) }
            let known = keys.files.all.reduce(Int64(0)) { $0.addingClamped(keys.files[$1]?.file.recordCount ?? 0) }
            guard isSame || known >= rows / 2 else {
                throw WeirError(.invalid, "most rows of the base store have been written anew since it was saved")
            }
            let expected = Set(list.files.map(\.number))
            let returned = try keys.follow(table, tasks, optimized, check: check)
            guard !isSame || keys.loaded == 0 && Set(keys.files.all) == expected else {
                throw WeirError(.corrupt, "the saved key index has other files than the base store")
            }
            guard !keys.isWorn else {
                throw WeirError(.invalid, "most rows that the saved key index has are gone")
            }
            let history = metadata.history(since: saved.point.snapshotId, sequence: saved.point.sequence)
            let behind = history.beginning == .found ? history.snapshots.count : nil
            state.tell(.reopened(keys: keys.count, commitsBehind: behind))
            return (keys, returned)
        } catch {
            // The table's storage may be there again later, and the next step may have more time.
            if error.code == .cancelled || error.code == .storage { throw error }
            state.refuse(error)
            return nil
        }
    }
}

extension BaseFiles {
    /// Takes over the files that a saved index has and that are still in base, under the same numbers. Deletes that have
    /// changed since are left to be followed.
    mutating func restore(_ saved: SavedBaseFiles, _ tasks: [FileScanTask]) throws(WeirError) {
        let current = Dictionary(tasks.map { ($0.file.path, $0) }) { first, _ in first }
        nextNumber = saved.nextNumber
        for file in saved.files {
            guard let task = current[file.path] else { continue }
            guard task.file.recordCount == file.rowCount else {
                throw WeirError(.corrupt, "the saved key index has another number of rows", at: file.path)
            }
            let isSame = Set(task.deletes.map(\.file.contentLocation)) == file.deletes
            // Deleted rows are back: the file is read again, under another number.
            if !isSame, task.deletes.isEmpty { continue }
            insert(
                task.file,
                number: file.number,
                dataSequenceNumber: task.dataSequenceNumber,
                deletes: isSame ? task.deletes : [],
                deleted: file.deleted
            )
        }
    }
}
