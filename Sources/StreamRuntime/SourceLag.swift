import ChangeEvents
import EventLog
import Synchronization

/// How far the reading of a run is behind its sources.
public struct SourceLag: Sendable, Equatable {
    /// Offsets between what was read last and the ends.
    public var records: Int64 = 0
    /// The oldest timestamp of the last records read from partitions that are behind, milliseconds since 1970; nil when
    /// no partition is behind, or none of these was read yet.
    public var lastRead: Int64?

    public init() {}

    mutating func add(_ read: ReadPositions.Read, end: Int64) {
        guard end > read.next else { return }
        records += end - read.next
        // Records without a time have a negative one.
        guard let time = read.timestamp, time >= 0 else { return }
        lastRead = min(lastRead ?? time, time)
    }
}

extension IngestRun {
    public var state: RunState {
        var state = runState.withLock { $0 }
        state.backlogs = base.backlogs
        state.keyIndexes = base.keyIndexes
        state.optimizing = base.optimizingProgress.merging(keeper.optimizingProgress) { $1 }
        state.upkeep = keeper.events
        return state
    }

    /// Asks the logs where they end, with one request per topic, and waits for the answers. Nil before reading starts,
    /// and when a log does not answer.
    public func lag() -> SourceLag? {
        let reads = readPositions.all
        guard state.phase == .reading else { return nil }
        var lag = SourceLag()
        let topics = Dictionary(grouping: reads) { [String($0.value.source), $0.key.topic] }
        for (_, partitions) in topics {
            guard let first = partitions.first else { continue }
            let numbers = partitions.map(\.key.partition)
            let log = plan.sources[first.value.source].log
            guard let ends = try? log.endsAtOnce(topic: first.key.topic, partitions: numbers) else { return nil }
            for (key, read) in partitions {
                guard let end = ends[key.partition] else { return nil }
                lag.add(read, end: end)
            }
        }
        return lag
    }
}

/// How far the partitions of a generation are read. Updated once per batch.
final class ReadPositions: Sendable {
    struct Read: Sendable {
        let source: Int
        /// The offset of the next record.
        var next: Int64
        /// The offset after the last record that was handed to the writer.
        var queued: Int64
        /// Of the last record that was read, milliseconds since 1970.
        var timestamp: Int64?
    }

    private let reads = Mutex<[TopicPartition: Read]>([:])

    var all: [TopicPartition: Read] { reads.withLock { $0 } }

    /// Starts with these partitions if `isFirst`, else adds new ones; removes those that are gone.
    func note(_ partitions: [SourcePartitions.Partition], isFirst: Bool = false) {
        reads.withLock { reads in
            if isFirst { reads = [:] }
            for partition in partitions {
                if partition.isGone {
                    reads[partition.id] = nil
                } else if reads[partition.id] == nil {
                    reads[partition.id] = Read(
                        source: partition.source,
                        next: partition.first,
                        queued: partition.first
                    )
                }
            }
        }
    }

    /// Called before records are handed to the writer.
    func queue(_ partition: TopicPartition, to next: Int64) {
        reads.withLock { $0[partition]?.queued = next }
    }

    /// Skips offsets without records, such as transaction markers, once the writer has all records before them.
    func skip(_ partition: TopicPartition, to position: Int64) {
        reads.withLock { reads in
            guard let read = reads[partition], read.next == read.queued, position > read.next else { return }
            reads[partition]?.next = position
            reads[partition]?.queued = position
        }
    }

    func advance(_ partition: TopicPartition, to next: Int64, timestamp: Int64) {
        reads.withLock { reads in
            reads[partition]?.next = next
            reads[partition]?.timestamp = timestamp
        }
    }
}
