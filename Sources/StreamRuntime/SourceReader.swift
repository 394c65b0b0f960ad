import Bytes
import ChangeEvents
import Columnar
import EventDecoders
import EventLog

/// Reads the partitions of all sources in turn, decodes and transforms, and hands the changes to the writer.
///
/// Partitions that feed a dimension of this run come first: they are read to their ends as of the start of the run
/// before the others begin, so that the first rows of a stream find the rows they are joined with.
final class SourceReader {
    /// What the writer gets.
    struct Changes: Sendable {
        let id: TopicPartition
        /// The offset after the last record these came from.
        let nextOffset: Int64
        let batches: [(target: Int, batch: ChangeBatch)]
        let letters: [DeadLetter]
        let records: Int
        /// The last record.
        let last: RecordMark
        /// Records of source tables that no route matches, and the identifiers of those that are new.
        let unrouted: Int
        let unroutedTables: Set<String>
        /// Records without a row change: tombstones, and the source's own records.
        let tombstones: Int
        let withoutRows: Int
        /// New rows that filters left out.
        var filtered: Int
        let bytes: Int
        /// The time of the first record, milliseconds since 1970; nil when it has none.
        let firstTimestamp: Int64?
        /// When they were read, or a moment later, and when they were decoded.
        let readAt: RunClock.Instant
        let decodedAt: RunClock.Instant

        var topic: String { id.topic }
        var partition: Int { id.partition }
    }

    private typealias Partition = SourcePartitions.Partition

    /// Bytes of raw records read at a time.
    static let readBytes = 2 << 20
    private static let topicSearchEvery = Duration.seconds(5)

    private let plan: IngestPlan
    private let partitions: SourcePartitions
    private let queue: BatchQueue<Changes>
    private let clock: RunClock
    private let stopping: @Sendable () -> Bool
    private let wakeup = Wakeup()
    private let decoding: RecordDecoding
    private let outages: SourceOutages
    /// When one of them changes, the reader ends before its partitions are read to their end.
    private let groups: SourceGroups
    private let positions: ReadPositions

    /// - Parameters:
    ///   - groups: end the reader when one of them changes.
    ///   - outages: notified when records arrive, and when none do.
    ///   - positions: notified of partitions that appear and disappear.
    ///   - stopping: asked between batches.
    init(
        _ plan: IngestPlan,
        partitions: SourcePartitions,
        queue: BatchQueue<Changes>,
        decoding: RecordDecoding,
        clock: RunClock = .system,
        groups: SourceGroups,
        outages: SourceOutages,
        positions: ReadPositions,
        stopping: @escaping @Sendable () -> Bool
    ) {
        self.plan = plan
        self.partitions = partitions
        self.queue = queue
        self.clock = clock
        self.groups = groups
        self.stopping = stopping
        self.outages = outages
        self.positions = positions
        self.decoding = decoding
    }

    /// Why a reader ended.
    enum Ending: Sendable {
        /// Stopped, or everything is read.
        case finished
        /// A group changes; there may be more to read.
        case groupChanged
        /// Logs seem to have been replaced, or exist again, and must be checked.
        case logsChanged
    }

    /// Reads until stopped, until a group changes or, if asked to, until every partition is read to its end.
    func run(untilCaughtUp: Bool) throws(WeirError) -> Ending {
        if partitions.all.contains(where: { $0.dimensionEnd != nil }) {
            while partitions.all.contains(where: { $0.isBeforeDimensionEnd }) {
                if stopping() { return .finished }
                outages.look()
                if try groups.isChanging() { return .groupChanged }
                if !partitions.suspected.isEmpty { return .logsChanged }
                if try !readRound({ $0.isBeforeDimensionEnd }) {
                    // A file log has no more records; a broker may still be sending.
                    if partitions.all.allSatisfy({ plan.sources[$0.source].group == nil }) { break }
                    // Records prefetched from other partitions wait for these.
                    try waitForRecords { $0.isBeforeDimensionEnd }
                }
            }
        }
        var lastSearch = clock.now
        while !stopping() {
            outages.look()
            if try groups.isChanging() { return .groupChanged }
            if !partitions.suspected.isEmpty { return .logsChanged }
            if clock.now - lastSearch > Self.topicSearchEvery {
                if partitions.haveReturned() { return .logsChanged }
                try partitions.openNew()
                positions.note(partitions.all)
                lastSearch = clock.now
            }
            if try readRound({ _ in true }) { continue }
            for partition in partitions.all {
                positions.skip(partition.id, to: partition.reader.position)
            }
            if untilCaughtUp, try partitions.areAtEnd() { return .finished }
            try waitForRecords { _ in true }
        }
        return .finished
    }

    /// Reads once from each of those partitions; false when none had anything.
    private func readRound(_ isWanted: (Partition) -> Bool) throws(WeirError) -> Bool {
        var found = false
        for index in partitions.all.indices where isWanted(partitions.all[index]) {
            if stopping() { return false }
            guard let raw = try partitions.next(index, maxBytes: Self.readBytes), let last = raw.records.last else {
                continue
            }
            found = true
            outages.sawRecords(source: partitions.all[index].source)
            let changes = try decode(raw, last, partitions.all[index], readAt: clock.now)
            positions.queue(changes.id, to: changes.nextOffset)
            if !queue.put(changes, bytes: changes.bytes) { return false }
        }
        return found
    }

    /// Waits until one of those partitions may have records.
    private func waitForRecords(_ isWanted: (Partition) -> Bool) throws(WeirError) {
        _ = try wakeup.wait(milliseconds: partitions.all.isEmpty ? 50 : 200) { (watched) throws(WeirError) in
            for partition in partitions.all where !partition.isGone && isWanted(partition) {
                if try partition.reader.mayHaveRecords(waking: wakeup, &watched) { return true }
            }
            return false
        }
    }

    private func decode(
        _ raw: RawBatch,
        _ last: RawBatch.Record,
        _ partition: Partition,
        readAt: RunClock.Instant
    ) throws(WeirError) -> Changes {
        let decoded = try decoding.decode(raw, source: partition.source)
        let letterBytes = decoded.letters.reduce(0) { $0 + $1.byteCount }
        return Changes(
            id: partition.id,
            nextOffset: partition.reader.position,
            batches: decoded.batches,
            letters: decoded.letters,
            records: raw.count,
            last: RecordMark(last, in: raw),
            unrouted: decoded.unrouted,
            unroutedTables: decoded.unroutedTables,
            tombstones: decoded.tombstones,
            withoutRows: decoded.withoutRows,
            filtered: decoded.filtered,
            bytes: decoded.batches.reduce(letterBytes) { $0 + $1.batch.rows.byteCount },
            firstTimestamp: raw.records.first.map(\.timestamp).flatMap { $0 < 0 ? nil : $0 },
            readAt: readAt,
            decodedAt: clock.now
        )
    }
}
