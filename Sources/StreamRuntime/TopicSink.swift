import Bytes
import ChangeEvents
import EventEncoders
import EventLog

/// A topic that gets the changes of a table or a join, exactly once.
///
/// The transaction that appends an epoch's records also stores how far the sources are read, so a restart knows what
/// the topic holds. If several processes share the sources, each source partition has its own transactions, and the
/// process that reads the partition takes them over. Written by the file thread, committed by the committing thread.
final class TopicSink: PositionKeeper, @unchecked Sendable {
    /// Records of one epoch, by source partition.
    struct Cut: Sendable {
        fileprivate let batches: [TopicPartition?: [RawBatch]]
        /// The partitions that have brought changes since the start.
        fileprivate let taken: Set<TopicPartition>
    }

    /// The transactions of one source partition, or of all, and their last committed state. Used by the committing
    /// thread.
    private struct Share: Sendable {
        let appender: any TransactionalAppender
        var state: TopicState
        var committedAt: RunClock.Instant
    }

    /// Brokers expire what a group has committed after some days, so positions that do not move are committed again
    /// this often.
    static let renewalEvery = Duration.seconds(3600)

    /// The positions that the topic had when the run began.
    let start: PositionLedger
    private let output: TopicOutput
    private let encoder: EventEncoder
    private let isShared: Bool
    // Used by the file thread.
    private var batches: [TopicPartition?: [RawBatch]] = [:]
    private var taken: Set<TopicPartition> = []
    private(set) var pendingBytes: Int64 = 0
    // Used by the committing thread.
    private var shares: [TopicPartition?: Share] = [:]

    /// - Parameters:
    ///   - partitions: the partitions to take over from other processes; nil when this process is the only one.
    ///   - shareable: partitions that processes may have shared before.
    ///   - keepsStart: whether a topic whose route has changed is read from where the topology started reading it.
    init?(
        _ output: TopicOutput,
        partitions: Set<TopicPartition>? = nil,
        shareable: [TopicPartition] = [],
        keepsStart: (_ topic: String) -> Bool = { _ in false },
        now: RunClock.Instant = RunClock.system.now
    ) throws(WeirError) {
        self.output = output
        isShared = partitions != nil
        let keys = partitions.map { $0.sorted().map(Optional.some) } ?? [nil]
        let isShared = self.isShared
        let opened = try concurrently(keys) { (key) throws(WeirError) -> Share in
            let appender = try Self.fencing(isShared) { () throws(WeirError) in try output.open(key) }
            do throws(WeirError) {
                let state = try Self.fencing(isShared) { () throws(WeirError) in try Self.state(of: appender) }
                return Share(appender: appender, state: state, committedAt: now)
            } catch {
                throw error.located(at: "topic \(appender.topic)")
            }
        }
        shares = Dictionary(uniqueKeysWithValues: zip(keys, opened))
        // A process without partitions gets no changes.
        guard let any = opened.first?.appender else { return nil }
        do {
            let earlier = try concurrently(output.earlier(isShared, shareable)) { (one) throws(WeirError) in
                try Self.fencing(isShared) { () throws(WeirError) in try one.claimed() }
            }
            for (key, share) in shares {
                var state = Self.absorbing(earlier, share.state, key)
                state.forget(notOf: output.route, keepsStart: keepsStart)
                shares[key]?.state = state
            }
        } catch {
            throw error.located(at: "topic \(any.topic)")
        }
        start = shares.values.reduce(into: PositionLedger()) { $0.merge($1.state.positions) }
        encoder = try EventEncoder(
            output.format,
            schema: output.schema,
            primaryKey: output.primaryKey,
            table: output.table,
            topic: any.topic,
            partitions: any.partitions
        )
    }

    /// The last committed state. If another writer committed it, that writer may be about to commit again, so it is
    /// fenced and the state is read again. This happens once, since the next state names this writer.
    private static func state(of appender: any TransactionalAppender) throws(WeirError) -> TopicState {
        func stored() throws(WeirError) -> TopicState? {
            try appender.committedState().map { (text) throws(WeirError) in try TopicState(text: text) }
        }
        var state = try stored()
        if let known = state, known.writer != appender.writer {
            try appender.shutOut(writer: known.writer)
            state = try stored()
        }
        var own = state ?? TopicState()
        own.writer = appender.writer
        return own
    }

    /// The index of the run's table whose changes go here.
    var sink: Int { output.sink }

    func write(_ batch: ChangeBatch, topic: String, partition: Int) throws(WeirError) {
        let source = TopicPartition(topic: topic, partition: partition)
        guard let new = batch.dropping(before: start.next(source)) else { return }
        let encoded = try encoder.encode(new, nowMilliseconds: WallClock.milliseconds())
        batches[isShared ? source : nil, default: []] += encoded
        taken.insert(source)
        pendingBytes += encoded.reduce(0) { $0 + Int64($1.arena.count) }
    }

    /// The rows of a batch that the format cannot express, with the reason. Rows before the topic's position were
    /// refused earlier and are left out.
    func refused(_ batch: ChangeBatch, topic: String, partition: Int) -> [(row: Int, reason: String)] {
        guard !output.format.hasDeletes else { return [] }
        let next = start.next(TopicPartition(topic: topic, partition: partition)) ?? .min
        return (0..<batch.count).filter { batch.kind($0) == .delete && batch.offset($0) >= next }.map { row in
            (row, "the sink of format \(output.format.rawValue) of \(output.table) cannot express a delete: \(advice)")
        }
    }

    private var advice: String {
        output.primaryKey.isEmpty ? "use debezium-json" : "use upsert-kafka or debezium-json"
    }

    func cut() -> Cut {
        defer {
            batches = [:]
            pendingBytes = 0
        }
        return Cut(batches: batches, taken: taken)
    }

    /// Appends an epoch and the positions it covers, atomically for each share. Fails with `fenced` when another
    /// process has taken over a share.
    ///
    /// - Parameters:
    ///   - last: the records right before the positions.
    ///   - recordsPositions: whether to commit even if only positions have changed.
    ///   - isStart: nothing was read yet: the positions are where the run begins.
    func commit(
        _ cut: Cut,
        read: PositionLedger,
        last: LastRecords = LastRecords(),
        recordsPositions: Bool,
        isStart: Bool = false,
        now: RunClock.Instant = RunClock.system.now
    ) throws(WeirError) {
        precondition(cut.batches.keys.allSatisfy { shares[$0] != nil }, "rows of a partition of another process")
        let note = PositionRoutes.Note(route: output.route, taken: cut.taken, isStart: isStart)
        var due: [(key: TopicPartition?, share: Share, state: TopicState)] = []
        for (key, share) in shares {
            var state = share.state
            let own = Self.part(of: read, key)
            state.last.merge(last.reached(by: own, from: state.positions), of: own)
            state.routes.record(own, after: state.positions, note)
            state.positions.merge(own)
            let isOld = !state.positions.isEmpty && now - share.committedAt >= Self.renewalEvery
            let hasMoved = state.positions != share.state.positions
            if cut.batches[key] == nil && !(recordsPositions && (hasMoved || isOld)) { continue }
            due.append((key, share, state))
        }
        let isShared = self.isShared
        let outcomes = try concurrently(due) { (key, share, state) throws(WeirError) in
            Result { () throws(WeirError) in
                try Self.commit(cut.batches[key] ?? [], state, to: share.appender, isShared: isShared)
            }
        }
        for (outcome, (key, _, state)) in zip(outcomes, due) {
            guard case .success = outcome else { continue }
            shares[key]?.state = state
            shares[key]?.committedAt = now
        }
        for outcome in outcomes { try outcome.get() }
    }

    private static func commit(
        _ batches: [RawBatch],
        _ state: TopicState,
        to appender: any TransactionalAppender,
        isShared: Bool
    ) throws(WeirError) {
        do throws(WeirError) {
            // If the state is too large, leave out the last records, then the routes. Without them the next start
            // cannot detect a replaced log or a changed route.
            let texts = [state.text(), state.text(withLast: false)]
            let text = texts.first { appender.fits(state: $0) } ?? state.text(withLast: false, withRoutes: false)
            try appender.commit(batches, state: text)
        } catch {
            let isLocated = error.location?.contains("topic \(appender.topic)") ?? false
            let located = isLocated ? error : error.located(at: "commit to topic \(appender.topic)")
            throw isShared && error.code == .conflict ? located.fencing : located
        }
    }

    /// Turns a conflict into `fenced` if processes share the sources: another process has then taken over the
    /// partition.
    private static func fencing<Result>(
        _ isShared: Bool,
        _ body: () throws(WeirError) -> Result
    ) throws(WeirError) -> Result {
        do { return try body() } catch { throw isShared && error.code == .conflict ? error.fencing : error }
    }

    /// A share's state with what transactions of other ids have stored since it was written.
    private static func absorbing(
        _ earlier: [(id: String, state: TopicState, count: Int64)],
        _ state: TopicState,
        _ partition: TopicPartition?
    ) -> TopicState {
        var merged = state
        merged.earlier = merged.earlier ?? [:]
        for (id, other, count) in earlier {
            let part = partition.map { other.restricted(to: $0) } ?? other
            // Brokers may have expired the id's state, or not return it.
            if count == 0 { continue }
            if let known = state.earlier {
                // Only one id is used at a time: what was written since is based on this state, and may have moved
                // positions back. Brokers that have expired an id count from the beginning again.
                if known[id] != count { merged.replace(with: part) }
            } else {
                // It is not known which of the two is newer.
                merged.merge(part)
            }
            merged.earlier = (merged.earlier ?? [:]).merging([id: count]) { $1 }
        }
        return merged
    }

    /// A share's part of positions: all of them when there is only one share.
    private static func part(of ledger: PositionLedger, _ partition: TopicPartition?) -> PositionLedger {
        partition.map { ledger.restricted(to: $0) } ?? ledger
    }

    // MARK: Positions

    var positions: PositionLedger { shares.values.reduce(into: PositionLedger()) { $0.merge($1.state.positions) } }
    var lastRecords: LastRecords {
        shares.values.reduce(into: LastRecords()) { $0.merge($1.state.last, of: $1.state.positions) }
    }

    func move(to moves: PositionLedger) throws(WeirError) {
        for (key, share) in shares {
            let own = Self.part(of: moves, key)
            if own.isEmpty { continue }
            var state = share.state
            for (partition, next) in own.positions {
                state.positions.move(partition, to: next)
                state.last.remove(partition)
            }
            try Self.commit([], state, to: share.appender, isShared: isShared)
            shares[key]?.state = state
        }
    }
}

extension WeirError {
    /// The same error as `fenced`: the partitions of this process were taken over.
    fileprivate var fencing: WeirError { WeirError(.fenced, message, at: location, advice: advice) }
}

extension ChangeBatch {
    /// The changes from a source offset on; nil when there are none.
    func dropping(before next: Int64?) -> ChangeBatch? {
        guard let next, count > 0, offset(0) < next else { return count > 0 ? self : nil }
        guard let first = (0..<count).first(where: { offset($0) >= next }) else { return nil }
        return gathered((first..<count).map { Int32($0) })
    }
}
