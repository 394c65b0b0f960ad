import Bytes
import IcebergFormat
import IcebergTables
import MixedTables

/// Removes delete files that apply to no data file any more: the files whose rows they deleted have been rewritten (spec
/// section 10.8).
///
/// Files that are added later are newer than these deletes, or were rewritten from files that they apply to, so a delete
/// file that applies to nothing never will.
public struct DanglingDeletes: Sendable {
    private let table: MixedTable
    private let nowMs: Int64

    /// - Parameter nowMs: milliseconds since 1970.
    public init(_ table: MixedTable, nowMs: Int64) {
        self.table = table
        self.nowMs = nowMs
    }

    /// The delete files of the current snapshot of base that apply to no data file.
    public static func find(in base: Table) throws(WeirError) -> [DataFile] {
        guard let current = base.currentSnapshot, current.summary["total-delete-files"] != "0" else { return [] }
        var files: [DataFile.ContentLocation: DataFile] = [:]
        for manifest in try base.manifests(of: current) where manifest.content == .deletes {
            for entry in try base.entries(of: manifest) where entry.isLive {
                files[entry.file.contentLocation] = entry.file
            }
        }
        if files.isEmpty { return [] }
        for task in try base.plan(snapshotId: current.id) {
            for delete in task.deletes { files[delete.file.contentLocation] = nil }
        }
        return files.values.sorted { ($0.path, $0.contentOffset ?? 0) < ($1.path, $1.contentOffset ?? 0) }
    }

    private static let attempts = 10

    /// Returns the table afterwards, and how many files it has lost.
    ///
    /// Fails with `conflict` if others change base again and again; a later run finds the same files.
    public func run() throws(WeirError) -> (table: MixedTable, files: Int) {
        var base = try table.base.refreshed()
        for attempt in 1... {
            if BaseHold.isInForce(base.properties, nowMilliseconds: nowMs) { break }
            let dangling = try Self.find(in: base)
            if dangling.isEmpty { break }
            let (seen, identifier) = (base.metadata.currentSnapshotId, base.identifier)
            var transaction = Transaction(base)
            transaction.require { (metadata) throws(WeirError) in
                guard metadata.currentSnapshotId == seen else { throw Self.overtaken(identifier) }
            }
            transaction.overwrite(
                adding: [],
                removing: [],
                removingDeletes: dangling,
                summary: Snapshot.danglingDeletesSummary,
                operation: .replace
            )
            do throws(WeirError) {
                return (with(try transaction.commit()), dangling.count)
            } catch {
                guard error.code == .conflict, attempt < Self.attempts else { throw error }
                base = try base.refreshed()
            }
        }
        return (with(base), 0)
    }

    private static func overtaken(_ identifier: TableIdentifier) -> WeirError {
        WeirError(.conflict, "'\(identifier)' changed while its delete files were looked at", advice: "try again")
    }

    private func with(_ base: Table) -> MixedTable {
        MixedTable(base: base, change: table.change, primaryKey: table.primaryKey)
    }
}
