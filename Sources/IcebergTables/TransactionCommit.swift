import Bytes
import IcebergFormat
import ObjectStorage

/// Runs a transaction: attempts, retries, and cleanup of failed attempts.
///
/// Order of writes: manifests → manifest list → metadata file → catalog. Nothing references these files until the
/// catalog points to the metadata file.
final class TransactionCommit {
    private let transaction: Transaction
    private let storage: any ObjectStorage
    private let producers: [SnapshotProducer]
    /// Files of the current attempt, deleted if it fails.
    private var attemptFiles: [String] = []

    init(_ transaction: Transaction) {
        self.transaction = transaction
        storage = transaction.table.storage
        producers = transaction.changes.map { change in
            var change = change
            change.summary.merge(transaction.summary) { $1 }
            change.summaryProperties += transaction.summaryProperties
            return SnapshotProducer(change, transaction.table.storage, transaction.clock)
        }
    }

    func run() throws(WeirError) -> Table {
        let policy = RetryPolicy(transaction.table.properties, isPatient: transaction.isPatient)
        let deadline = transaction.clock.nowMs() + policy.totalTimeoutMs
        var base = transaction.table
        var attempt = 0
        while true {
            attempt += 1
            do throws(WeirError) {
                return try attemptOnce(on: base, attempt)
            } catch {
                // The outcome is unknown: keep the files, since the commit may have taken effect.
                if error.code == .unknownState { throw error }
                removeAttemptFiles()
                guard error.isLostRace else {
                    removeEverything()
                    throw error
                }
                guard attempt <= policy.retries, transaction.clock.nowMs() < deadline else {
                    removeEverything()
                    throw WeirError(
                        .conflict,
                        "table '\(base.identifier)' was changed by others on each of \(attempt) attempts",
                        advice: transaction.isPatient
                            ? "commit less often, or raise commit.retry.total-timeout-ms"
                            : "raise commit.retry.num-retries or commit less often"
                    )
                }
            }
            transaction.clock.sleep(policy.waitMs(attempt, transaction.clock.random()))
            do throws(WeirError) {
                base = try base.refreshed()
            } catch {
                removeEverything()
                throw error
            }
        }
    }

    private func attemptOnce(on base: Table, _ attempt: Int) throws(WeirError) -> Table {
        for check in transaction.requirements { try check(base.metadata) }
        var metadata = base.metadata
        for edit in transaction.edits { try edit.apply(to: &metadata) }
        for producer in producers {
            let list = try producer.apply(to: &metadata, attempt)
            attemptFiles.append(list)
        }
        try addStatistics(&metadata, base.metadata)
        let nowMs = transaction.clock.nowMs()
        let limit = metadata.properties["write.metadata.previous-versions-max"].flatMap { Int($0) } ?? 100
        let forgotten = metadata.supersede(
            base.metadataLocation,
            writtenAtMs: base.metadata.lastUpdatedMs,
            nowMs: nowMs,
            limit: limit
        )
        let path = MetadataPath.next(after: base.metadataLocation, in: metadata)
        attemptFiles.append(path)
        try storage.putNew(path, metadata.serialized())
        try swap(base, path, metadata)
        attemptFiles = []
        for producer in producers { producer.finish() }
        if metadata.properties["write.metadata.delete-after-commit.enabled"]?.lowercased() == "true" {
            for entry in forgotten { try? storage.delete(entry.path) }
        }
        return Table(
            identifier: base.identifier,
            metadata: metadata,
            metadataLocation: path,
            catalog: base.catalog,
            storage: storage
        )
    }

    private func addStatistics(_ metadata: inout TableMetadata, _ base: TableMetadata) throws(WeirError) {
        if transaction.statistics.isEmpty { return }
        guard let snapshot = metadata.currentSnapshot else {
            throw WeirError(.invalid, "statistics need a snapshot and the table has none")
        }
        for make in transaction.statistics {
            let file = try make(snapshot)
            if !base.statistics.contains(where: { $0.path == file.path }) { attemptFiles.append(file.path) }
            metadata.setStatistics(file)
        }
    }

    /// Commits to the catalog, which makes the changes visible.
    private func swap(_ base: Table, _ path: String, _ metadata: TableMetadata) throws(WeirError) {
        do throws(WeirError) {
            try base.catalog.commit(base.identifier, from: base.metadataLocation, to: path)
        } catch {
            if error.code == .conflict { throw WeirError.lostRace }
            if error.certainlyDidNothing { throw error }
            // The commit may have taken effect: ask the catalog.
            let lookup = CommitLookup(from: base, to: path, snapshots: Set(metadata.snapshots.map(\.id)))
            switch lookup.outcome(clock: transaction.clock) {
            case .happened: return
            case .lost: throw WeirError.lostRace
            case .unknown(let reason):
                throw WeirError(
                    .unknownState,
                    "whether the commit to table '\(base.identifier)' took effect is not known: \(error.message)"
                        + (reason.map { "; \($0)" } ?? ""),
                    at: path,
                    advice: "its files are kept; look whether the catalog names that file before you write again"
                )
            }
        }
    }

    private func removeAttemptFiles() {
        for path in attemptFiles { try? storage.delete(path) }
        attemptFiles = []
    }

    private func removeEverything() {
        removeAttemptFiles()
        for producer in producers { producer.abandon() }
    }
}

extension WeirError {
    /// Another metadata file was current at the commit. The only error that is retried.
    fileprivate static let lostRace = WeirError(.conflict, "another writer's commit came first")
    fileprivate var isLostRace: Bool { self == Self.lostRace }
}

/// `commit.retry.*` of a table.
struct RetryPolicy {
    let retries: Int
    let totalTimeoutMs: Int64
    private let minWaitMs: Int64
    private let maxWaitMs: Int64

    /// - Parameter isPatient: removes the limit on attempts.
    init(_ properties: [String: String], isPatient: Bool = false) {
        func number(_ key: String, _ fallback: Int64) -> Int64 {
            properties["commit.retry." + key].flatMap { Int64($0) }.map { max(0, min($0, 1 << 40)) } ?? fallback
        }
        retries = isPatient ? .max : Int(number("num-retries", 4))
        totalTimeoutMs = number("total-timeout-ms", 1_800_000)
        // Unlimited attempts need a minimum wait, or they would busy-loop.
        minWaitMs = max(isPatient ? 10 : 0, number("min-wait-ms", 100))
        maxWaitMs = max(isPatient ? 10 : 0, min(number("max-wait-ms", 60_000), isPatient ? 1000 : .max))
    }

    /// Exponential backoff. Random jitter of up to half the wait keeps writers from colliding again.
    func waitMs(_ attempt: Int, _ random: UInt64) -> Int64 {
        let full = min(maxWaitMs, minWaitMs << Int64(min(attempt - 1, 20)))
        return full - Int64(random % UInt64(full / 2 + 1))
    }
}
