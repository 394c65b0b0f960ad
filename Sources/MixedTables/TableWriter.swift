import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables

/// Turns change batches into durable files that one commit makes visible.
public protocol TableWriter: AnyObject {
    /// Adds changes to the current epoch and returns those that the table cannot hold.
    func write(_ batch: ChangeBatch) throws(WeirError) -> [RejectedChange]
    /// Approximate number of bytes in the current epoch.
    var pendingBytes: Int64 { get }
    /// Ends the epoch: its files are durable when this returns, and the next write starts a new one.
    func cut() throws(WeirError) -> Epoch
    /// Abandons the files of the current epoch.
    func abandon()
}

/// The content of one commit: durable files, and what they were derived from.
public struct Epoch: Sendable {
    public let files: [DataFile]
    public let summary: EpochSummary
    /// The base state that decided which rows replace others; nil for an unkeyed table.
    let base: Table?
    /// Keys of deletes that were not written because base did not hold the keys.
    let absentKeys: [ColumnBatch]

    init(files: [DataFile], summary: EpochSummary, base: Table? = nil, absentKeys: [ColumnBatch] = []) {
        self.files = files
        self.summary = summary
        self.base = base
        self.absentKeys = absentKeys
    }

    public var isEmpty: Bool { files.isEmpty }
    /// Whether it changes rows, or would change rows if base held the absent keys.
    public var mayChangeKeys: Bool { !files.isEmpty || !absentKeys.isEmpty }
}

/// Row counts of an epoch.
public struct EpochSummary: Sendable, Equatable {
    public var inserts = 0
    public var deletes = 0
    /// Deletes of absent keys that the source sent, for which nothing is written.
    public var redundantDeletes = 0

    public init() {}

    public static func += (left: inout EpochSummary, right: EpochSummary) {
        left.inserts += right.inserts
        left.deletes += right.deletes
        left.redundantDeletes += right.redundantDeletes
    }
}
