import Bytes
import ChangeEvents
import Columnar
import EventDecoders
import EventLog
import Foundation

/// Reads the partitions of all sources in turn, decodes and transforms, and hands the changes to the writer.
///
/// Partitions whose topic feeds a dimension of this run come first: they are read to their end before the others begin,
/// so that the first rows of a stream find the rows they are joined with.
final class SourceReader {
    /// What the writer gets.
    enum Message: Sendable {
        case changes(Changes)
        /// The dimensions are read to their end: commit them before anything else is written.
        case dimensionsReady
    }

    struct Changes: Sendable {
        let topic: String
        let partition: Int
        /// The offset behind the last record these came from.
        let nextOffset: Int64
        let batches: [(target: Int, batch: ChangeBatch)]
        let letters: [DeadLetter]
        let records: Int
        let bytes: Int
    }

    private struct Partition {
        let source: Int
        let topic: String
        let number: Int
        let reader: any PartitionReader
        let feedsDimension: Bool
    }

    /// Bytes of raw records read at a time.
    static let readBytes = 2 << 20
    private static let topicSearchSeconds = 5.0

    private let plan: IngestPlan
    private let start: [PositionLedger]
    private let queue: BatchQueue<Message>
    private let stopping: @Sendable () -> Bool
    private var decoders: [[DebeziumJSONDecoder]] = []
    /// Tables the records of one source table go to at most, as far as is known.
    private let fanOut = FanOut()
    private var partitions: [Partition] = []
    private var known: Set<String> = []

    /// - Parameters:
    ///   - start: what each table of the run has taken in already.
    ///   - stopping: asked between batches.
    init(
        _ plan: IngestPlan,
        start: [PositionLedger],
        queue: BatchQueue<Message>,
        stopping: @escaping @Sendable () -> Bool
    ) throws(WeirError) {
        self.plan = plan
        self.start = start
        self.queue = queue
        self.stopping = stopping
        decoders = plan.sources.map { _ in [] }
        try findTopics(isFirst: true)
    }

    /// The decoder for the first, second, … table that the records of one source table go to.
    private func decoder(source: Int, layer: Int) -> DebeziumJSONDecoder {
        if layer < decoders[source].count { return decoders[source][layer] }
        let plan = self.plan
        let decoder = DebeziumJSONDecoder(options: plan.sources[source].options) { [fanOut = self.fanOut] table in
            let targets = plan.route(table.identifier)
            fanOut.raise(to: targets.count)
            guard layer < targets.count else { return nil }
            let target = plan.targets[targets[layer]]
            return TableTarget(index: targets[layer], schema: target.sourceSchema, primaryKey: target.primaryKey)
        }
        decoders[source].append(decoder)
        return decoder
    }

    /// Opens partitions that were not open yet.
    private func findTopics(isFirst: Bool) throws(WeirError) {
        for (index, source) in plan.sources.enumerated() {
            let existing = try source.log.topics()
            for topic in source.topics where !existing.contains(topic) {
                if !isFirst { continue }
                throw WeirError(
                    .notFound,
                    "source '\(source.name)' reads topic '\(topic)', which does not exist",
                    advice: NearestName.advice(for: topic, among: existing)
                        ?? "create it with 'weir log create \(topic)'"
                )
            }
            for topic in existing where source.topics.contains(topic) || source.includes(topic) {
                for number in try source.log.partitions(of: topic)
                where known.insert("\(index) \(topic) \(number)").inserted {
                    let offset = try startOffset(source, topic, number)
                    partitions.append(
                        Partition(
                            source: index,
                            topic: topic,
                            number: number,
                            reader: try source.log.reader(topic: topic, partition: number, from: offset),
                            feedsDimension: feedsDimension(topic)
                        )
                    )
                }
            }
        }
    }

    static func missing(_ topic: String, source: String, existing: [String]) -> WeirError {
        WeirError(
            .notFound,
            "source '\(source)' reads topic '\(topic)', which does not exist",
            advice: NearestName.advice(for: topic, among: existing) ?? "create it with 'weir log create \(topic)'"
        )
    }

    /// Where to begin: at the oldest position any table still needs, or where the source says when there is none.
    private func startOffset(_ source: IngestPlan.Source, _ topic: String, _ number: Int) throws(WeirError) -> Int64 {
        let (earliest, end) = try source.log.offsets(topic: topic, partition: number)
        var fresh = earliest
        switch source.startup {
        case .earliest: fresh = earliest
        case .latest: fresh = end
        case .timestamp(let time): fresh = try source.log.offset(topic: topic, partition: number, notBefore: time)
        }
        let next = start.map { $0.next(topic: topic, partition: number) ?? fresh }.min() ?? fresh
        if next > end {
            throw WeirError(
                .invalid,
                "the tables are at offset \(next) of \(topic)/\(number), which ends at \(end)",
                advice: "this is not the log they were filled from; check the log's root"
            )
        }
        return next
    }

    private func feedsDimension(_ topic: String) -> Bool {
        let names = plan.route(topic).map { plan.targets[$0].name }
        return plan.joins.contains { names.contains($0.dimensionName) }
    }

    /// Reads until stopped or, if asked to, until every partition is read to its end.
    func run(untilCaughtUp: Bool) throws(WeirError) {
        if partitions.contains(where: \.feedsDimension) {
            while try readRound(partitions.indices.filter { partitions[$0].feedsDimension }) {
                if stopping() { return }
            }
            if !queue.put(.dimensionsReady, bytes: 0) { return }
        }
        var lastSearch = Date()
        while !stopping() {
            if try readRound(Array(partitions.indices)) { continue }
            if untilCaughtUp { return }
            if Date().timeIntervalSince(lastSearch) > Self.topicSearchSeconds {
                try findTopics(isFirst: false)
                lastSearch = Date()
            }
            try waitForRecords()
        }
    }

    /// Reads once from each partition; false when none had anything.
    private func readRound(_ places: [Int]) throws(WeirError) -> Bool {
        var found = false
        for place in places {
            if stopping() { return false }
            guard let raw = try partitions[place].reader.next(maxBytes: Self.readBytes) else { continue }
            found = true
            let changes = try decode(raw, partitions[place])
            if !queue.put(.changes(changes), bytes: changes.bytes) { return false }
        }
        return found
    }

    private func waitForRecords() throws(WeirError) {
        guard !partitions.isEmpty else { return Thread.sleep(forTimeInterval: 0.05) }
        // One partition wakes us at once; among several the wait is short, so that none waits for another.
        let milliseconds = partitions.count == 1 ? 200 : max(1, 20 / partitions.count)
        for partition in partitions {
            if try partition.reader.waitForRecords(timeoutMilliseconds: milliseconds) { return }
        }
    }

    private func decode(_ raw: RawBatch, _ partition: Partition) throws(WeirError) -> Changes {
        var letters: [DeadLetter] = []
        var batches: [(target: Int, batch: ChangeBatch)] = []
        var layer = 0
        // The first pass tells how many tables the records go to.
        while layer < fanOut.value {
            let decoded = try decoder(source: partition.source, layer: layer).decode(raw)
            letters += decoded.rejected.map { DeadLetter($0) }
            for (index, batch) in decoded.changes {
                let target = plan.targets[index]
                guard let transform = target.transform else {
                    batches.append((index, batch))
                    continue
                }
                let (result, failures) = try transform.apply(batch, isKeyed: target.table.isKeyed)
                letters += failures.map { DeadLetter($0, raw: raw, table: target.name) }
                if result.count > 0 { batches.append((index, result)) }
            }
            layer += 1
        }
        return Changes(
            topic: partition.topic,
            partition: partition.number,
            nextOffset: partition.reader.position,
            batches: batches,
            letters: letters,
            records: raw.count,
            bytes: batches.reduce(0) { $0 + $1.batch.rows.byteCount }
        )
    }
}

/// The number of tables that records of one source table go to, as it becomes known.
private final class FanOut {
    private(set) var value = 1

    func raise(to count: Int) { value = max(value, count) }
}

extension DeadLetter {
    /// A record that did not decode.
    init(_ record: RejectedRecord) {
        self.init(
            topic: record.topic,
            partition: record.partition,
            offset: record.offset,
            table: nil,
            reason: record.reason,
            key: record.key.map { String(decoding: $0, as: UTF8.self) },
            value: record.value.map { String(decoding: $0, as: UTF8.self) }
        )
    }

    /// A record that decoded, but whose expressions have no value.
    init(_ failure: RowTransform.Failure, raw: RawBatch, table: String) {
        let record = raw.records.first { $0.offset == failure.offset }
        self.init(
            topic: raw.topic,
            partition: raw.partition,
            offset: failure.offset,
            table: table,
            reason: failure.reason,
            key: record.flatMap { raw.key($0) }.map { String(decoding: $0, as: UTF8.self) },
            value: record.flatMap { raw.value($0) }.map { String(decoding: $0, as: UTF8.self) }
        )
    }
}
