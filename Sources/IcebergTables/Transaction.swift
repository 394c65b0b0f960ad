import Bytes
import Columnar
import IcebergFormat
import ObjectStorage

/// Changes to one table that become visible together, or not at all.
///
/// The changes are kept as intentions. When another writer commits first they are applied again to what it left, so a
/// transaction fails only where the two really contradict each other. Snapshots, properties and statistics land in one
/// metadata file.
public struct Transaction: Sendable {
    let table: Table
    let clock: TransactionClock
    var changes: [SnapshotChange] = []
    var edits: [MetadataEdit] = []
    var statistics: [@Sendable (Snapshot) throws(WeirError) -> StatisticsFile] = []
    var requirements: [@Sendable (TableMetadata) throws(WeirError) -> Void] = []
    var summary: [String: String] = [:]
    var summaryProperties: [String] = []
    var isPatient = false

    public init(_ table: Table, clock: TransactionClock = .system) {
        self.table = table
        self.clock = clock
    }

    /// Adds data files. Without files it makes an empty snapshot.
    public mutating func append(_ files: [DataFile], summary: [String: String] = [:]) {
        changes.append(SnapshotChange(added: files, summary: summary, operation: .append))
    }

    /// Replaces files.
    ///
    /// - Parameters:
    ///   - removing: must all be live when the commit lands; `conflict` otherwise.
    ///   - removingDeletes: likewise.
    ///   - operation: for the summary; from the files when nil. Compaction passes `.replace`.
    ///   - snapshotId: the snapshot the caller read. A delete that another writer added since for a removed file, or
    ///     the removal since of a file that an added delete refers to, is then a `conflict`.
    public mutating func overwrite(
        adding: [DataFile],
        addingDeletes: [DataFile] = [],
        removing: [DataFile],
        removingDeletes: [DataFile] = [],
        summary: [String: String] = [:],
        operation: SnapshotOperation? = nil,
        validateFrom snapshotId: Int64? = nil
    ) {
        changes.append(
            SnapshotChange(
                added: adding,
                addedDeletes: addingDeletes,
                removed: removing,
                removedDeletes: removingDeletes,
                summary: summary,
                operation: operation,
                validateFrom: snapshotId
            )
        )
    }

    /// Replaces data files that are known by their paths alone.
    public mutating func overwrite(
        adding: [DataFile],
        removingPaths: [String],
        summary: [String: String] = [:],
        operation: SnapshotOperation? = nil,
        validateFrom snapshotId: Int64? = nil
    ) {
        changes.append(
            SnapshotChange(
                added: adding,
                removedPaths: Set(removingPaths),
                summary: summary,
                operation: operation,
                validateFrom: snapshotId
            )
        )
    }

    /// Adds rows and deletes of rows.
    public mutating func rowDelta(
        adding: [DataFile],
        deletes: [DataFile],
        summary: [String: String] = [:],
        validateFrom snapshotId: Int64? = nil
    ) {
        changes.append(
            SnapshotChange(added: adding, addedDeletes: deletes, summary: summary, validateFrom: snapshotId)
        )
    }

    public mutating func setProperties(_ properties: [String: String]) {
        edits.append(.setProperties(properties))
    }

    /// Sets properties whose values depend on what others have committed. The closure sees the metadata the commit builds
    /// on, on every attempt.
    public mutating func setProperties(
        _ make: @escaping @Sendable (TableMetadata) throws(WeirError) -> [String: String]
    ) {
        edits.append(.computeProperties(make))
    }

    /// Copies a property, as this transaction leaves it, into the summary of its snapshots.
    public mutating func addToSummary(property: String) { summaryProperties.append(property) }

    public mutating func removeProperties(_ keys: [String]) {
        edits.append(.removeProperties(keys))
    }

    /// Changes the columns. The closure sees the metadata the commit builds on and gives new columns ids above
    /// `lastColumnId`.
    public mutating func setSchema(_ make: @escaping @Sendable (TableMetadata) throws(WeirError) -> Schema) {
        edits.append(.setSchema(make))
    }

    /// Forgets snapshots; the files they alone refer to are the caller's to delete.
    public mutating func removeSnapshots(_ ids: Set<Int64>) {
        edits.append(.removeSnapshots(ids))
    }

    /// Registers a statistics file for the snapshot this transaction makes.
    ///
    /// The closure writes the file. It is called on every attempt, with the snapshot's id and sequence number known; the
    /// files of attempts that failed are deleted.
    public mutating func setStatistics(_ make: @escaping @Sendable (Snapshot) throws(WeirError) -> StatisticsFile) {
        statistics.append(make)
    }

    /// Checks the metadata the commit builds on, on every attempt; throwing gives the transaction up.
    public mutating func require(_ check: @escaping @Sendable (TableMetadata) throws(WeirError) -> Void) {
        requirements.append(check)
    }

    /// Adds to the summary of every snapshot of this transaction.
    public mutating func addSnapshotSummary(_ entries: [String: String]) { summary.merge(entries) { $1 } }

    /// Tries a lost race again until `commit.retry.total-timeout-ms` is over, however often others come first, and waits a
    /// second at most in between: for writers that share a table with their like, where losing a race says nothing.
    public mutating func retryPatiently() { isPatient = true }

    public var isEmpty: Bool { changes.isEmpty && edits.isEmpty && statistics.isEmpty }

    /// Makes the changes visible and returns the table as it then is.
    ///
    /// Fails with `conflict` when another writer's changes contradict these or keep coming first, with `unknownState`
    /// when it cannot be told whether the commit took effect. After any other error it certainly did not.
    public func commit() throws(WeirError) -> Table {
        if isEmpty { return table }
        return try TransactionCommit(self).run()
    }
}
