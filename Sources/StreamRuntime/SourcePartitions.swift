import Bytes
import ChangeEvents
import EventDecoders
import EventLog
import Foundation

/// The partitions a run reads: which exist, where each begins, and which feed a dimension.
final class SourcePartitions {
    struct Partition {
        let source: Int
        let id: TopicPartition
        var reader: any PartitionReader
        /// For a partition that feeds a dimension of this run: its end when the run began.
        let dimensionEnd: Int64?
        /// The first wanted offset; earlier records are read only to identify the log.
        let first: Int64
        /// What tables remember of records that are still to be read, by offset.
        var marks: [RecordMark]
        /// The first mark whose record was found: there is no record between it and the first wanted one.
        var met: RecordMark?
        /// The topic was deleted, and the run continues without it.
        var isGone = false

        var topic: String { id.topic }
        var number: Int { id.partition }
        var isBeforeDimensionEnd: Bool { !isGone && reader.position < dimensionEnd ?? 0 }
    }

    /// Bytes read to find out which tables a partition holds.
    private static let probeBytes = 64 << 10

    let plan: IngestPlan
    let start: [PositionLedger]
    let last: [LastRecords]
    let onWarning: (String) -> Void
    private let check: @Sendable () throws(WeirError) -> Void
    /// The source tables of the first records of each partition that was looked at.
    private(set) var sourceTables: [TopicPartition: Set<String>]
    /// The partitions of shared sources that belong to this process.
    private var assigned: Set<TopicPartition> = []
    private var known: Set<TopicPartition> = []
    private var sourceOfTopic: [String: Int] = [:]
    var all: [Partition] = []
    /// Where each partition begins. Recorded even if no record follows, so that a later run does not start further on.
    private(set) var startPositions = PositionLedger()
    /// Partitions whose logs seem to have been replaced.
    var suspected: [SuspectedLog] = []
    /// Topics of this process's partitions that did not exist when it opened them.
    private(set) var missing: Set<String> = []

    /// - Parameters:
    ///   - start: the positions of each table and topic that rows can reach.
    ///   - last: the records right before these positions.
    ///   - assigned: the partitions of shared sources that belong to this process.
    ///   - sourceTables: the results of earlier generations.
    ///   - check: called periodically; an error that it throws ends the opening.
    ///   - onWarning: called with messages for the user about topics and offsets that no longer exist.
    init(
        _ plan: IngestPlan,
        start: [PositionLedger],
        last: [LastRecords],
        assigned: Set<TopicPartition> = [],
        sourceTables: [TopicPartition: Set<String>] = [:],
        check: @escaping @Sendable () throws(WeirError) -> Void = {},
        onWarning: @escaping (String) -> Void = { _ in }
    ) throws(WeirError) {
        self.plan = plan
        self.check = check
        self.sourceTables = sourceTables
        self.start = start
        self.last = last
        self.onWarning = onWarning
        for source in plan.sources where source.group != nil {
            (source.log as? any SharedLog)?.willRead(partitions: assigned.count, aheadBytes: plan.aheadBytes)
        }
        var existing: Set<String> = []
        for (index, source) in plan.sources.enumerated() {
            let topics = try source.log.topics()
            for topic in source.topics where !topics.contains(topic) {
                throw MissingTopic(topic, source.name, among: topics, read: source.topics).error(in: source.log)
            }
            try checkVanished(index, existing: topics)
            existing.formUnion(topics.filter(source.includes))
        }
        missing = Set(assigned.map(\.topic)).subtracting(existing)
        self.assigned = try Self.present(assigned.filter { existing.contains($0.topic) }, plan)
        if !plan.joins.isEmpty { try lookAhead(Array(self.assigned)) }
        try open(isFirst: true)
    }

    /// The assigned partitions that exist. A group may still assign partitions of a topic that was just deleted; when
    /// it exists again, the group assigns again.
    private static func present(
        _ assigned: Set<TopicPartition>,
        _ plan: IngestPlan
    ) throws(WeirError) -> Set<TopicPartition> {
        var present: Set<TopicPartition> = []
        for (topic, partitions) in Dictionary(grouping: assigned, by: \.topic) {
            guard let source = plan.sources.first(where: { $0.group != nil && $0.includes(topic) }) else { continue }
            let numbers: Set<Int>
            do throws(WeirError) {
                numbers = Set(try source.log.partitions(of: topic))
            } catch {
                guard error.code == .notFound, !source.topics.contains(topic) else { throw error }
                continue
            }
            present.formUnion(partitions.filter { numbers.contains($0.partition) })
        }
        return present
    }

    /// Opens partitions that were created since.
    func openNew() throws(WeirError) { try open(isFirst: false) }

    private func open(isFirst: Bool) throws(WeirError) {
        for (index, source) in plan.sources.enumerated() {
            if source.group != nil {
                if isFirst { try openAssigned(index) }
                continue
            }
            for topic in try source.log.topics() where source.topics.contains(topic) || source.includes(topic) {
                if let other = sourceOfTopic.updateValue(index, forKey: topic), other != index {
                    throw WeirError(
                        .invalid,
                        "topic '\(topic)' is read by the sources '\(plan.sources[other].name)' and '\(source.name)'",
                        advice: "positions are kept by topic: let one source read it"
                    )
                }
                for number in try source.log.partitions(of: topic) {
                    let partition = TopicPartition(topic: topic, partition: number)
                    if known.insert(partition).inserted { try open(index, partition, isFirst: isFirst) }
                }
            }
        }
    }

    /// Opens the partitions that the groups have assigned to this process.
    private func openAssigned(_ index: Int) throws(WeirError) {
        let source = plan.sources[index]
        for partition in assigned.sorted()
        where source.topics.contains(partition.topic) || source.includes(partition.topic) {
            guard known.insert(partition).inserted else { continue }
            // If the source has been read before and a partition has no position, it was added since: all of it is new.
            let hasRun = start.contains {
                $0.topics.contains { source.topics.contains($0) || source.includes($0) }
            }
            do throws(WeirError) {
                try open(index, partition, isFirst: source.startup != .latest || !hasRun)
            } catch {
                // The topic was deleted since its partitions were listed.
                guard error.code == .notFound, !source.topics.contains(partition.topic),
                    try !source.log.topics().contains(partition.topic)
                else { throw error }
                missing.insert(partition.topic)
                onWarning(Self.gone(partition.topic))
            }
        }
    }

    private func open(_ index: Int, _ partition: TopicPartition, isFirst: Bool) throws(WeirError) {
        try check()
        let (topic, number) = (partition.topic, partition.partition)
        let source = plan.sources[index]
        let (earliest, end) = try source.log.offsets(topic: topic, partition: number)
        // A topic that appears during the run is new: it is read from the earliest offset.
        let fresh = isFirst ? try firstOffset(source, partition, earliest: earliest, end: end) : earliest
        // The oldest position any table still needs.
        var next = start.map { $0.next(partition) ?? fresh }.min() ?? fresh
        if next < earliest, let policy = passOver(source, partition, from: next, earliest: earliest, end: end) {
            next = policy
        }
        if try isBeyondEnd(index, partition, end: end) { return }
        if try isAnotherLog(index, partition, beyond: next) { return }
        let mayBe = (isFirst || source.group != nil) && !plan.joins.isEmpty
        // In an empty partition there is nothing to read before the others.
        let isDimension = mayBe && earliest < end ? try feedsDimension(index, partition, earliest) : false
        startPositions.advance(partition, to: next)
        var marks = marks(partition, earliest: earliest, next: next)
        let begin = min(next, marks.first?.offset ?? next)
        let reader: any PartitionReader
        do throws(WeirError) {
            reader = try source.log.reader(topic: topic, partition: number, from: begin)
        } catch {
            // Retention has just removed records that were only to be read again.
            guard error.code == .notFound, begin < next else { throw error }
            marks = []
            reader = try source.log.reader(topic: topic, partition: number, from: next)
        }
        all.append(
            Partition(
                source: index,
                id: partition,
                reader: reader,
                dimensionEnd: isDimension ? end : nil,
                first: next,
                marks: marks
            )
        )
    }

    private func firstOffset(
        _ source: IngestPlan.Source,
        _ partition: TopicPartition,
        earliest: Int64,
        end: Int64
    ) throws(WeirError) -> Int64 {
        let (topic, number) = (partition.topic, partition.partition)
        switch source.startup {
        case .earliest: return earliest
        case .latest: return end
        case .timestamp(let time): return try source.log.offset(topic: topic, partition: number, notBefore: time)
        case .offsets(let offsets):
            return offsets[partition] ?? earliest
        case .groupOffsets:
            guard let group = source.group, let log = source.log as? any SharedLog else { return earliest }
            return try log.committedOffset(group: group, topic: topic, partition: number) ?? earliest
        }
    }

    private func feedsDimension(
        _ index: Int,
        _ partition: TopicPartition,
        _ earliest: Int64
    ) throws(WeirError) -> Bool {
        let identifiers: Set<String>
        if let known = sourceTables[partition] {
            identifiers = known
        } else {
            identifiers = try Self.sourceTables(plan.sources[index], partition, from: earliest, check)
            if !identifiers.isEmpty { sourceTables[partition] = identifiers }
        }
        let names = Set(identifiers.flatMap { plan.route($0).map { plan.targets[$0].name } })
        return plan.joins.contains { names.contains($0.dimensionName) }
    }

    /// Reads the first records of partitions on brokers, in parallel, since each takes a moment to arrive.
    private func lookAhead(_ partitions: [TopicPartition]) throws(WeirError) {
        let new = partitions.filter { sourceTables[$0] == nil }
        let (plan, check) = (self.plan, self.check)
        let isInVain = { @Sendable in (try? check()) == nil }
        let found = try concurrently(new) { (partition) throws(WeirError) -> Set<String> in
            guard !isInVain(),
                let source = plan.sources.first(where: { $0.group != nil && $0.includes(partition.topic) })
            else { return [] }
            do throws(WeirError) {
                let (earliest, end) = try source.log.offsets(
                    topic: partition.topic,
                    partition: partition.partition
                )
                if earliest == end { return [] }
                return try Self.sourceTables(source, partition, from: earliest, check)
            } catch {
                // The error is reported when the partition is opened.
                return []
            }
        }
        try check()
        for (partition, identifiers) in zip(new, found) where !identifiers.isEmpty {
            sourceTables[partition] = identifiers
        }
    }

    /// The source tables of the first records: the name of a topic need not be the name of its table.
    private static func sourceTables(
        _ source: IngestPlan.Source,
        _ partition: TopicPartition,
        from earliest: Int64,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) -> Set<String> {
        let reader = try source.log.reader(
            topic: partition.topic,
            partition: partition.partition,
            from: earliest
        )
        if source.group != nil {
            for _ in 0..<20 {
                try check()
                if try reader.waitForRecords(timeoutMilliseconds: 100) { break }
            }
        }
        guard let raw = try reader.next(maxBytes: Self.probeBytes) else { return [] }
        let seen = SourceTables()
        _ = try DebeziumJSONDecoder(options: source.options) { table in
            seen.identifiers.insert(table.identifier)
            return nil
        }.decode(raw)
        return seen.identifiers
    }

}

/// Source tables that a decoder has seen.
final class SourceTables {
    var identifiers: Set<String> = []
}
