import Bytes
import IcebergFormat
import IcebergTables

extension Materializer {
    /// Says which base files are being written anew: steps leave them where they are meanwhile.
    public func keep(_ paths: Set<String>) { keptFiles = paths }

    /// Ends `keep` and commits a rewrite, after which the key index knows where the rows are without reading them.
    ///
    /// A commit of this process since the rewrite began costs what its deletes of the old files are; nothing is read
    /// again. Without an index in memory the deletes are read from the table.
    ///
    /// - Returns: counts; what was refused stays to be planned again. After an error nothing was committed, unless its
    ///   outcome is unknown.
    public func commit(
        _ rewrite: BaseRewrite,
        nowMilliseconds: Int64,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> BaseRewrite.Outcome {
        defer { keptFiles = [] }
        do throws(WeirError) {
            table = try table.refreshed()
            try rewrite.requireSameForm(table.base)
        } catch {
            rewrite.discard(from: table)
            throw error
        }
        guard let known = keys, known.canFollow(table), table.base.metadata.currentSnapshotId == known.point.snapshotId
        else { return try commitWithoutKeys(rewrite, nowMilliseconds, check) }
        var commit: RewriteCommit
        do throws(WeirError) {
            commit = try RewriteCommit(
                rewrite.groups,
                to: table.base,
                isKeyed: true,
                current: { (input) throws(WeirError) in
                    guard let number = known.files.number(ofPath: input.task.file.path), let file = known.files[number]
                    else { return nil }
                    return RewriteCommit.Current(deletes: file.deletes, deleted: file.deleted)
                },
                check: check
            )
        } catch {
            rewrite.discard(from: table)
            throw error
        }
        if rewrite.groups.contains(where: \.hasSharedDeletes), let files = baseFiles {
            commit.removeSharedDeletes(files)
        }
        let base: Table
        do throws(WeirError) {
            if commit.isEmpty {
                rewrite.discard(from: table)
                return rewrite.outcome(of: commit, 0)
            }
            base = try rewrite.transaction(of: commit, on: table, clock, nowMilliseconds).commit()
        } catch {
            if error.code != .unknownState { commit.discard(from: table.base) }
            // Another process has committed meanwhile: what it did is read from the table.
            guard error.code == .conflict else {
                if error.code != .unknownState { rewrite.discard(from: table) }
                throw error
            }
            return try commitWithoutKeys(rewrite, nowMilliseconds, check)
        }
        rewrite.finish(commit, on: base)
        table = table.with(base: base)
        keys = nil
        do throws(WeirError) {
            try known.apply(Self.moves(of: commit, known, on: base), of: table, check: check)
            keys = known
        } catch {
            // The index is loaded again for the next step.
        }
        return rewrite.outcome(of: commit, 0)
    }

    private func commitWithoutKeys(
        _ rewrite: BaseRewrite,
        _ nowMilliseconds: Int64,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) -> BaseRewrite.Outcome {
        let (new, outcome) = try rewrite.commit(
            to: table,
            clock: clock,
            nowMilliseconds: nowMilliseconds,
            check: check
        )
        table = new
        return outcome
    }

    /// What the key index has to know of a commit.
    private static func moves(
        of commit: RewriteCommit,
        _ keys: BaseKeys,
        on base: Table
    ) throws(WeirError) -> BaseKeys.Commit {
        guard let snapshot = base.metadata.currentSnapshot else { return BaseKeys.Commit(base: base) }
        var result = BaseKeys.Commit(base: base)
        var ids: [String: Int64] = [:]
        if RowLineage.isKept(by: base) {
            // The commit has given the files their first row ids.
            let isNumbered = keys.files.haveRowIds
            let tasks = try base.plan(sequencesAbove: isNumbered ? snapshot.sequenceNumber - 1 : 0)
            for task in tasks { ids[task.file.path] = task.file.firstRowId }
            // An upgraded table: the commit has numbered the rows of all files.
            if !isNumbered { result.numbered = tasks }
        }
        let removed = Set(commit.removedDeletes.map(\.contentLocation))
        let hasVectors = base.metadata.formatVersion > 2
        for change in commit.changes {
            let group = change.files
            let numbers = group.inputs.compactMap { keys.files.number(ofPath: $0.task.file.path) }
            guard numbers.count == group.inputs.count else { preconditionFailure("a committed file has a number") }
            func deletes(_ index: Int, _ kept: [DeleteFile]) -> [DeleteFile] {
                kept
                    + (change.deletes[index].map {
                        [DeleteFile(file: $0.file, dataSequenceNumber: snapshot.sequenceNumber)]
                    } ?? [])
            }
            if group.keepsData {
                for (index, number) in numbers.enumerated() {
                    guard let file = keys.files[number], let new = change.deletes[index] else { continue }
                    // A vector holds what shared files say as well.
                    let shared = file.deletes.filter {
                        !hasVectors && $0.file.deletedDataFile != file.file.path
                            && !removed.contains($0.file.contentLocation)
                    }
                    result.deletes.append((number, deletes(index, shared), new.rows))
                }
                continue
            }
            let outputs = group.outputs.enumerated().map { index, file -> (task: FileScanTask, deleted: DeletedRows)? in
                if change.emptied.contains(index) { return nil }
                var file = file
                file.firstRowId = ids[file.path]
                let task = FileScanTask(
                    file: file,
                    dataSequenceNumber: snapshot.sequenceNumber,
                    fileSequenceNumber: snapshot.sequenceNumber,
                    snapshotId: snapshot.id,
                    deletes: deletes(index, [])
                )
                return (task, change.deletes[index]?.rows ?? DeletedRows())
            }
            let inputs = zip(numbers, group.inputs).map { (number: $0, map: $1.map ?? RowMap()) }
            result.moves.append(BaseKeys.FileMove(inputs: inputs, outputs: outputs))
        }
        return result
    }

    /// The data files of base as of the last step; nil when they are not known without reading.
    public var baseFiles: [FileScanTask]? {
        guard let keys, keys.point.snapshotId == table.base.metadata.currentSnapshotId else { return nil }
        return keys.files.all.compactMap { number in
            keys.files[number].map { file in
                FileScanTask(
                    file: file.file,
                    dataSequenceNumber: file.dataSequenceNumber,
                    fileSequenceNumber: file.dataSequenceNumber,
                    snapshotId: table.base.metadata.currentSnapshotId ?? 0,
                    deletes: file.deletes
                )
            }
        }
    }

    /// Bytes of memory that the maps of committed rewrites take.
    public var movedBytes: Int { keys?.movedBytes ?? 0 }

    /// Makes part of what rewrites have moved final in the key index, so that their maps can be forgotten. Much of that
    /// happens by itself when parts of the index are merged.
    ///
    /// - Parameters:
    ///   - merges: at most; each concerns a 256th of the keys.
    ///   - bytes: while the maps take no more, nothing is done.
    public func settleMoves(merges: Int, beyond bytes: Int = 0) {
        guard let keys, keys.movedBytes > bytes else { return }
        keys.settleMoves(merges: merges)
    }
}
