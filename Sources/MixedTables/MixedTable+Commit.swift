import Bytes
import ChangeEvents
import IcebergFormat
import IcebergTables

extension MixedTable {
    /// The store that ingestion appends to.
    public var ingestStore: Table { change ?? base }

    /// Makes an epoch visible together with the source positions it covers, in one append and one metadata commit (spec
    /// section 6.1). An epoch without files only advances the positions and creates no snapshot.
    ///
    /// Without a claim, this must be the only writer. The commit fails with `conflict` if another one has committed
    /// positions of this topology or moved keys since this writer read the table, so that no row is counted twice and
    /// no key gets two rows. With a claim, other processes of the same topology may commit their partitions in between.
    /// The commit then fails with `fenced` if another process has claimed one of this writer's partitions, and with
    /// `conflict` if a foreign writer has moved keys. Maintenance of the change store conflicts with neither
    /// (`NeighbourCommits`).
    ///
    /// Other engines may commit to the base store of a keyed table at any time. If the epoch was written against an
    /// older base, it gets deletes for the keys that it shares with the rows they added. A row that is added to base
    /// before this call is never duplicated. After an error other than `unknownState` the epoch's files are deleted.
    ///
    /// - Parameters:
    ///   - expected: the ledger that this writer read or committed last.
    ///   - last: the records directly before the ledger's positions, as far as they were read.
    ///   - claim: the partitions that belong to this writer; nil for all.
    ///   - progress: the LogStore state to commit.
    ///   - note: the route that applies to positions that have brought no row; nil when no route is known.
    ///   - sharing: which topologies may write the table; nil for all.
    public func commit(
        _ epoch: Epoch,
        topology: String,
        from expected: PositionLedger,
        to ledger: PositionLedger,
        last: LastRecords = LastRecords(),
        claim: PartitionClaim? = nil,
        logStore progress: LogStoreProgress? = nil,
        routed note: PositionRoutes.Note? = nil,
        sharing: TableSharing? = nil
    ) throws(WeirError) -> MixedTable {
        var epoch = epoch
        var table = self
        while true {
            if isKeyed, epoch.mayChangeKeys {
                do throws(WeirError) {
                    table = with(base: try base.refreshed())
                    epoch = try epoch.following(table)
                } catch {
                    epoch.discard(from: ingestStore)
                    throw error
                }
            }
            do throws(WeirError) {
                return try table.commit(
                    epoch,
                    topology: topology,
                    expected: expected,
                    ledger: ledger,
                    last: last,
                    claim: claim,
                    progress: progress,
                    note: note,
                    sharing: sharing
                )
            } catch {
                // Base has changed since the epoch was adapted to it: adapt it again.
                guard error == Self.baseMoved else { throw error }
            }
        }
    }

    private static let baseMoved = WeirError(.conflict, "another engine's commit to the base store came first")

    private func commit(
        _ epoch: Epoch,
        topology: String,
        expected: PositionLedger,
        ledger: PositionLedger,
        last: LastRecords,
        claim: PartitionClaim?,
        progress: LogStoreProgress?,
        note: PositionRoutes.Note?,
        sharing: TableSharing?
    ) throws(WeirError) -> MixedTable {
        let name = PositionLedger.propertyName(topology: topology)
        let identifier = self.identifier
        let known = ingestStore
        let needsKeys = isKeyed && !epoch.isEmpty
        var transaction = Transaction(ingestStore)
        transaction.retryPatiently()
        let (base, isKeyed) = (self.base, self.isKeyed)
        transaction.require { (metadata) throws(WeirError) in
            if isKeyed, epoch.mayChangeKeys,
                try base.catalog.metadataLocation(of: base.identifier) != base.metadataLocation
            {
                throw Self.baseMoved
            }
            try sharing?.check(metadata.properties, of: identifier)
            try Self.checkOwner(metadata, identifier, topology, expected, claim)
            // The epoch was written against the keys at that time. Later commits may have moved or removed them.
            if !needsKeys || metadata.currentSnapshotId == known.metadata.currentSnapshotId { return }
            // Processes of one topology claim their partitions and never share a key.
            var neighbours = NeighbourCommits(known: known, base: base)
            let mayMoveKeys = try neighbours.mayMoveKeys(in: metadata) { snapshot in
                claim != nil && snapshot.summary[name] != nil
            }
            if mayMoveKeys { throw Self.foreignWriter(identifier) }
        }
        transaction.setProperties { (metadata) throws(WeirError) in
            let known = try Self.stored(PositionLedger.self, of: topology, in: metadata.properties, identifier)
            var merged = known
            let own = claim.map { ledger.restricted(to: $0.numbers) } ?? ledger
            merged.merge(own)
            var properties = [name: merged.json]
            var records = try Self.stored(LastRecords.self, of: topology, in: metadata.properties, identifier)
            records.merge(last, of: own)
            properties[LastRecords.propertyName(topology: topology)] = records.json
            if let note {
                var routes = try Self.stored(PositionRoutes.self, of: topology, in: metadata.properties, identifier)
                let hadRoutes = !routes.isEmpty
                routes.record(own, after: known, note)
                if hadRoutes || !routes.isEmpty {
                    properties[PositionRoutes.propertyName(topology: topology)] = routes.json
                }
            }
            if let progress {
                var all = try Self.stored(LogStoreLedger.self, of: topology, in: metadata.properties, identifier)
                // Readers were told to retract this writer's records.
                if all.upstreams[progress.upstream]?.live == false { throw Self.ended(identifier, topology) }
                all.upstreams[progress.upstream] = progress.state
                all.prune()
                properties[LogStoreLedger.propertyName(topology: topology)] = all.json
            }
            return properties
        }
        if !epoch.isEmpty {
            transaction.append(epoch.files, summary: ["snapshot.producer": "INGESTION"])
            transaction.addToSummary(property: name)
            if progress != nil { transaction.addToSummary(property: LogStoreLedger.propertyName(topology: topology)) }
        }
        let store: Table
        do throws(WeirError) {
            store = try transaction.commit()
        } catch {
            if error.code != .unknownState, error != Self.baseMoved { epoch.discard(from: ingestStore) }
            throw error
        }
        let committed = with(store)
        guard let progress, progress.caughtUpAt != nil else { return committed }
        // Table properties are stored in the base store. If this fails, the next run waits for the catch-up again.
        return try committed.changingProperties(
            progress.catchUpProperties,
            removing: [LogStoreProgress.watermarkGapProperty]
        )
    }

    /// Changes properties of the table, which are stored in the base store.
    public func changingProperties(_ set: [String: String], removing: [String]) throws(WeirError) -> MixedTable {
        var transaction = Transaction(try base.refreshed())
        transaction.retryPatiently()
        transaction.setProperties(set)
        transaction.removeProperties(removing)
        let base = try transaction.commit()
        return isKeyed
            ? MixedTable(base: base, change: change, primaryKey: primaryKey)
            : MixedTable(base: base, change: nil, primaryKey: [])
    }

    func with(_ store: Table) -> MixedTable {
        isKeyed
            ? MixedTable(base: base, change: store, primaryKey: primaryKey)
            : MixedTable(base: store, change: nil, primaryKey: [])
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
