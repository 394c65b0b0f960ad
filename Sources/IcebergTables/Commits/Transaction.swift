import Bytes
import Columnar
import IcebergFormat
import ObjectStorage

/// Changes to one table that become visible together, or not at all.
///
/// The changes are recorded and applied at commit. If another writer commits first, they are applied again to the new
/// metadata, so a transaction fails only if the two conflict. Snapshots, properties and statistics are written to one
/// metadata file.
public struct Transaction: Sendable {
    let table: Table
    let clock: TransactionClock
    var changes: [SnapshotChange] = []
    var edits: [MetadataEdit] = []
    var statistics: [@Sendable (Snapshot) throws(WeirError) -> StatisticsFile] = []
    var requirements: [@Sendable (TableMetadata) throws(WeirError) -> Void] = []
    var summaryEntries: [@Sendable (TableMetadata) throws(WeirError) -> [String: String]] = []
    /// Other tables that the commit depends on, with a check of the states that they have got to since.
    var others: [OtherTable] = []
    var isPatient = false
    /// How errors name this transaction among others.
    var title: String?

    /// - Parameter clock: nil for the catalog's.
    public init(_ table: Table, clock: TransactionClock? = nil) {
        self.table = table
        self.clock = clock ?? table.catalog.clock
    }

    /// Adds data files. Without files it creates an empty snapshot.
    public mutating func append(_ files: [DataFile], summary: [String: String] = [:]) {
        changes.append(SnapshotChange(added: files, summary: summary, operation: .append))
    }

    /// Replaces files.
    ///
    /// - Parameters:
    ///   - removing: must all be live when the commit lands; `conflict` otherwise.
    ///   - removingDeletes: likewise.
    ///   - operation: for the summary; inferred from the files when nil. Compaction passes `.replace`.
    ///   - snapshotId: the snapshot the caller read. The commit fails with `conflict` if another writer has since added
    ///     a delete for a removed file, or removed a file that an added delete refers to.
    ///   - dataSequenceNumber: of the added data files, when it is not that of the commit: rewritten rows are as old as
    ///     the state they were read from, so that newer equality deletes apply to them.
    public mutating func overwrite(
        adding: [DataFile],
        addingDeletes: [DataFile] = [],
        removing: [DataFile],
        removingDeletes: [DataFile] = [],
        summary: [String: String] = [:],
        operation: SnapshotOperation? = nil,
        validateFrom snapshotId: Int64? = nil,
        dataSequenceNumber: Int64? = nil
    ) {
        changes.append(
            SnapshotChange(
                added: adding,
                addedDeletes: addingDeletes,
                removed: removing,
                removedDeletes: removingDeletes,
                summary: summary,
                operation: operation,
                validateFrom: snapshotId.map { start(of: $0) },
                dataSequenceNumber: dataSequenceNumber
            )
        )
    }

    /// Replaces data files that are known only by path.
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
                validateFrom: snapshotId.map { start(of: $0) }
            )
        )
    }

    /// The state the caller read. One that the table does not know is in no history.
    private func start(of snapshotId: Int64) -> SnapshotChange.Start {
        SnapshotChange.Start(id: snapshotId, sequenceNumber: table.metadata.snapshot(id: snapshotId)?.sequenceNumber)
    }

    public mutating func setProperties(_ properties: [String: String]) {
        edits.append(MetadataEdit { (_) throws(WeirError) in [.setProperties(properties)] })
    }

    /// Sets properties whose values depend on the current metadata. The closure is called on every attempt with the
    /// metadata the attempt is based on.
    public mutating func setProperties(
        _ make: @escaping @Sendable (TableMetadata) throws(WeirError) -> [String: String]
    ) {
        edits.append(MetadataEdit { (metadata) throws(WeirError) in [.setProperties(try make(metadata))] })
    }

    /// Adds entries to the summary of its snapshots, made on every attempt from the metadata with the properties that
    /// this transaction sets. Every later commit writes them again until the snapshot expires: keep them small.
    public mutating func addToSummary(
        _ make: @escaping @Sendable (TableMetadata) throws(WeirError) -> [String: String]
    ) { summaryEntries.append(make) }

    public mutating func removeProperties(_ keys: [String]) {
        edits.append(.removeProperties(keys))
    }

    /// Changes the schema. The closure gets the metadata the attempt is based on and must assign new columns ids above
    /// `lastColumnId`.
    public mutating func setSchema(_ make: @escaping @Sendable (TableMetadata) throws(WeirError) -> Schema) {
        edits.append(.setSchema(make))
    }

    /// Makes updates. The closure is called on every attempt with the metadata the attempt is based on, as changed by
    /// this transaction so far.
    public mutating func update(
        _ make: @escaping @Sendable (TableMetadata) throws(WeirError) -> [TableUpdate]
    ) {
        edits.append(MetadataEdit(make))
    }

    /// Removes snapshots, except for those that a branch or tag is at. The caller deletes the files that only they reference.
    public mutating func removeSnapshots(_ ids: Set<Int64>) {
        edits.append(.removeSnapshots(ids))
    }

    /// Registers a statistics file for the snapshot of this transaction.
    ///
    /// The closure writes the file. It is called on every attempt, with the snapshot's id and sequence number assigned.
    /// Files of failed attempts are deleted.
    public mutating func setStatistics(_ make: @escaping @Sendable (Snapshot) throws(WeirError) -> StatisticsFile) {
        statistics.append(make)
    }

    /// Adds a check of the metadata that each attempt is based on. If it throws, the transaction fails.
    public mutating func require(_ check: @escaping @Sendable (TableMetadata) throws(WeirError) -> Void) {
        requirements.append(check)
    }

    /// Requires that the commit finds another table of the catalog with the metadata that it has here.
    ///
    /// - Parameter error: thrown if it has changed. Such a commit is not tried again.
    public mutating func requireUnchanged(_ other: Table, orFail error: WeirError) {
        require(of: other) { (_) throws(WeirError) in throw error }
    }

    /// Requires that the commit finds another table of the catalog with the metadata that it has here, or in a later
    /// state that passes a check. If the check throws, the transaction fails.
    public mutating func require(
        of other: Table,
        _ check: @escaping @Sendable (_ now: Table) throws(WeirError) -> Void
    ) {
        others.append(OtherTable(table: other, check: check))
    }

    /// Sets how errors name this transaction when it is committed together with others.
    public mutating func name(_ title: String) { self.title = title }

    /// Retries conflicting commits until `commit.retry.total-timeout-ms` without a limit on attempts, with waits of at
    /// most a quarter of a second. For tables with several concurrent writers, where lost races are normal, and which
    /// one that waits longer loses more often.
    public mutating func retryPatiently() { isPatient = true }

    /// A table that a commit depends on without changing it.
    struct OtherTable {
        /// As it was checked last.
        var table: Table
        let check: @Sendable (_ now: Table) throws(WeirError) -> Void
    }

    public var isEmpty: Bool { changes.isEmpty && edits.isEmpty && statistics.isEmpty }

    /// Makes the changes visible and returns the table as it then is.
    ///
    /// Fails with `conflict` if another writer's changes conflict with these or win on every attempt, and with
    /// `unknownState` if it is unknown whether the commit took effect. After any other error it did not.
    public func commit() throws(WeirError) -> Table {
        if isEmpty { return table }
        return try TransactionCommit([self]).run()[0]
    }
}
