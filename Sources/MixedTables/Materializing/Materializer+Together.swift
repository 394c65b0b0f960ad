import Bytes
import IcebergFormat
import IcebergTables

extension Materializer {
    /// What a common step did for one table.
    public enum CommonStep: Sendable {
        case done(Step)
        /// The table lags behind: it needs a step of its own.
        case lags
        case failed(WeirError)
    }

    /// How often the changes of a table are merged again because others came first, before the other tables go on without.
    private static let mergesMax = 3
    /// How often the commit is made again because others always changed a pointer first.
    private static let racesMax = 5

    /// Moves everything that base of several tables lacks in one commit.
    ///
    /// Stores are read as of one moment. A reader that reads them likewise sees base of all these tables at the same
    /// commit of a run that commits their changes together.
    ///
    /// A table that cannot keep up does not hold up the others. It is left out, and takes steps of its own until it has
    /// caught up, if it has more than `bytesMax` to move, if its keys are not in memory yet, or if others have changed
    /// its base during each of some attempts.
    ///
    /// - Parameters:
    ///   - members: tables of one catalog, each once.
    ///   - bytesMax: for each table.
    ///   - rewriteBytes: for all tables.
    ///   - onBacklog: like that of `step`, with the index of the table.
    /// - Returns: what was done for each of the tables. After an error of the commit nothing is moved, unless its
    ///   outcome is unknown.
    public static func stepTogether(
        _ members: [Materializer],
        bytesMax: Int64 = 64 << 20,
        rewriteBytes: Int64 = 128 << 20,
        nowMilliseconds: Int64,
        check: () throws(WeirError) -> Void = {},
        onBacklog: (Int, MaterializeBacklog) -> Void = { _, _ in }
    ) throws(WeirError) -> [CommonStep] {
        var results = [CommonStep](repeating: .lags, count: members.count)
        var moves: [Int: Move] = [:]
        var merges = [Int](repeating: 0, count: members.count)

        func look(_ index: Int, at state: MixedTable) throws(WeirError) -> Pending? {
            let member = members[index]
            switch try member.look(
                at: state,
                nowMilliseconds: nowMilliseconds,
                check: check,
                onBacklog: { onBacklog(index, $0) }
            ) {
            case .nothing(let step): results[index] = .done(step)
            case .changes(let pending):
                if pending.isAll, pending.bytes <= bytesMax, member.hasKeys { return pending }
                results[index] = .lags
            }
            return nil
        }

        func merge(_ index: Int, _ pending: Pending, _ rewriteBytes: Int64) throws(WeirError) {
            merges[index] += 1
            moves[index] = try members[index].merge(
                pending,
                bytesMax: .max,
                rewriteBytes: rewriteBytes,
                nowMilliseconds: nowMilliseconds,
                check: check,
                onBacklog: { onBacklog(index, $0) }
            )
        }

        /// A failure of one table is its own; a request to end is not.
        func attempt(_ index: Int, _ work: () throws(WeirError) -> Void) throws(WeirError) {
            do throws(WeirError) {
                try work()
            } catch {
                guard error.code != .cancelled else { throw error }
                results[index] = .failed(error)
            }
        }

        do throws(WeirError) {
            var pending: [(index: Int, changes: Pending)] = []
            for (index, state) in try MixedTable.refreshed(members.map(\.table)).enumerated() {
                try attempt(index) { () throws(WeirError) in
                    if let changes = try look(index, at: state) { pending.append((index, changes)) }
                }
            }
            let share = rewriteBytes / Int64(max(1, pending.count))
            for (index, changes) in pending {
                try attempt(index) { () throws(WeirError) in try merge(index, changes, share) }
            }
            var races = 0
            while !moves.isEmpty {
                try check()
                let indices = moves.keys.sorted()
                var all = MultiTableTransaction()
                for index in indices { if let move = moves[index] { all.add(move.transaction) } }
                let stores: [Table]
                do throws(WeirError) {
                    stores = try all.commit()
                } catch {
                    guard error.code == .conflict else { throw error }
                    // Those whose base others have changed, or want to have left alone, are merged again.
                    let states = try MixedTable.refreshed(indices.map { members[$0].table })
                    var isAnyRefused = false
                    for (index, state) in zip(indices, states) {
                        let member = members[index]
                        let isMoved =
                            state.base.metadata.currentSnapshotId != member.table.base.metadata.currentSnapshotId
                        guard isMoved || state.isHeld(nowMilliseconds) else { continue }
                        isAnyRefused = true
                        if let move = moves.removeValue(forKey: index) { member.discard(move) }
                        guard merges[index] < mergesMax else {
                            results[index] = .done(state.isHeld(nowMilliseconds) ? .held : .outrun)
                            continue
                        }
                        // The changes up to the same moment, on top of what base is now.
                        try attempt(index) { () throws(WeirError) in
                            if let changes = try look(index, at: member.table.with(base: state.base)) {
                                try merge(index, changes, 0)
                            }
                        }
                    }
                    // Others have changed pointers only, such as properties of base.
                    if !isAnyRefused { races += 1 }
                    if races >= racesMax {
                        for index in indices {
                            if let move = moves.removeValue(forKey: index) { members[index].discard(move) }
                            results[index] = .done(.outrun)
                        }
                    }
                    continue
                }
                for (index, base) in zip(indices, stores) {
                    guard let move = moves.removeValue(forKey: index) else { continue }
                    results[index] = .done(
                        members[index].finish(move, base, check: check, onBacklog: { onBacklog(index, $0) })
                    )
                }
            }
        } catch {
            if error.code != .unknownState {
                for (index, move) in moves { members[index].discard(move) }
            }
            throw error
        }
        return results
    }
}
