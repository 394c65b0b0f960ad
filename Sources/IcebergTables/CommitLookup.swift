import Bytes
import IcebergFormat
import ObjectStorage

/// What became of a swap whose answer was lost.
///
/// The catalog replaces one metadata file by another only while the first is current. So the commit has happened when ours
/// is current or among those that came before the current one, and it never will once another has taken the place of
/// the old one. While the old file is still current the swap may be on its way.
struct CommitLookup {
    enum Outcome: Equatable {
        case happened
        /// Another commit has taken the place.
        case lost
        case unknown(reason: String?)
    }

    private let old: Table
    private let path: String
    /// Snapshots that this commit makes.
    private let made: Set<Int64>

    static let attempts = 4
    static let waitMs: Int64 = 50

    /// - Parameter snapshots: of the new metadata.
    init(from old: Table, to path: String, snapshots: Set<Int64>) {
        self.old = old
        self.path = path
        made = snapshots.subtracting(old.metadata.snapshots.map(\.id))
    }

    /// Asks again while nothing decides it.
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

    /// What later metadata says of the commit.
    func decide(_ metadata: TableMetadata, at current: String) -> Outcome {
        if metadata.metadataLog.contains(where: { $0.path == path }) { return .happened }
        let log = metadata.metadataLog.map(\.path) + [current]
        // Whatever follows the old file took its place.
        if log.dropLast().contains(old.metadataLocation) { return .lost }
        // The log is cut short. Snapshots outlive it, but may have expired too.
        if !made.isEmpty, metadata.snapshots.contains(where: { made.contains($0.id) }) { return .happened }
        return .unknown(reason: "the table's history does not reach back to it")
    }
}
