import Bytes
import IcebergFormat
import IcebergTables

/// A transaction that another engine has begun in a change store and not committed yet (spec section 4.6).
///
/// Its changes are ordered by the sequence number of its beginning. A row that comes to base afterwards, or is written
/// again there, must not be newer, or the transaction's deletes would not apply to it (spec section 6.6). Base therefore
/// gets nothing that was committed after the beginning, until the transaction ends.
public struct OpenTransaction: Sendable, Equatable {
    /// The data sequence number of its beginning.
    public let id: Int64
    /// When it began, milliseconds since 1970.
    public let began: Int64
    /// Changes below this data sequence number can be moved: the id, unless a later change belongs to a transaction that
    /// began earlier. That change cannot be moved, and nothing newer than its transaction may come to base before it.
    public let bound: Int64

    public init(id: Int64, began: Int64, bound: Int64? = nil) {
        self.id = id
        self.began = began
        self.bound = bound ?? id
    }

    static let signatureKey = "tx.begin.signature"
    /// The transaction of an overwrite, in the summary of a base snapshot (spec section 4.6).
    private static let overwriteKey = "txId"
    /// A transaction without files is given up after this time: one that fails leaves no trace.
    static let longestMilliseconds: Int64 = 60 * 60_000
}

extension OpenTransaction {
    /// The oldest that is open; nil when there is none.
    ///
    /// - Parameters:
    ///   - base: the base store. An overwrite of base ends its transaction, which then has no change file.
    ///   - optimized: what base contains of the changes.
    ///   - start: transactions up to this data sequence number are known to have ended.
    ///   - files: those of the change store above `start`. A file whose name has the transaction ends it.
    init?(
        in change: Table,
        _ base: Table,
        _ optimized: OptimizedSequence,
        above start: Int64,
        nowMilliseconds now: Int64,
        files: () throws(WeirError) -> [FileScanTask]
    ) throws(WeirError) {
        // Its snapshot is kept when others around it expire, so it need not be found along the line of parents.
        let begun = change.metadata.snapshots.filter {
            $0.sequenceNumber > start && $0.summary[Self.signatureKey] != nil && Self.isRecent($0.timestampMs, now)
        }.sorted { $0.sequenceNumber > $1.sequenceNumber }
        if begun.isEmpty { return nil }
        let tasks = try files().map { task in
            let role = FileRole.change(path: task.file.path, dataSequenceNumber: task.dataSequenceNumber)
            return (sequence: task.dataSequenceNumber, transaction: role.transactionId)
        }
        var ended = Set(tasks.map(\.transaction))
        // No change file has the sequence of a beginning: in the map it is the transaction of an overwrite.
        ended.formUnion(optimized.sequences.values)
        ended.formUnion(base.metadata.snapshots.compactMap { $0.summary[Self.overwriteKey].flatMap { Int64($0) } })
        guard let oldest = begun.last(where: { !ended.contains($0.sequenceNumber) }) else { return nil }
        var bound = oldest.sequenceNumber
        while let next = tasks.lazy.filter({ $0.sequence >= bound }).map(\.transaction).min(), next < bound {
            bound = next
        }
        self.init(id: oldest.sequenceNumber, began: oldest.timestampMs, bound: bound)
    }

    /// Whether a transaction may still be at work. One that begins far in the future comes from a wrong clock.
    private static func isRecent(_ began: Int64, _ now: Int64) -> Bool {
        let (age, overflow) = now.subtractingReportingOverflow(began)
        return !overflow && age > -longestMilliseconds && age < longestMilliseconds
    }
}

extension MixedTable {
    /// The current state, without what no optimizing may move yet: the changes since an open transaction began.
    func optimizablePoint(nowMilliseconds: Int64) throws(WeirError) -> ReadPoint {
        let point = ReadPoint(current: self)
        let open = try change.flatMap { (change) throws(WeirError) in
            let optimized = try OptimizedSequence.read(base, snapshotId: point.baseSnapshotId)
            return try OpenTransaction(in: change, base, optimized, above: 0, nowMilliseconds: nowMilliseconds) {
                () throws(WeirError) in try change.plan()
            }
        }
        return open.map { point.before($0.bound) } ?? point
    }
}
