import Bytes
import ChangeEvents
import EventDecoders
import EventLog
import Foundation

/// The partitions a run reads: which there are, where each begins, and which feed a dimension.
final class SourcePartitions {
    struct Partition {
        let source: Int
        let topic: String
        let number: Int
        let reader: any PartitionReader
        /// For a partition with rows of a dimension of this run: where it ended when the run began.
        let dimensionEnd: Int64?
    }

    /// Bytes looked at to learn which tables a partition holds.
    private static let probeBytes = 64 << 10

    private let plan: IngestPlan
    private let start: [PositionLedger]
    private var known: Set<String> = []
    private var sourceOfTopic: [String: Int] = [:]
    private(set) var all: [Partition] = []
    /// Where each partition begins. Recorded even if nothing follows, so that a later run does not begin later.
    private(set) var startPositions = PositionLedger()

    /// - Parameter start: what each table that rows can reach has taken in already.
    init(_ plan: IngestPlan, start: [PositionLedger]) throws(WeirError) {
        self.plan = plan
        self.start = start
        for source in plan.sources {
            let existing = try source.log.topics()
            for topic in source.topics where !existing.contains(topic) {
                throw Self.missing(topic, source: source.name, existing: existing)
            }
        }
        try open(isFirst: true)
    }

    /// Opens partitions that have come since.
    func openNew() throws(WeirError) { try open(isFirst: false) }

    private func open(isFirst: Bool) throws(WeirError) {
        for (index, source) in plan.sources.enumerated() {
            for topic in try source.log.topics() where source.topics.contains(topic) || source.includes(topic) {
                if let other = sourceOfTopic.updateValue(index, forKey: topic), other != index {
                    throw WeirError(
                        .invalid,
                        "topic '\(topic)' is read by the sources '\(plan.sources[other].name)' and '\(source.name)'",
                        advice: "positions are kept by topic: let one source read it"
                    )
                }
                for number in try source.log.partitions(of: topic) where known.insert("\(topic) \(number)").inserted {
                    try open(index, topic, number, isFirst: isFirst)
                }
            }
        }
    }

    private func open(_ index: Int, _ topic: String, _ number: Int, isFirst: Bool) throws(WeirError) {
        let source = plan.sources[index]
        let (earliest, end) = try source.log.offsets(topic: topic, partition: number)
        var fresh = earliest
        // A topic that appears while the run goes on is new: nothing of it is too old.
        if isFirst {
            switch source.startup {
            case .earliest: fresh = earliest
            case .latest: fresh = end
            case .timestamp(let time): fresh = try source.log.offset(topic: topic, partition: number, notBefore: time)
            }
        }
        // The oldest position any table still needs.
        let next = start.map { $0.next(topic: topic, partition: number) ?? fresh }.min() ?? fresh
        if next > end {
            throw WeirError(
                .invalid,
                "the tables are at offset \(next) of \(topic)/\(number), which ends at \(end)",
                advice: "this is not the log they were filled from; check the log's root"
            )
        }
        let isDimension = isFirst && !plan.joins.isEmpty ? try feedsDimension(index, topic, number, earliest) : false
        startPositions.advance(topic: topic, partition: number, to: next)
        all.append(
            Partition(
                source: index,
                topic: topic,
                number: number,
                reader: try source.log.reader(topic: topic, partition: number, from: next),
                dimensionEnd: isDimension ? end : nil
            )
        )
    }

    /// Looks at the first records: the name of a topic need not be the name of its table.
    private func feedsDimension(
        _ index: Int,
        _ topic: String,
        _ number: Int,
        _ earliest: Int64
    ) throws(WeirError) -> Bool {
        let source = plan.sources[index]
        let reader = try source.log.reader(topic: topic, partition: number, from: earliest)
        var names: Set<String> = []
        if let raw = try reader.next(maxBytes: Self.probeBytes) {
            let seen = SourceTables()
            _ = try DebeziumJSONDecoder(options: source.options) { table in
                seen.identifiers.insert(table.identifier)
                return nil
            }.decode(raw)
            for identifier in seen.identifiers { names.formUnion(plan.route(identifier).map { plan.targets[$0].name }) }
        }
        return plan.joins.contains { names.contains($0.dimensionName) }
    }

    static func missing(_ topic: String, source: String, existing: [String]) -> WeirError {
        WeirError(
            .notFound,
            "source '\(source)' reads topic '\(topic)', which does not exist",
            advice: NearestName.advice(for: topic, among: existing) ?? "create it with 'weir log create \(topic)'"
        )
    }
}

/// Source tables that a decoder has met.
final class SourceTables {
    var identifiers: Set<String> = []
}
