import Bytes
import ChangeEvents
import EventLog

extension IngestRun {
    /// A partition that is suspected again and again while no record comes cannot be read.
    private static let suspicionsMax = 5
    private static let pause = Duration.milliseconds(500)

    /// Where the positions of one partition go, by keeper.
    private struct Judgement: Sendable {
        let verdicts: [LogVerdict]
        let goesBack: [Bool]
        let next: Int64
        let text: String
    }

    /// Looks at logs that seem to be others than were read before, and takes positions back that were counted in those.
    /// Fails where a source does not say how to go on.
    ///
    /// - Parameter keepers: all that store positions.
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
        // What a log is known by is kept longest: should the process end in between, the next one begins here again.
        var first = keepers.map { _ in PositionLedger() }
        var second = first
        for case (let suspect, let judgement?) in zip(suspected, judgements) {
            let (topic, number) = (suspect.partition.topic, suspect.partition.partition)
            for index in keepers.indices where judgement.goesBack[index] {
                if case .stale = judgement.verdicts[index] {
                    second[index].move(topic: topic, partition: number, to: judgement.next)
                } else {
                    first[index].move(topic: topic, partition: number, to: judgement.next)
                }
            }
            warn(judgement.text, again: true)
        }
        for moves in [first, second] {
            for (keeper, moves) in zip(keepers, moves) where !moves.isEmpty { try keeper.move(to: moves) }
        }
        // A log that was not there for a moment gets another one.
        if judgements.allSatisfy({ $0 == nil }) { clock.pause(for: Self.pause) }
    }

    /// Nil when nothing goes back.
    private func judge(
        _ suspect: SuspectedLog,
        _ keepers: [any PositionKeeper]
    ) throws(WeirError) -> Judgement? {
        let source = plan.sources[suspect.source]
        let (topic, number) = (suspect.partition.topic, suspect.partition.partition)
        // A topic that is gone again is noticed where it is read.
        guard try source.log.topics().contains(topic) else { return nil }
        let name = plan.sources.count > 1 ? source.name : nil
        guard try source.log.partitions(of: topic).contains(number) else {
            guard source.onLostOffsets != .fail else { throw SuspectedLog.error(suspect.sign, source: name) }
            // Should it be there again one day, it begins at its beginning.
            return Judgement(
                verdicts: keepers.map { _ in .unknown },
                goesBack: keepers.map { $0.positions.next(topic: topic, partition: number) ?? 0 > 0 },
                next: 0,
                text: suspect.sign.message
            )
        }
        let verdicts = try keepers.map { (keeper) throws(WeirError) in
            try LogVerdict.of(
                keeper.positions.next(topic: topic, partition: number),
                keeper.lastRecords[topic, number],
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
