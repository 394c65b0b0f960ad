import Bytes
import IcebergFormat
import ObjectStorage

/// Finds out whether a catalog commit whose response was lost took effect.
///
/// The catalog moves all pointers of a commit or none, and each only while the old metadata file is current. So the
/// commit has happened if one of its files is current or in the metadata log of the table's current file. It can never
/// happen once another file has replaced one of the old ones. While the old files are still current, the commit may
/// still be in flight, unless the catalog knows that none is.
struct CommitLookup {
    enum Outcome: Equatable {
        case happened
        /// It never will.
        case didNothing
        /// Other commits replaced the old metadata files of these tables.
        case lost([TableIdentifier])
        case unknown(reason: String?)
    }

    private let changes: [PointerCommit.Change]
    private let catalog: any Catalog

    static let attempts = 4
    static let waitMs: Int64 = 50

    /// - Parameter changes: the tables whose pointers the commit moves.
    init(_ changes: [PointerCommit.Change], _ catalog: any Catalog) {
        self.changes = changes
        self.catalog = catalog
    }

    /// Asks the catalog about every table, and retries while the outcome is unknown.
    func outcome(clock: TransactionClock) -> Outcome {
        let isSettled: Bool
        do throws(WeirError) {
            isSettled = try catalog.settle()
        } catch {
            return .unknown(reason: error.message)
        }
        var outcome = Outcome.unknown(reason: nil)
        for attempt in 0..<Self.attempts {
            if attempt > 0 { clock.sleep(Self.waitMs << Int64(attempt - 1)) }
            outcome = Self.combined(changes.map { ($0.new.identifier, look($0, isSettled)) })
            if case .unknown = outcome { continue }
            return outcome
        }
        return outcome
    }

    private enum Trace: Equatable {
        case happened
        case didNothing
        case lost
        case unknown(reason: String?)
    }

    /// One table decides for all, unless they contradict each other.
    private static func combined(_ traces: [(id: TableIdentifier, trace: Trace)]) -> Outcome {
        let lost = traces.filter { $0.trace == .lost }.map(\.id)
        let happened = traces.filter { $0.trace == .happened }.map(\.id)
        let nothing = traces.filter { $0.trace == .didNothing }.map(\.id)
        if let one = happened.first, let other = lost.first ?? nothing.first {
            return .unknown(reason: "table '\(one)' has it and table '\(other)' has not")
        }
        if !happened.isEmpty { return .happened }
        if !lost.isEmpty { return .lost(lost) }
        if !nothing.isEmpty { return .didNothing }
        for case (_, .unknown(let reason?)) in traces { return .unknown(reason: reason) }
        return .unknown(reason: nil)
    }

    private func look(_ change: PointerCommit.Change, _ isSettled: Bool) -> Trace {
        do throws(WeirError) {
            let current = try catalog.metadataLocation(of: change.new.identifier)
            if current == change.new.metadataLocation { return .happened }
            if current == change.old.metadataLocation {
                if isSettled { return .didNothing }
                return .unknown(reason: "the catalog still names the file before it")
            }
            let bytes = try catalog.storage.read(current)
            return Self.decide(change, try TableMetadata.parse(bytes, at: current), at: current)
        } catch {
            return .unknown(reason: error.message)
        }
    }

    /// Decides from the current metadata of a table.
    private static func decide(_ change: PointerCommit.Change, _ metadata: TableMetadata, at current: String) -> Trace {
        if metadata.metadataLog.contains(where: { $0.path == change.new.metadataLocation }) { return .happened }
        let log = metadata.metadataLog.map(\.path) + [current]
        // The old file was replaced, and not by this commit.
        if log.dropLast().contains(change.old.metadataLocation) { return .lost }
        // The metadata log is truncated. Snapshots may outlive it, but they may have expired too.
        let made = Set(change.new.metadata.snapshots.map(\.id)).subtracting(change.old.metadata.snapshots.map(\.id))
        if !made.isEmpty, metadata.snapshots.contains(where: { made.contains($0.id) }) { return .happened }
        return .unknown(reason: "the table's history does not reach back to it")
    }
}
