import Bytes
import IcebergFormat
import IcebergTables

/// Commits that change consumers. Each finds the entry as it is, so that two processes cannot overwrite each other.
extension MixedTable {
    /// Claims a consumer for a process, and makes it where it is new. A scan of rows that it begins with gets its snapshots
    /// tagged, so that no engine expires them.
    ///
    /// - Parameter isGone: whether a process that holds the name is known to have ended.
    /// - Returns: the table, the entry before, and the entry now.
    public func claiming(
        _ claim: ConsumerClaim,
        nowMilliseconds now: Int64,
        isGone: @escaping @Sendable (ConsumerSession) -> Bool
    ) throws(WeirError) -> (table: MixedTable, before: Consumer?, consumer: Consumer) {
        try Consumer.check(name: claim.name)
        try checkNumbered("a consumer")
        let before = try consumer(claim.name)
        let identifier = self.identifier
        let table = try changingConsumer(claim.name, nowMilliseconds: now) {
            (found) throws(WeirError) in
            try claim.entry(over: found, of: identifier, nowMilliseconds: now, isGone: isGone)
        }
        guard let entry = try table.consumer(claim.name) else {
            throw Self.fenced(claim.name, identifier, nil)
        }
        return (table, before, entry)
    }

    /// Stores how far a consumer is. Fails with `fenced` when another process has taken it over, or it was dropped.
    func storing(
        _ entry: Consumer,
        of name: String,
        by session: String,
        nowMilliseconds now: Int64
    ) throws(WeirError) -> MixedTable {
        let identifier = self.identifier
        return try changingConsumer(name, nowMilliseconds: now) { (found) throws(WeirError) in
            guard let found, found.session?.id == session || found == entry else {
                throw Self.fenced(name, identifier, found?.session)
            }
            return entry
        }
    }

    /// Moves a consumer that no process reads for, or makes it.
    public func resetting(
        consumer name: String,
        to place: ConsumerPlace,
        ttlMs: Int64? = nil,
        nowMilliseconds now: Int64,
        isGone: @escaping @Sendable (ConsumerSession) -> Bool
    ) throws(WeirError) -> MixedTable {
        try Consumer.check(name: name)
        try checkNumbered("a consumer")
        let identifier = self.identifier
        return try changingConsumer(name, nowMilliseconds: now, mendsDamage: true) {
            (found) throws(WeirError) in
            try found?.checkFree(name, of: identifier, nowMilliseconds: now, isGone: isGone)
            var entry = Consumer(
                place: place,
                nowMilliseconds: now,
                ttlMs: found?.ttlMs ?? Consumer.defaultTTLMilliseconds
            )
            if let ttlMs { entry.ttlMs = ttlMs }
            return entry
        }
    }

    /// Removes a consumer that no process reads for, with what it pins.
    public func dropping(
        consumer name: String,
        nowMilliseconds now: Int64,
        isGone: @escaping @Sendable (ConsumerSession) -> Bool
    ) throws(WeirError) -> MixedTable {
        let identifier = self.identifier
        return try changingConsumer(name, nowMilliseconds: now, mendsDamage: true) {
            (found) throws(WeirError) in
            try found?.checkFree(name, of: identifier, nowMilliseconds: now, isGone: isGone)
            return nil
        }
    }

    /// The consumer with a name; nil if there is none. Fails with `corrupt` if its entry is damaged.
    public func consumer(_ name: String) throws(WeirError) -> Consumer? {
        try Self.consumer(name, in: ingestStore.properties, identifier)
    }

    /// Fails with `unsupported` for a table whose commits have no numbers.
    public func checkNumbered(_ what: String) throws(WeirError) {
        guard ingestStore.metadata.formatVersion < 2 else { return }
        throw WeirError(
            .unsupported,
            "\(what) needs commits with numbers, and \(identifier) is of format version 1",
            advice: "upgrade it with Spark"
        )
    }

    // MARK: - Parts

    private static func consumer(
        _ name: String,
        in properties: [String: String],
        _ identifier: TableIdentifier
    ) throws(WeirError) -> Consumer? {
        guard let text = properties[Consumer.propertyName(name)] else { return nil }
        do throws(WeirError) {
            return try Consumer(json: text)
        } catch {
            throw WeirError(
                .corrupt,
                "the entry of consumer '\(name)' is damaged: \(error.message)",
                at: "property \(Consumer.propertyName(name)) of \(identifier)",
                advice: "'weir consumer reset \(identifier) \(name) --to …' writes it anew"
            )
        }
    }

    private func changingConsumer(
        _ name: String,
        nowMilliseconds now: Int64,
        mendsDamage: Bool = false,
        _ change: @escaping @Sendable (Consumer?) throws(WeirError) -> Consumer?
    ) throws(WeirError) -> MixedTable {
        let identifier = self.identifier
        let tag = Consumer.tagName(name)
        let key = Consumer.propertyName(name)
        let change = { @Sendable (metadata: TableMetadata) throws(WeirError) -> Consumer? in
            var found: Consumer?
            do throws(WeirError) {
                found = try Self.consumer(name, in: metadata.properties, identifier)
            } catch {
                if !mendsDamage { throw error }
            }
            return try change(found)
        }
        let entry = try change(ingestStore.metadata)
        let point = entry?.place.rows?.point
        let ttlMs = entry?.ttlMs ?? 0
        var all = MultiTableTransaction()
        var own = Transaction(ingestStore)
        own.retryPatiently()
        let snapshot = isKeyed ? point?.changeSnapshotId : point?.baseSnapshotId
        own.update { (metadata) throws(WeirError) in
            let entry = try change(metadata)
            let update: TableUpdate =
                entry.map { .setProperties([key: $0.json]) } ?? .removeProperties([key])
            return [update] + (try Self.tagging(tag, snapshot, metadata, ttlMs: ttlMs, now, identifier))
        }
        all.add(own)
        // Of a keyed table, base is not the store that has the entry.
        guard isKeyed, base.metadata.references[tag] != nil || point?.baseSnapshotId != nil else {
            return with(try all.commit()[0])
        }
        var other = Transaction(base)
        other.retryPatiently()
        other.update { (metadata) throws(WeirError) in
            try Self.tagging(tag, point?.baseSnapshotId, metadata, ttlMs: ttlMs, now, identifier)
        }
        all.add(other)
        let stores = try all.commit()
        return MixedTable(base: stores[1], change: stores[0], primaryKey: primaryKey)
    }

    /// Sets, renews or removes a tag. A reference's age counts from when its snapshot was made.
    private static func tagging(
        _ tag: String,
        _ snapshotId: Int64?,
        _ metadata: TableMetadata,
        ttlMs: Int64,
        _ now: Int64,
        _ identifier: TableIdentifier
    ) throws(WeirError) -> [TableUpdate] {
        guard let snapshotId else { return metadata.references[tag] == nil ? [] : [.removeReference(name: tag)] }
        guard let snapshot = metadata.snapshot(id: snapshotId) else {
            throw WeirError(
                .notFound,
                "the rows of \(identifier) as of snapshot \(snapshotId) have expired",
                advice: "begin again with the rows as they are now"
            )
        }
        let age = max(0, now.subtractingClamped(snapshot.timestampMs))
        if let known = metadata.references[tag], known.snapshotId == snapshotId,
            let maxAge = known.maxReferenceAgeMs, maxAge.subtractingClamped(age) > ttlMs / 2
        {
            return []
        }
        return [.setReference(name: tag, SnapshotReference(tag: snapshotId, maxAgeMs: age.addingClamped(ttlMs)))]
    }

    private static func fenced(
        _ name: String,
        _ identifier: TableIdentifier,
        _ session: ConsumerSession?
    ) -> WeirError {
        let who = session.map { "process \($0.process) on \($0.host) has taken it over" } ?? "it was moved or dropped"
        return WeirError(
            .fenced,
            "this process no longer reads for consumer '\(name)': \(who)",
            at: "table \(identifier)",
            advice: "what was printed here beyond the stored place is read again there"
        )
    }
}
