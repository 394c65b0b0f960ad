import Bytes
import ChangeEvents
import EventLog

extension IngestRun {
    /// How often a partition may be suspected while no record arrives, before the run fails.
    private static let suspicionsMax = 5
    private static let pause = Duration.milliseconds(500)

    /// The decision for one partition: which keepers' positions move, and where to.
    private struct Judgement: Sendable {
        let verdicts: [LogVerdict]
        let goesBack: [Bool]
        let next: Int64
        let text: String
    }

    /// Checks logs that seem to have been replaced, and resets the positions that refer to the old logs, or fails if
    /// the source's `onLostOffsets` is `fail`.
    ///
    /// - Parameter keepers: everything that stores positions.
    func settle(_ suspected: [SuspectedLog], _ keepers: [any PositionKeeper]) throws(WeirError) {
        if suspected.isEmpty { return }
        if suspicions.records != progress.records { suspicions = (progress.records, [:]) }
        for suspect in suspected {
            let times = suspicions.times[suspect.partition, default: 0] + 1
            suspicions.times[suspect.partition] = times
            guard times <= Self.suspicionsMax else { throw suspect.sign }
        }
        let judgements = try concurrently(suspected) { [self] (suspect) throws(WeirError) in
            try judge(suspect, keepers)
        }
        // Keepers whose record mark shows the replacement move last: if the process ends in between, the next run
        // detects it again.
        var first = keepers.map { _ in PositionLedger() }
        var second = first
        for case (let suspect, let judgement?) in zip(suspected, judgements) {
            for index in keepers.indices where judgement.goesBack[index] {
                if case .stale = judgement.verdicts[index] {
                    second[index].move(suspect.partition, to: judgement.next)
                } else {
                    first[index].move(suspect.partition, to: judgement.next)
                }
            }
            warn(judgement.text, again: true)
        }
        for moves in [first, second] {
            for (keeper, moves) in zip(keepers, moves) where !moves.isEmpty { try keeper.move(to: moves) }
        }
        // Logs were missing only for a moment: wait before the next attempt.
        if judgements.allSatisfy({ $0 == nil }) { clock.pause(for: Self.pause) }
    }

    /// Nil when no position moves.
    private func judge(
        _ suspect: SuspectedLog,
        _ keepers: [any PositionKeeper]
    ) throws(WeirError) -> Judgement? {
        let source = plan.sources[suspect.source]
        let (topic, number) = (suspect.partition.topic, suspect.partition.partition)
        // A topic that is missing again is handled where it is read.
        guard try source.log.topics().contains(topic) else { return nil }
        let name = plan.sources.count > 1 ? source.name : nil
        guard try source.log.partitions(of: topic).contains(number) else {
            guard source.onLostOffsets != .fail else { throw SuspectedLog.error(suspect.sign, source: name) }
            // If the partition is created again, it is read from offset 0.
            return Judgement(
                verdicts: keepers.map { _ in .unknown },
                goesBack: keepers.map { $0.positions.next(suspect.partition) ?? 0 > 0 },
                next: 0,
                text: suspect.sign.message
            )
        }
        let verdicts = try keepers.map { (keeper) throws(WeirError) in
            try LogVerdict.of(
                keeper.positions.next(suspect.partition),
                keeper.lastRecords[suspect.partition],
                in: source.log,
                suspect.partition
            )
        }
        let goesBack = LogVerdict.goBack(verdicts)
        let signs = verdicts.compactMap { verdict in if case .stale(let sign) = verdict { sign } else { nil } }
        guard let sign = signs.first else { return nil }
        let (earliest, end) = try source.log.offsets(topic: topic, partition: number)
        let next: Int64
        switch source.onLostOffsets {
        case .fail: throw SuspectedLog.error(sign, source: name)
        case .earliest: next = earliest
        case .latest: next = end
        }
        return Judgement(
            verdicts: verdicts,
            goesBack: goesBack,
            next: next,
            text:
                "\(suspect.partition) is not the log that was read before (\(sign.message)): reading from offset \(next)"
        )
    }
}
