import ChangeEvents
import LogStores

/// Puts changes that a LogStore has ahead of their commits into the order of the commits, so that all changes of one come
/// between the end of the one before and its own.
///
/// A LogStore does not tell where a commit ends: the next epoch's rows follow at once, and partitions and writers are
/// interleaved. Of one writer's rows, those of the epoch that is committed next are passed on as they come, and all others
/// wait. With several writers it is not known which commits next, so all rows wait for their commit. Rows that were passed
/// on and are not of the next commit after all are taken back.
struct CommitOrder {
    private struct Group: Hashable {
        let upstream: UpstreamID
        let epoch: Int64

        init(_ changes: LogStoreChanges) {
            upstream = changes.upstream
            epoch = changes.epoch
        }
    }

    /// Whether rows may be passed on ahead of their commit: there is one writer.
    var mayLead: Bool
    /// The epoch whose rows are passed on as they come.
    private var leading: Group?
    /// Rows of that epoch which are passed on, oldest first.
    private var passed: [LogStoreChanges] = []
    /// All other rows, oldest first.
    private var held: [LogStoreChanges] = []

    init(mayLead: Bool) { self.mayLead = mayLead }

    /// Takes what the log has, and returns what is passed on at once.
    mutating func take(_ changes: [LogStoreChanges]) -> [ChangeBatch] {
        var batches: [ChangeBatch] = []
        for change in changes {
            let group = Group(change)
            if mayLead, leading == nil, held.isEmpty, !change.isRetraction { leading = group }
            if leading == group {
                passed.append(change)
                batches.append(change.batch)
            } else {
                held.append(change)
            }
        }
        return batches
    }

    /// A commit: returns what must be passed on before its end, and how many changes it has.
    ///
    /// - Parameters:
    ///   - covers: whether it, or one before, has the rows of a writer's epoch.
    ///   - hasEnded: whether a writer has ended. What no commit has of it was taken back.
    mutating func commit(
        covers: (UpstreamID, _ epoch: Int64) -> Bool,
        hasEnded: (UpstreamID) -> Bool
    ) -> (batches: [ChangeBatch], changes: Int64) {
        func isCovered(_ changes: LogStoreChanges) -> Bool { covers(changes.upstream, changes.epoch) }
        var batches: [ChangeBatch] = []
        if let leading, !covers(leading.upstream, leading.epoch) {
            batches = undo
            held = passed + held
            passed = []
        }
        leading = nil
        let released = held.filter(isCovered)
        batches += released.map(\.batch)
        let changes = (passed + released).reduce(Int64(0)) {
            $0 + Int64($1.isRetraction ? -$1.batch.count : $1.batch.count)
        }
        passed = []
        held.removeAll { isCovered($0) || hasEnded($0.upstream) }
        return (batches, changes)
    }

    /// After a commit: what may be passed on ahead of the next one.
    mutating func lead() -> [ChangeBatch] {
        guard mayLead, leading == nil, let first = held.first(where: { !$0.isRetraction }) else { return [] }
        let group = Group(first)
        leading = group
        passed = held.filter { Group($0) == group }
        held.removeAll { Group($0) == group }
        return passed.map(\.batch)
    }

    /// What takes back all rows that are passed on and have no commit yet.
    var undo: [ChangeBatch] { passed.reversed().map { $0.inverted() } }
}
