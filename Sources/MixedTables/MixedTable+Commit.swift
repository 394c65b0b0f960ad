import Bytes
import ChangeEvents
import IcebergFormat
import IcebergTables

extension MixedTable {
    /// The store that ingestion appends to.
    public var ingestStore: Table { change ?? base }

    /// How far a topology has got in its sources, as the last commit says.
    public func ledger(topology: String) throws(WeirError) -> PositionLedger {
        try Self.ledger(PositionLedger.propertyName(topology: topology), ingestStore.properties, identifier)
    }

    /// The last records of a topology's sources that the table has taken in.
    public func lastRecords(topology: String) throws(WeirError) -> LastRecords {
        try Self.lastRecords(LastRecords.propertyName(topology: topology), ingestStore.properties, identifier)
    }

    /// What the last commit says of the table's LogStore.
    public func logStoreLedger(topology: String) throws(WeirError) -> LogStoreLedger {
        try Self.logStoreLedger(topology: topology, ingestStore.properties, identifier)
    }

    /// The same of every topology that writes the table.
    public func logStoreLedger() throws(WeirError) -> LogStoreLedger {
        var all = LogStoreLedger()
        for name in ingestStore.properties.keys where name.hasPrefix(LogStoreLedger.propertyPrefix) {
            let topology = String(name.dropFirst(LogStoreLedger.propertyPrefix.count))
            all.upstreams.merge(try logStoreLedger(topology: topology).upstreams) { $1 }
        }
        return all
    }

    /// Makes an epoch visible together with the source positions it covers: one append, one metadata commit
    /// (spec section 6.1). An epoch without files only moves the positions and makes no snapshot.
    ///
    /// Without a claim the writer is the only one: the commit is refused with `conflict` when anybody has committed since
    /// this writer read the table, so that no row is counted twice and no key gets two rows. With a claim, other processes
    /// of the same topology may commit their partitions in between; it is refused with `fenced` when one of this
    /// writer's partitions was claimed by another process, and with `conflict` when a foreign writer has come in.
    ///
    /// - Parameters:
    ///   - expected: the ledger this writer read or committed last.
    ///   - last: the records right before the ledger's positions, as far as they were read.
    ///   - claim: the partitions that belong to this writer; nil for all.
    ///   - progress: what the commit says of the table's LogStore.
    public func commit(
        _ epoch: Epoch,
        topology: String,
        from expected: PositionLedger,
        to ledger: PositionLedger,
        last: LastRecords = LastRecords(),
        claim: PartitionClaim? = nil,
        logStore progress: LogStoreProgress? = nil
    ) throws(WeirError) -> MixedTable {
        let name = PositionLedger.propertyName(topology: topology)
        let identifier = self.identifier
        let lastSnapshot = ingestStore.metadata.currentSnapshot?.id
        let needsKeys = isKeyed && !epoch.isEmpty
        var transaction = Transaction(ingestStore)
        transaction.retryPatiently()
        transaction.require { (metadata) throws(WeirError) in
            try Self.checkOwner(metadata, identifier, topology, expected, claim)
            if claim != nil {
                guard !needsKeys || Self.isOurs(since: lastSnapshot, in: metadata, ledger: name) else {
                    throw Self.foreignWriter(identifier)
                }
                return
            }
            // The epoch was written against the keys the table had; other changes since may have moved or removed them.
            guard !needsKeys || metadata.currentSnapshot?.id == lastSnapshot else {
                throw Self.foreignWriter(identifier)
            }
        }
        transaction.setProperties { (metadata) throws(WeirError) in
            var merged = try Self.ledger(name, metadata.properties, identifier)
            let own = claim.map { ledger.restricted(to: $0.numbers) } ?? ledger
            merged.merge(own)
            var properties = [name: merged.json]
            let lastName = LastRecords.propertyName(topology: topology)
            var records = try Self.lastRecords(lastName, metadata.properties, identifier)
            records.merge(last, of: own)
            properties[lastName] = records.json
            if let progress {
                var all = try Self.logStoreLedger(topology: topology, metadata.properties, identifier)
                // Readers have been told to take back what this writer writes.
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
        let committed = with(try transaction.commit())
        guard let progress, progress.caughtUpAt != nil else { return committed }
        // The table's own properties are the base store's. Until they say so, the next run waits for the same again.
        return try committed.changingProperties(
            progress.catchUpProperties,
            removing: [LogStoreProgress.watermarkGapProperty]
        )
    }

    /// Takes partitions over: from this commit on, whoever held them before is refused.
    ///
    /// - Parameter progress: the writer's new LogStore upstream, registered with its start so that it can be retracted
    ///   should the writer end before its first commit.
    /// - Returns: the table, and the claims of those partitions.
    public func claiming(
        _ partitions: [(topic: String, partition: Int)],
        topology: String,
        logStore progress: LogStoreProgress? = nil
    ) throws(WeirError) -> (table: MixedTable, claim: PartitionClaim) {
        let name = PartitionClaim.propertyName(topology: topology)
        let identifier = self.identifier
        var transaction = Transaction(ingestStore)
        transaction.retryPatiently()
        transaction.setProperties { (metadata) throws(WeirError) in
            let newest = PartitionClaim(try Self.ledger(name, metadata.properties, identifier))
            var properties = [name: newest.taking(partitions).numbers.json]
            if let progress {
                var all = try Self.logStoreLedger(topology: topology, metadata.properties, identifier)
                all.upstreams[progress.upstream] = progress.state
                properties[LogStoreLedger.propertyName(topology: topology)] = all.json
            }
            return properties
        }
        let table = with(try transaction.commit())
        let all = PartitionClaim(try Self.ledger(name, table.ingestStore.properties, identifier))
        return (table, all.restricted(to: partitions))
    }

    /// Marks LogStore upstreams as ended, once what they had not committed is retracted.
    public func endingUpstreams(_ names: [String], topology: String) throws(WeirError) -> MixedTable {
        if names.isEmpty { return self }
        let identifier = self.identifier
        var transaction = Transaction(ingestStore)
        transaction.retryPatiently()
        transaction.setProperties { (metadata) throws(WeirError) in
            var all = try Self.logStoreLedger(topology: topology, metadata.properties, identifier)
            for name in names { all.upstreams[name]?.live = false }
            all.prune()
            return [LogStoreLedger.propertyName(topology: topology): all.json]
        }
        return with(try transaction.commit())
    }

    /// Changes properties of the table, which are the base store's.
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

    /// Fails with `fenced` when another process has one of the claimed partitions, and without a claim with `conflict`
    /// when anybody has committed since.
    static func checkOwner(
        _ metadata: TableMetadata,
        _ identifier: TableIdentifier,
        _ topology: String,
        _ expected: PositionLedger,
        _ claim: PartitionClaim?
    ) throws(WeirError) {
        let positions = PositionLedger.propertyName(topology: topology)
        let found = try ledger(positions, metadata.properties, identifier)
        guard let claim else {
            guard found == expected else {
                throw WeirError(
                    .conflict,
                    "another process has committed to \(identifier) for topology '\(topology)'",
                    advice: "run one process per topology; this one stops and has made nothing visible"
                )
            }
            return
        }
        let claims = PartitionClaim.propertyName(topology: topology)
        let newest = PartitionClaim(try ledger(claims, metadata.properties, identifier))
        if let lost = claim.firstLost(in: newest) { throw fenced(identifier, topology, lost.topic, lost.partition) }
        for (topic, partitions) in claim.numbers.positions {
            for partition in partitions.keys
            where found.next(topic: topic, partition: partition) != expected.next(topic: topic, partition: partition) {
                throw fenced(identifier, topology, topic, partition)
            }
        }
    }

    /// Whether every snapshot behind that one was made by this topology, whose processes never share a key.
    private static func isOurs(since last: Int64?, in metadata: TableMetadata, ledger name: String) -> Bool {
        var snapshot = metadata.currentSnapshot
        while let current = snapshot, current.id != last {
            guard current.summary[name] != nil else { return false }
            snapshot = current.parentId.flatMap { metadata.snapshot(id: $0) }
        }
        return snapshot?.id == last
    }

    static func ledger(
        _ property: String,
        _ properties: [String: String],
        _ identifier: TableIdentifier
    ) throws(WeirError) -> PositionLedger {
        guard let text = properties[property] else { return PositionLedger() }
        do {
            return try PositionLedger(json: text)
        } catch {
            throw error.located(at: "table \(identifier)")
        }
    }

    static func lastRecords(
        _ property: String,
        _ properties: [String: String],
        _ identifier: TableIdentifier
    ) throws(WeirError) -> LastRecords {
        guard let text = properties[property] else { return LastRecords() }
        do {
            return try LastRecords(json: text)
        } catch {
            throw error.located(at: "table \(identifier)")
        }
    }

    private static func logStoreLedger(
        topology: String,
        _ properties: [String: String],
        _ identifier: TableIdentifier
    ) throws(WeirError) -> LogStoreLedger {
        guard let text = properties[LogStoreLedger.propertyName(topology: topology)] else { return LogStoreLedger() }
        do {
            return try LogStoreLedger(json: text)
        } catch {
            throw error.located(at: "table \(identifier)")
        }
    }

    static func fenced(
        _ identifier: TableIdentifier,
        _ topology: String,
        _ topic: String,
        _ partition: Int
    ) -> WeirError {
        WeirError(
            .fenced,
            "\(topic)/\(partition) was taken over by another process of topology '\(topology)'",
            at: "table \(identifier)",
            advice: "what this process had read of it and not committed is read again by the other one"
        )
    }

    private static func ended(_ identifier: TableIdentifier, _ topology: String) -> WeirError {
        WeirError(
            .fenced,
            "another process of topology '\(topology)' has taken this one's place in the LogStore",
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
