import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables

/// Takes change batches and leaves durable files that one commit makes visible.
public protocol TableWriter: AnyObject {
    /// Adds changes to the current epoch, save for those the table cannot hold, which it returns.
    func write(_ batch: ChangeBatch) throws(WeirError) -> [RejectedChange]
    /// Bytes of the current epoch so far, about.
    var pendingBytes: Int64 { get }
    /// Ends the epoch: its files are durable when this returns, and the next write starts a new one.
    func cut() throws(WeirError) -> Epoch
    /// Gives the current epoch's files up.
    func abandon()
}

/// What one commit holds: durable files and how they came about.
public struct Epoch: Sendable {
    public let files: [DataFile]
    public let summary: EpochSummary
    /// The base store that decided which rows replace others; nil for an unkeyed table.
    let base: Table?
    /// Keys of deletes for which nothing was written, because base did not hold them.
    let absentKeys: [ColumnBatch]

    init(files: [DataFile], summary: EpochSummary, base: Table? = nil, absentKeys: [ColumnBatch] = []) {
        self.files = files
        self.summary = summary
        self.base = base
        self.absentKeys = absentKeys
    }

    public var isEmpty: Bool { files.isEmpty }
    /// Whether it changes rows, or would if base held their keys.
    public var mayChangeKeys: Bool { !files.isEmpty || !absentKeys.isEmpty }
}

/// Row counts of an epoch.
public struct EpochSummary: Sendable, Equatable {
    public var inserts = 0
    public var deletes = 0
    /// Deletes of keys that were not there, for which nothing is written.
    public var redundantDeletes = 0

    public init() {}

    public static func += (left: inout EpochSummary, right: EpochSummary) {
        left.inserts += right.inserts
        left.deletes += right.deletes
        left.redundantDeletes += right.redundantDeletes
    }
}
