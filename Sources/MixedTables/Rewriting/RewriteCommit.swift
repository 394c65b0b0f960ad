import Bytes
import IcebergFormat
import IcebergTables

/// Makes the commit of rewritten files from what became of the old ones since they were read.
///
/// ```
/// deletes that came to an old file ─ row map ─> deletes of the new files
/// old file gone, or rows of it back          ─> its group is left out
/// ```
/// The commit costs what the deletes of that time cost, not what the new files weigh. A value for one state of the table:
/// after a conflict another one is made from the newer state.
struct RewriteCommit {
    /// A data file in the state that is committed to.
    struct Current {
        let deletes: [DeleteFile]
        /// The rows that its position deletes remove.
        let deleted: DeletedRows
    }

    /// A group of files that is part of the commit.
    struct Change {
        let files: RewrittenFiles
        /// Deletes of the outputs, or of the inputs where they stay, by their index: the new file and its rows.
        var deletes: [Int: (file: DataFile, rows: DeletedRows)] = [:]
        /// Outputs whose rows have all been deleted meanwhile.
        var emptied: Set<Int> = []
    }

    private(set) var changes: [Change] = []
    /// Groups that cannot be committed any more, with the reasons.
    private(set) var refused: [(files: RewrittenFiles, reason: String)] = []
    private(set) var removed: [DataFile] = []
    private(set) var removedDeletes: [DataFile] = []

    var added: [DataFile] {
        changes.flatMap { change in
            change.files.outputs.indices.filter { !change.emptied.contains($0) }.map { change.files.outputs[$0] }
        }
    }
    /// New delete files.
    var addedDeletes: [DataFile] { changes.flatMap { $0.deletes.sorted { $0.key < $1.key }.map(\.value.file) } }

    /// Writes the deletes that the commit needs.
    ///
    /// - Parameters:
    ///   - base: the state to commit to.
    ///   - current: the state of a data file there, which gets the input; nil if it is not in the table any more.
    ///   - check: called periodically; an error it throws ends the work, and no delete file is left.
    init(
        _ groups: [RewrittenFiles],
        to base: Table,
        isKeyed: Bool,
        current: (RewrittenFiles.Input) throws(WeirError) -> Current?,
        check: () throws(WeirError) -> Void
    ) throws(WeirError) {
        var jobs: [Job] = []
        for group in groups {
            do throws(WeirError) {
                let found = try Self.deletes(of: group, isKeyed: isKeyed, current)
                let index = changes.count
                var change = Change(files: group)
                for (target, rows) in found.rows.sorted(by: { $0.key < $1.key }) where !rows.isEmpty {
                    let file = group.keepsData ? group.inputs[target].task.file : group.outputs[target]
                    if !group.keepsData, Int64(rows.count) == file.recordCount {
                        change.emptied.insert(target)
                    } else {
                        jobs.append(Job(change: index, target: target, file: file, rows: rows))
                    }
                }
                changes.append(change)
                if !group.keepsData { removed += group.inputs.map(\.task.file) }
                removedDeletes += found.replaced
            } catch {
                guard error.code == .conflict else { throw error }
                refused.append((group, error.message))
            }
        }
        let written = try Self.write(jobs, to: base, check)
        for (job, file) in zip(jobs, written) { changes[job.change].deletes[job.target] = (file, job.rows) }
    }

    private struct Job {
        let change: Int
        let target: Int
        let file: DataFile
        let rows: DeletedRows
    }

    /// The deleted rows of a group's outputs, or of its inputs where they stay, and the delete files that are not needed
    /// any more.
    private static func deletes(
        of group: RewrittenFiles,
        isKeyed: Bool,
        _ current: (RewrittenFiles.Input) throws(WeirError) -> Current?
    ) throws(WeirError) -> (rows: [Int: DeletedRows], replaced: [DataFile]) {
        var rows: [Int: DeletedRows] = [:]
        var replaced: [DataFile] = []
        for (index, input) in group.inputs.enumerated() {
            guard let now = try current(input) else {
                throw WeirError(.conflict, "another writer has taken \(input.task.file.path.lastPathComponent) away")
            }
            if isKeyed, let delete = now.deletes.first(where: { $0.content == .equalityDeletes }) {
                throw WeirError(
                    .conflict,
                    "another writer has added an equality delete to the base store, \(delete.file.path.lastPathComponent)"
                )
            }
            let known = Set(input.task.deletes.map(\.file.contentLocation))
            let left = Set(now.deletes.map(\.file.contentLocation))
            let lost = known.subtracting(left)
            // Position deletes may have been merged with newer ones. Equality deletes that are gone may mean anything.
            let lostEquality = input.task.deletes.contains {
                $0.content == .equalityDeletes && lost.contains($0.file.contentLocation)
            }
            guard !lostEquality, now.deleted.isSuperset(of: input.positions) else {
                throw WeirError(
                    .conflict,
                    "deleted rows of \(input.task.file.path.lastPathComponent) have come back meanwhile"
                )
            }
            replaced += now.deletes.lazy.map(\.file).filter { $0.deletedDataFile == input.task.file.path }
            if let map = input.map {
                var lostRow: UInt32?
                now.deleted.forEach(except: input.deleted) { row in
                    guard let place = map[row] else {
                        lostRow = lostRow ?? row
                        return
                    }
                    rows[Int(place.output), default: DeletedRows()].insert(place.row)
                }
                if let lostRow {
                    throw WeirError(
                        .corrupt,
                        "row \(lostRow) of \(input.task.file.path) is not where the rewrite has left it"
                    )
                }
            } else {
                var all = input.deleted
                all.formUnion(now.deleted)
                rows[index] = all
            }
        }
        return (rows, replaced)
    }

    private static func write(
        _ jobs: [Job],
        to base: Table,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) -> [DataFile] {
        var random = SystemRandomNumberGenerator()
        if base.metadata.formatVersion > 2 {
            return try DeletionVectorWriter.write(
                jobs.map { DeletionVectorWriter.Job(file: $0.file, rows: $0.rows) },
                to: base,
                random: &random,
                check: check
            )
        }
        var writer = PositionDeleteWriter(base, random: &random)
        return try PositionDeleteWriter.write(
            jobs.map { job in
                let transactionId = FileRole.base(path: job.file.path).transactionId
                return writer.job(job.rows, of: job.file, transactionId: transactionId)
            },
            check: check
        )
    }

    /// Removes delete files that refer only to data files of this commit although they are not of one of them alone: all
    /// files that they apply to in the table are written anew.
    ///
    /// - Parameter tasks: all data files of the state that is committed to.
    mutating func removeSharedDeletes(_ tasks: [FileScanTask]) {
        let handled = Set(changes.flatMap { $0.files.inputs.map(\.task.file.path) })
        // Deletes that are newer than what was read are not in the new files.
        let read = Set(changes.flatMap { $0.files.inputs.flatMap { $0.task.deletes.map(\.file.contentLocation) } })
        var shared: [DataFile.ContentLocation: DataFile] = [:]
        for task in tasks where handled.contains(task.file.path) {
            for delete in task.deletes where delete.file.deletedDataFile == nil {
                let location = delete.file.contentLocation
                if delete.content == .positionDeletes || read.contains(location) { shared[location] = delete.file }
            }
        }
        if shared.isEmpty { return }
        for task in tasks where !handled.contains(task.file.path) {
            for delete in task.deletes { shared[delete.file.contentLocation] = nil }
        }
        removedDeletes += shared.values.sorted { $0.path < $1.path }
    }

    /// Whether it changes nothing.
    var isEmpty: Bool { added.isEmpty && addedDeletes.isEmpty && removed.isEmpty && removedDeletes.isEmpty }

    /// Deletes the delete files that were written for the commit, when it is known that it was not made.
    func discard(from base: Table) {
        for path in Set(addedDeletes.map(\.path)) { try? base.storage.delete(path) }
    }
}

extension DeletedRows {
    /// Calls `body` with the rows that another set does not have, in ascending order.
    func forEach(except other: DeletedRows, _ body: (UInt32) -> Void) {
        for (index, word) in words.enumerated() {
            var rest = index < other.words.count ? word & ~other.words[index] : word
            while rest != 0 {
                body(UInt32(index << 6 + rest.trailingZeroBitCount))
                rest &= rest - 1
            }
        }
    }
}
