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

    public init(id: Int64, began: Int64) {
        self.id = id
        self.began = began
    }

    static let signatureKey = "tx.begin.signature"
    /// A transaction without files is given up after this time: one that fails leaves no trace.
    static let longestMilliseconds: Int64 = 60 * 60_000
}

extension OpenTransaction {
    /// The oldest that is open; nil when there is none.
    ///
    /// - Parameters:
    ///   - start: transactions up to this data sequence number are known to have ended.
    ///   - files: those of the change store above `start`. A file whose name has the transaction ends it.
    init?(
        in change: Table,
        above start: Int64,
        nowMilliseconds now: Int64,
        files: () throws(WeirError) -> [FileScanTask]
    ) throws(WeirError) {
        // Its snapshot is kept when others around it expire, so it need not be found along the line of parents.
        let begun = change.metadata.snapshots.filter {
            $0.sequenceNumber > start && $0.summary[Self.signatureKey] != nil
                && now - $0.timestampMs < Self.longestMilliseconds
        }.sorted { $0.sequenceNumber > $1.sequenceNumber }
        if begun.isEmpty { return nil }
        let committed = Set(try files().compactMap { DataFileName(path: $0.file.path)?.transactionId })
        guard let oldest = begun.last(where: { !committed.contains($0.sequenceNumber) }) else { return nil }
        id = oldest.sequenceNumber
        began = oldest.timestampMs
    }
}

extension MixedTable {
    /// The current state, without what no optimizing may move yet: the changes since an open transaction began.
    func optimizablePoint(nowMilliseconds: Int64) throws(WeirError) -> ReadPoint {
        let point = ReadPoint(current: self)
        let open = try change.flatMap { (change) throws(WeirError) in
            try OpenTransaction(in: change, above: 0, nowMilliseconds: nowMilliseconds) { () throws(WeirError) in
                try change.plan()
            }
        }
        return open.map { point.before($0.id) } ?? point
    }
}
