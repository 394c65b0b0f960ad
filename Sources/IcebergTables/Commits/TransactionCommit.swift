import Bytes
import IcebergFormat
import ObjectStorage

/// Runs transactions on several tables as one commit: attempts, retries, and cleanup of failed attempts.
///
/// Order of writes: manifests → manifest lists → metadata files → catalog. Nothing references these files until the
/// catalog names the metadata files. Manifests are written once, whatever the number of attempts, and an attempt writes
/// the other files again only for tables that others have changed: it takes no longer for many tables than for those.
final class TransactionCommit {
    /// One table of the commit.
    private struct Part {
        let transaction: Transaction
        let producers: [SnapshotProducer]
        var base: Table
        /// What is committed on top of `base`; nil when others have changed the table since.
        var made: TableCommit?
        /// Files of `made`, deleted when it is made again or the commit fails.
        var files: [String] = []

        mutating func drop() {
            for file in files { try? base.storage.delete(file) }
            (made, files) = (nil, [])
        }
    }

    private var parts: [Part]
    private let catalog: any Catalog
    private let clock: TransactionClock
    private let isPatient: Bool
    /// The tables that the commit depends on and does not change.
    private var others: [Transaction.OtherTable]
    /// Attempts in a row in which only those were changed by others.
    private var outrunByOthers = 0
    /// How many of these are followed by the next one without a wait.
    private static let hurriedMax = 5

    /// - Parameter transactions: at least one, none of them empty, each on another table of the same catalog.
    init(_ transactions: [Transaction]) {
        let tables = Set(transactions.map(\.table.identifier))
        precondition(tables.count == transactions.count, "a table has two transactions in one commit")
        parts = transactions.map { transaction in
            let producers = transaction.changes.map { change in
                var change = change
                change.summaryEntries += transaction.summaryEntries
                return SnapshotProducer(change, transaction.table.storage, transaction.clock)
            }
            return Part(transaction: transaction, producers: producers, base: transaction.table)
        }
        catalog = transactions[0].table.catalog
        clock = transactions[0].clock
        isPatient = transactions.contains(where: \.isPatient)
        others = transactions.flatMap(\.others)
    }

    /// Returns the tables after the commit, in the order of the transactions.
    func run(onRetry: () -> Void = {}) throws(WeirError) -> [Table] {
        let policy = RetryPolicy(parts.map(\.base.properties), isPatient: isPatient)
        let deadline = clock.elapsedMs() + policy.totalTimeoutMs
        var attempt = 0
        do throws(WeirError) {
            while true {
                attempt += 1
                let overtaken: [TableIdentifier]
                switch try catalog.commit(try commits(attempt), clock: clock) {
                case .committed(let tables):
                    for part in parts { for producer in part.producers { producer.finish() } }
                    return Array(tables.prefix(parts.count))
                case .overtaken(let ids, let written):
                    overtaken = ids
                    keep(written)
                }
                // A process that was suspended in the first attempt gets another one: what it finds out then may be that
                // it has been replaced.
                guard attempt <= policy.retries, attempt == 1 || clock.elapsedMs() < deadline else {
                    throw exhausted(attempt, overtaken)
                }
                // A look at another table is quick, and in vain only if that one has changed once more.
                let isHurried = parts.allSatisfy { !overtaken.contains($0.base.identifier) }
                outrunByOthers = isHurried ? outrunByOthers + 1 : 0
                if !isHurried || outrunByOthers > Self.hurriedMax {
                    clock.sleep(policy.waitMs(attempt, clock.random()))
                }
                try refresh()
                onRetry()
            }
        } catch {
            // The outcome is unknown: keep the files, since the commit may have taken effect.
            if error.code != .unknownState { removeEverything() }
            throw error
        }
    }

    /// One attempt's commits: those of the tables, in their order, and then what others must not have changed.
    private func commits(_ attempt: Int) throws(WeirError) -> [TableCommit] {
        for part in parts {
            try located(part) { () throws(WeirError) in
                for check in part.transaction.requirements { try check(part.base.metadata) }
            }
        }
        for index in parts.indices where parts[index].made == nil {
            try located(parts[index]) { () throws(WeirError) in
                parts[index].made = try commit(&parts[index], attempt)
            }
        }
        var commits = parts.compactMap(\.made)
        var named = Set(commits.map(\.identifier))
        for other in others where named.insert(other.table.identifier).inserted {
            commits.append(.requiring(other.table))
        }
        return commits
    }

    private func commit(_ part: inout Part, _ attempt: Int) throws(WeirError) -> TableCommit {
        let base = part.base
        var builder = TableMetadataBuilder(base.metadata, nowMs: clock.nowMs())
        for edit in part.transaction.edits {
            for update in try edit.updates(builder.metadata) { try builder.apply(update) }
        }
        let expiry = ExpiryPart(builder.metadata, adding: part.producers.count, base.storage, nowMs: clock.nowMs())
        for (index, producer) in part.producers.enumerated() {
            let isLast = index == part.producers.count - 1
            part.files.append(try producer.apply(to: &builder, attempt, summary: isLast ? expiry.summary : [:]))
        }
        try addStatistics(to: &builder, &part)
        for update in expiry.updates { try builder.apply(update) }
        return .changing(base, builder.updates)
    }

    private func addStatistics(to builder: inout TableMetadataBuilder, _ part: inout Part) throws(WeirError) {
        if part.transaction.statistics.isEmpty { return }
        guard let snapshot = builder.metadata.currentSnapshot else {
            throw WeirError(.invalid, "statistics need a snapshot and the table has none")
        }
        for make in part.transaction.statistics {
            let file = try make(snapshot)
            if !part.base.metadata.statistics.contains(where: { $0.path == file.path }) {
                part.files.append(file.path)
            }
            try builder.apply(.setStatistics(file))
        }
    }

    /// Reads the tables that others have changed, all as of one moment.
    private func refresh() throws(WeirError) {
        let ids = parts.map(\.base.identifier) + others.map(\.table.identifier)
        let locations = try catalog.metadataLocations(of: ids)
        for (index, location) in zip(others.indices, locations.dropFirst(parts.count))
        where location != others[index].table.metadataLocation {
            let now = try Self.same(others[index].table, at: location)
            try others[index].check(now)
            others[index].table = now
        }
        for index in parts.indices {
            let now = try Self.same(parts[index].base, at: locations[index])
            if now.metadataLocation != parts[index].base.metadataLocation { parts[index].drop() }
            parts[index].base = now
        }
    }

    /// The newest state of a table. Another one that was made under its name is refused: the commit was made for the
    /// columns and snapshots of the old one.
    private static func same(_ table: Table, at location: String) throws(WeirError) -> Table {
        let now = try table.refreshed(at: location)
        guard now.metadata.tableUUID == table.metadata.tableUUID else {
            throw WeirError(
                .conflict,
                "table '\(table.identifier)' was dropped and made anew while it was being changed",
                advice: "start again"
            )
        }
        return now
    }

    /// Notes which metadata files of the last attempt serve the next one. What else it wrote for the tables is deleted.
    private func keep(_ written: [TableIdentifier: TableCommit.Base]) {
        for index in parts.indices {
            guard let file = written[parts[index].base.identifier] else {
                parts[index].drop()
                continue
            }
            if parts[index].made?.written == nil { parts[index].files.append(file.location) }
            parts[index].made?.written = file
        }
    }

    /// With several tables, or where the transaction has a name, an error says which one it is about.
    private func located<Result>(
        _ part: Part,
        _ body: () throws(WeirError) -> Result
    ) throws(WeirError) -> Result {
        do throws(WeirError) {
            return try body()
        } catch {
            let title = part.transaction.title ?? (parts.count > 1 ? "commit to \(part.base.identifier)" : nil)
            throw title.map { error.located(at: $0) } ?? error
        }
    }

    private func exhausted(_ attempts: Int, _ overtaken: [TableIdentifier]) -> WeirError {
        let names = overtaken.map { "'\($0)'" }.joined(separator: ", ")
        return WeirError(
            .conflict,
            "\(overtaken.count == 1 ? "table" : "the tables") \(names) "
                + "\(overtaken.count == 1 ? "was" : "were") changed by others on each of \(attempts) attempts",
            advice: isPatient
                ? "commit less often, or raise commit.retry.total-timeout-ms"
                : "raise commit.retry.num-retries or commit less often"
        )
    }

    private func removeEverything() {
        for index in parts.indices { parts[index].drop() }
        for part in parts { for producer in part.producers { producer.abandon() } }
    }
}

extension TableCommit {
    /// The commit of updates that were made from a table, with the requirements that they imply.
    fileprivate static func changing(_ table: Table, _ updates: [TableUpdate]) -> TableCommit {
        let metadata = table.metadata
        var requirements = [TableRequirement.tableUUID(metadata.tableUUID)]
        for update in updates {
            let implied: [TableRequirement] =
                switch update {
                case .addSnapshot, .removeSnapshots:
                    [.reference(name: TableMetadata.mainBranch, snapshotId: metadata.currentSnapshotId)]
                case .removeReference(let name):
                    [.reference(name: name, snapshotId: metadata.references[name]?.snapshotId)]
                case .addSchema: [.lastAssignedFieldId(metadata.lastColumnId)]
                case .setCurrentSchema: [.currentSchemaId(metadata.currentSchemaId)]
                case .addSpec: [.lastAssignedPartitionId(metadata.lastPartitionId)]
                case .setDefaultSpec: [.defaultSpecId(metadata.defaultSpecId)]
                case .setDefaultSortOrder: [.defaultSortOrderId(metadata.defaultSortOrderId)]
                default: []
                }
            for requirement in implied where !requirements.contains(requirement) { requirements.append(requirement) }
        }
        return TableCommit(table.identifier, requirements: requirements, updates: updates, base: table.asBase)
    }

    /// A commit that changes nothing and requires that a table is as it was.
    fileprivate static func requiring(_ table: Table) -> TableCommit {
        TableCommit(
            table.identifier,
            requirements: [
                .tableUUID(table.metadata.tableUUID),
                .reference(name: TableMetadata.mainBranch, snapshotId: table.metadata.currentSnapshotId),
            ],
            updates: [],
            base: table.asBase
        )
    }
}

extension Table {
    fileprivate var asBase: TableCommit.Base { TableCommit.Base(location: metadataLocation, metadata: metadata) }
}
