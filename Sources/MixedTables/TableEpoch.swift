import Bytes
import ChangeEvents
import IcebergFormat
import IcebergTables
import Values

/// What one table contributes to the commit of an epoch: its files, and the source positions that they cover.
public struct TableEpoch: Sendable {
    /// As the writer read or committed it last.
    public var table: MixedTable
    public var epoch: Epoch
    public let topology: String
    /// The ledger that this writer read or committed last.
    public let expected: PositionLedger
    public let ledger: PositionLedger
    /// The records directly before the ledger's positions, as far as they were read.
    public var last = LastRecords()
    /// The partitions that belong to this writer; nil for all.
    public var claim: PartitionClaim?
    /// The LogStore state to commit.
    public var progress: LogStoreProgress?
    /// The route that applies to positions that have brought no row; nil when no route is known.
    public var note: PositionRoutes.Note?
    /// Whether the writer holds the keys of the table, which other writers must not change.
    public var holdsKeys: Bool
    /// When the oldest change reached each stage before.
    public var times: StageTimes?
    /// Which topologies may write the table; nil for all.
    public var sharing: TableSharing?
    /// How errors name this commit among those of other tables.
    public var title: String?
    public var clock = TransactionClock.system

    public init(
        _ epoch: Epoch,
        of table: MixedTable,
        topology: String,
        from expected: PositionLedger,
        to ledger: PositionLedger
    ) {
        self.table = table
        self.epoch = epoch
        holdsKeys = table.isKeyed
        self.topology = topology
        self.expected = expected
        self.ledger = ledger
    }

    /// Whether the commit is valid only as long as no other engine changes rows of base.
    var dependsOnBase: Bool { table.isKeyed && epoch.mayChangeKeys }

    /// Adapts the epoch to the newest state of base.
    mutating func followBase() throws(WeirError) {
        guard dependsOnBase else { return }
        table = table.with(base: try table.base.refreshed())
        epoch = try epoch.following(table)
    }

    /// The changes to the stores of the table: the one that ingestion appends to, then base if it changes too.
    func transactions() -> [Transaction] {
        var ingest = Transaction(table.ingestStore, clock: clock)
        ingest.retryPatiently()
        if let title { ingest.name(title) }
        addRequirements(to: &ingest)
        ingest.setProperties(properties())
        if !epoch.isEmpty {
            var summary = ["snapshot.producer": "INGESTION"]
            if let times { summary[StageTimes.summaryKey] = times.text }
            ingest.append(epoch.files, summary: summary)
            ingest.addToSummary(EpochMark.entries(of: topology, hasLogStore: progress != nil))
        }
        guard let progress, progress.caughtUpAt != nil else { return [ingest] }
        // Table properties are stored in the base store.
        guard table.isKeyed else {
            ingest.setProperties(progress.catchUpProperties)
            ingest.removeProperties([LogStoreProgress.watermarkGapProperty])
            return [ingest]
        }
        var base = Transaction(table.base, clock: clock)
        base.retryPatiently()
        if let title { base.name(title) }
        base.setProperties(progress.catchUpProperties)
        base.removeProperties([LogStoreProgress.watermarkGapProperty])
        return [ingest, base]
    }

    /// The epoch must be adapted to what another engine has changed in base.
    static let baseMoved = WeirError(.conflict, "another engine's commit to the base store came first")

    private func addRequirements(to transaction: inout Transaction) {
        let (identifier, base, known) = (table.identifier, table.base, table.ingestStore)
        if dependsOnBase {
            transaction.require(of: base) { (now) throws(WeirError) in
                // Materializing, here or in another process, commits to base about as often as epochs are committed.
                guard BaseChange.keepsKeys(from: base, to: now) else { throw Self.baseMoved }
            }
        }
        let (topology, expected, claim, sharing) = (topology, expected, claim, sharing)
        // Positions alone take over the table's newest state too, which the next rows are written against.
        let needsKeys = holdsKeys
        transaction.require { (metadata) throws(WeirError) in
            try sharing?.check(metadata.properties, of: identifier)
            try MixedTable.checkOwner(metadata, identifier, topology, expected, claim)
            // The epoch was written against the keys at that time. Later commits may have moved or removed them.
            if !needsKeys || metadata.currentSnapshotId == known.metadata.currentSnapshotId { return }
            // Processes of one topology claim their partitions and never share a key.
            var neighbours = NeighbourCommits(known: known, base: base)
            let own = claim == nil ? OwnCommits() : try MixedTable.ownCommits(of: topology, in: metadata, identifier)
            let mayMoveKeys = try neighbours.mayMoveKeys(in: metadata, own: own) { snapshot in
                claim != nil && EpochMark.isOf(topology, snapshot)
            }
            if mayMoveKeys { throw Self.foreignWriter(identifier) }
        }
    }

    /// The properties of the ingest store that record how far the sources were read.
    private func properties() -> @Sendable (TableMetadata) throws(WeirError) -> [String: String] {
        let name = PositionLedger.propertyName(topology: topology)
        let identifier = table.identifier
        let (topology, claim, ledger, last, note, progress) = (topology, claim, ledger, last, note, progress)
        let lastKnown = claim != nil && holdsKeys ? table.ingestStore.currentSnapshot?.sequenceNumber ?? 0 : nil
        let addsSnapshot = !epoch.isEmpty
        return { (metadata) throws(WeirError) in
            let known = try MixedTable.stored(PositionLedger.self, of: topology, in: metadata.properties, identifier)
            var merged = known
            let own = claim.map { ledger.restricted(to: $0.numbers) } ?? ledger
            merged.merge(own)
            var properties = [name: merged.json]
            var records = try MixedTable.stored(LastRecords.self, of: topology, in: metadata.properties, identifier)
            records.merge(last, of: own)
            properties[LastRecords.propertyName(topology: topology)] = records.json
            if let note {
                var routes = try MixedTable.stored(
                    PositionRoutes.self,
                    of: topology,
                    in: metadata.properties,
                    identifier
                )
                let hadRoutes = !routes.isEmpty
                routes.record(own, after: known, note)
                if hadRoutes || !routes.isEmpty {
                    properties[PositionRoutes.propertyName(topology: topology)] = routes.json
                }
            }
            // The requirements have checked what others committed since this writer's state.
            if let lastKnown {
                var own = try MixedTable.ownCommits(of: topology, in: metadata, identifier)
                let current = metadata.currentSnapshot?.sequenceNumber ?? 0
                let sequence = addsSnapshot ? metadata.lastSequenceNumber.addingClamped(1) : current
                if sequence > 0 { own.add(sequence, checkedAfter: lastKnown) }
                properties[OwnCommits.propertyName(topology: topology)] = own.json
            }
            if let progress {
                var all = try MixedTable.stored(
                    LogStoreLedger.self,
                    of: topology,
                    in: metadata.properties,
                    identifier
                )
                // Readers were told to retract this writer's records.
                if all.upstreams[progress.upstream]?.live == false { throw Self.ended(identifier, topology) }
                all.upstreams[progress.upstream] = progress.state
                all.prune()
                properties[LogStoreLedger.propertyName(topology: topology)] = all.json
            }
            return properties
        }
    }

    private static func ended(_ identifier: TableIdentifier, _ topology: String) -> WeirError {
        WeirError(
            .fenced,
            "another process of topology '\(topology)' has taken over the LogStore from this one",
            at: "table \(identifier)"
        )
    }

    private static func foreignWriter(_ identifier: TableIdentifier) -> WeirError {
        WeirError(
            .conflict,
            "another writer has changed \(identifier) since this one read its keys",
            advice: "start again, and keep one topology per keyed table"
        )
    }
}
