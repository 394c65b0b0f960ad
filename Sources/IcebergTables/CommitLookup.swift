import Bytes
import IcebergFormat
import ObjectStorage

/// Finds out whether a catalog commit whose response was lost took effect.
///
/// The catalog replaces the old metadata file only while it is current. So the commit has happened if the new file is
/// current or in the metadata log of the current file. It can never happen once another file has replaced the old one.
/// While the old file is still current, the commit may still be in flight.
struct CommitLookup {
    enum Outcome: Equatable {
        case happened
        /// Another commit replaced the old metadata file.
        case lost
        case unknown(reason: String?)
    }

    private let old: Table
    private let path: String
    /// Ids of the snapshots that this commit adds.
    private let made: Set<Int64>

    static let attempts = 4
    static let waitMs: Int64 = 50

    /// - Parameter snapshots: ids of all snapshots in the new metadata.
    init(from old: Table, to path: String, snapshots: Set<Int64>) {
        self.old = old
        self.path = path
        made = snapshots.subtracting(old.metadata.snapshots.map(\.id))
    }

    /// Asks the catalog, and retries while the outcome is unknown.
    func outcome(clock: TransactionClock) -> Outcome {
        var outcome = Outcome.unknown(reason: nil)
        for attempt in 0..<Self.attempts {
            if attempt > 0 { clock.sleep(Self.waitMs << Int64(attempt - 1)) }
            do throws(WeirError) {
                let current = try old.catalog.metadataLocation(of: old.identifier)
                if current == path { return .happened }
                if current == old.metadataLocation {
                    outcome = .unknown(reason: "the catalog still names the file before it")
                    continue
                }
                let bytes = try old.storage.read(current)
                outcome = decide(try TableMetadata.parse(bytes, at: current), at: current)
            } catch {
                outcome = .unknown(reason: error.message)
                continue
            }
            if case .unknown = outcome { continue }
            return outcome
        }
        return outcome
    }

    /// Decides the outcome from the current metadata.
    func decide(_ metadata: TableMetadata, at current: String) -> Outcome {
        if metadata.metadataLog.contains(where: { $0.path == path }) { return .happened }
        let log = metadata.metadataLog.map(\.path) + [current]
        // The old file was replaced, and not by this commit.
        if log.dropLast().contains(old.metadataLocation) { return .lost }
        // The metadata log is truncated. Snapshots may outlive it, but they may have expired too.
        if !made.isEmpty, metadata.snapshots.contains(where: { made.contains($0.id) }) { return .happened }
        return .unknown(reason: "the table's history does not reach back to it")
    }
}
