import Bytes
import ChangeEvents
import EventLog

extension IngestRun {
    /// A partition that is suspected again and again while no record comes cannot be read.
    private static let suspicionsMax = 5

    /// Looks at logs that seem to be others than were read before, and takes positions back that were counted in those.
    /// Fails where a source does not say how to go on.
    ///
    /// - Parameter keepers: all that store positions.
    func settle(_ suspected: [SuspectedLog], _ keepers: [any PositionKeeper]) throws(WeirError) {
        if suspicions.records != progress.records { suspicions = (progress.records, [:]) }
        var moves = keepers.map { _ in PositionLedger() }
        for suspect in suspected {
            let times = suspicions.times[suspect.partition, default: 0] + 1
            suspicions.times[suspect.partition] = times
            guard times <= Self.suspicionsMax else { throw suspect.sign }
            let source = plan.sources[suspect.source]
            let (topic, number) = (suspect.partition.topic, suspect.partition.partition)
            // A topic that is gone again is noticed where it is read.
            guard try source.log.topics().contains(topic) else { continue }
            let name = plan.sources.count > 1 ? source.name : nil
            guard try source.log.partitions(of: topic).contains(number) else {
                guard source.onLostOffsets != .fail else { throw SuspectedLog.error(suspect.sign, source: name) }
                // Should it be there again one day, it begins at its beginning.
                for (index, keeper) in keepers.enumerated()
                where keeper.positions.next(topic: topic, partition: number) ?? 0 > 0 {
                    moves[index].move(topic: topic, partition: number, to: 0)
                }
                warn(suspect.sign.message)
                continue
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
            guard goesBack.contains(true) else { continue }
            let (earliest, end) = try source.log.offsets(topic: topic, partition: number)
            let next: Int64
            switch source.onLostOffsets {
            case .fail: throw SuspectedLog.error(suspect.sign, source: name)
            case .earliest: next = earliest
            case .latest: next = end
            }
            for index in keepers.indices where goesBack[index] {
                moves[index].move(topic: topic, partition: number, to: next)
            }
            let place = "\(topic)/\(number)"
            warn("\(place) is not the log that was read before (\(suspect.sign.message)): reading from offset \(next)")
        }
        // What a log is known by is kept longest: should the process end in between, the next one begins here again.
        let order = keepers.indices.sorted { keepers[$0].lastRecords.isEmpty && !keepers[$1].lastRecords.isEmpty }
        for index in order where !moves[index].isEmpty { try keepers[index].move(to: moves[index]) }
    }
}
