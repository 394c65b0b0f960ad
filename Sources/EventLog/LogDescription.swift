import Bytes
import ObjectStorage

/// A human-readable description of a topic's files on disk.
public struct LogDescription: Sendable, Equatable {
    public struct Segment: Sendable, Equatable {
        public let file: String
        public let baseOffset: Int64
        /// The offset after its last record.
        public let endOffset: Int64
        public let byteCount: Int64
        /// Timestamps of the first and the newest record, in milliseconds since 1970; nil while the segment is empty.
        public let firstTimestamp: Int64?
        public let newestTimestamp: Int64?
    }

    public struct Partition: Sendable, Equatable {
        public let partition: Int
        public let earliest: Int64
        public let end: Int64
        public let segments: [Segment]
        /// Damage followed by valid batches; `end` is then where the damage begins.
        public let damage: WeirError?

        public var records: Int64 { end - earliest }
        public var byteCount: Int64 { segments.reduce(0) { $0 + $1.byteCount } }
    }

    public let topic: String
    public let partitions: [Partition]

    public var records: Int64 { partitions.reduce(0) { $0 + $1.records } }
    public var byteCount: Int64 { partitions.reduce(0) { $0 + $1.byteCount } }
    /// The damage of the first damaged partition.
    public var damage: WeirError? { partitions.lazy.compactMap(\.damage).first }
}

extension FileLog {
    /// Describes the current state of a topic; other processes may append and remove concurrently.
    public func describe(_ topic: String) throws(WeirError) -> LogDescription {
        var partitions: [LogDescription.Partition] = []
        for number in try self.partitions(of: topic) {
            let (earliest, end, damage) = try bounds(topic, number)
            let paths = try SegmentPaths.list(try directory(topic, number), files)
            var segments: [LogDescription.Segment] = []
            for (index, segment) in paths.enumerated() {
                let next = index + 1 < paths.count ? paths[index + 1].baseOffset : nil
                let search: SegmentSearch
                do {
                    search = try self.search(segment, isLast: next == nil)
                } catch  where error.code == .notFound { continue }
                let times = try search.timeRange()
                segments.append(
                    LogDescription.Segment(
                        file: segment.log,
                        baseOffset: segment.baseOffset,
                        endOffset: next ?? end,
                        byteCount: search.view.limit,
                        firstTimestamp: times?.first,
                        newestTimestamp: times?.newest
                    )
                )
            }
            partitions.append(
                LogDescription.Partition(
                    partition: number,
                    earliest: earliest,
                    end: end,
                    segments: segments,
                    damage: damage
                )
            )
        }
        return LogDescription(topic: topic, partitions: partitions)
    }
}
