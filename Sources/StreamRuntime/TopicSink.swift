import Bytes
import ChangeEvents
import EventEncoders
import EventLog
import Foundation

/// A topic that gets the changes of a table or a join, exactly once.
///
/// The transaction that appends an epoch's records also stores how far the sources are read, so a restart knows what the
/// topic holds. Where several processes share the sources, each partition of them has transactions of its own, which
/// whoever reads the partition takes over. Written by the thread of the files, committed by the committing thread.
final class TopicSink: @unchecked Sendable {
    /// Records of one epoch, by the partition of the source they come from.
    struct Cut: Sendable {
        fileprivate let batches: [TopicPartition?: [RawBatch]]
    }

    /// Transactions and how far they have got. Used by the committing thread.
    private struct Share: Sendable {
        let appender: any TransactionalAppender
        var committed: PositionLedger
        var committedAt = Date()
    }

    /// Brokers forget what a group has committed after some days; what stands still is told again this often.
    static let renewalSeconds = 3600.0

    /// What the topic got already when the run began.
    let start: PositionLedger
    private let output: TopicOutput
    private let encoder: EventEncoder
    private let isShared: Bool
    // Used by the thread of the files.
    private var batches: [TopicPartition?: [RawBatch]] = [:]
    private(set) var pendingBytes: Int64 = 0
    // Used by the committing thread.
    private var shares: [TopicPartition?: Share] = [:]

    /// - Parameters:
    ///   - partitions: those to take over from whichever process had them; nil when this process is the only one.
    ///   - shareable: partitions that processes may have shared before.
    init?(
        _ output: TopicOutput,
        partitions: Set<TopicPartition>? = nil,
        shareable: [TopicPartition] = []
    ) throws(WeirError) {
        self.output = output
        isShared = partitions != nil
        let places = partitions.map { $0.sorted().map(Optional.some) } ?? [nil]
        let opened = try concurrently(places) { (place) throws(WeirError) -> Share in
            let appender = try output.open(place)
            do throws(WeirError) {
                let state = try appender.committedState()
                let ledger = try state.map { (text) throws(WeirError) in try PositionLedger(json: text) }
                return Share(appender: appender, committed: ledger ?? PositionLedger())
            } catch {
                throw error.located(at: "topic \(appender.topic)")
            }
        }
        shares = Dictionary(uniqueKeysWithValues: zip(places, opened))
        var start = PositionLedger()
        for share in opened { start.merge(share.committed) }
        // Nothing comes to a process without partitions.
        guard let any = opened.first?.appender else { return nil }
        let own = partitions.map { places in
            places.reduce(into: PositionLedger()) { $0.move(topic: $1.topic, partition: $1.partition, to: 0) }
        }
        do {
            for earlier in output.earlier(isShared, shareable) {
                start.merge(try earlier.ledger(beyond: start, of: own))
            }
        } catch {
            throw error.located(at: "topic \(any.topic)")
        }
        for place in shares.keys { shares[place]?.committed.merge(Self.part(of: start, place)) }
        self.start = start
        encoder = try EventEncoder(
            output.format,
            schema: output.schema,
            primaryKey: output.primaryKey,
            table: output.table,
            topic: any.topic,
            partitions: any.partitions
        )
    }

    /// The place among the run's tables whose changes go here.
    var sink: Int { output.sink }

    func write(_ batch: ChangeBatch, topic: String, partition: Int) throws(WeirError) {
        guard let new = batch.dropping(before: start.next(topic: topic, partition: partition)) else { return }
        let encoded = try encoder.encode(new, nowMilliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        let place = isShared ? TopicPartition(topic: topic, partition: partition) : nil
        batches[place, default: []] += encoded
        pendingBytes += encoded.reduce(0) { $0 + Int64($1.arena.count) }
    }

    func cut() -> Cut {
        defer {
            batches = [:]
            pendingBytes = 0
        }
        return Cut(batches: batches)
    }

    /// Appends an epoch and the positions it covers: for each share all or nothing. Fails with `fenced` when another
    /// process has taken one over.
    ///
    /// - Parameter recordsPositions: whether positions alone are worth a transaction.
    func commit(
        _ cut: Cut,
        read: PositionLedger,
        recordsPositions: Bool,
        now: Date = Date()
    ) throws(WeirError) {
        precondition(cut.batches.keys.allSatisfy { shares[$0] != nil }, "rows of a partition of another process")
        var due: [(place: TopicPartition?, share: Share, ledger: PositionLedger)] = []
        for (place, share) in shares {
            var ledger = share.committed
            ledger.merge(Self.part(of: read, place))
            let isOld = !ledger.isEmpty && now.timeIntervalSince(share.committedAt) >= Self.renewalSeconds
            if cut.batches[place] == nil && !(recordsPositions && (ledger != share.committed || isOld)) { continue }
            due.append((place, share, ledger))
        }
        let isShared = self.isShared
        let outcomes = try concurrently(due) { (place, share, ledger) throws(WeirError) in
            Result { () throws(WeirError) in
                do throws(WeirError) {
                    try share.appender.commit(cut.batches[place] ?? [], state: ledger.json)
                } catch {
                    let located = error.located(at: "commit to topic \(share.appender.topic)")
                    throw isShared && error.code == .conflict ? located.fencing : located
                }
            }
        }
        for (outcome, (place, _, ledger)) in zip(outcomes, due) {
            guard case .success = outcome else { continue }
            shares[place]?.committed = ledger
            shares[place]?.committedAt = now
        }
        for outcome in outcomes { try outcome.get() }
    }

    /// A share's part of positions: all of them when there is only one share.
    private static func part(of ledger: PositionLedger, _ place: TopicPartition?) -> PositionLedger {
        place.map { ledger.restricted(to: PositionLedger([$0.topic: [$0.partition: 0]])) } ?? ledger
    }

    /// Takes back positions that were counted in logs that are not there any more. Called when no commit is under way.
    func move(_ replaced: [ReplacedPartition]) throws(WeirError) {
        for share in shares.values {
            let moves = ReplacedPartition.moves(replaced, in: share.committed)
            if moves.isEmpty { continue }
            var ledger = share.committed
            for (topic, partitions) in moves.positions {
                for (partition, next) in partitions { ledger.move(topic: topic, partition: partition, to: next) }
            }
            try share.appender.commit([], state: ledger.json)
        }
    }
}

extension WeirError {
    /// The same, as what a process meets whose partitions were taken over.
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
