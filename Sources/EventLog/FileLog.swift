import Bytes
import Foundation
import ObjectStorage

/// The built-in log: topics and partitions as directories, segments of Kafka record batches as files.
///
/// Layout: `<root>/<topic>/<partition>/<base offset, 20 digits>.log` with `.index` and `.timeindex` beside it. Reading
/// takes no lock and is never refused, whichever process writes. `FileLogWriter` appends. Calls block.
public final class FileLog: PartitionedLog {
    /// Absolute, without symbolic links.
    public let root: String
    public let settings: FileLogSettings
    let files: any FileSystem
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64
    let paths: LogPaths
    private let pool = ArenaPool()

    public var location: String? { root }

    /// Opens a root directory, which need not exist yet.
    public init(
        root: String,
        settings: FileLogSettings = FileLogSettings(),
        files: any FileSystem = LocalFileSystem(),
        clock: @escaping @Sendable () -> Int64 = { FileLog.now() }
    ) throws(WeirError) {
        try settings.check()
        self.root = Self.canonical(root)
        self.settings = settings
        self.files = files
        self.clock = clock
        paths = LogPaths(root: self.root)
    }

    /// The wall clock in milliseconds since 1970.
    public static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    // MARK: PartitionedLog

    public func topics() throws(WeirError) -> [String] {
        try files.list(root).filter { $0.isDirectory && Self.isTopicName($0.name) }.map(\.name).sorted()
    }

    public func partitions(of topic: String) throws(WeirError) -> [Int] {
        try TopicName.check(topic)
        guard try files.status(paths.topic(topic))?.isDirectory == true else { throw try unknown(topic) }
        var numbers: [Int] = []
        for entry in try files.list(paths.topic(topic)) where entry.isDirectory {
            if let number = Int(entry.name), number >= 0, String(number) == entry.name { numbers.append(number) }
        }
        return numbers.sorted()
    }

    /// Fails with `corrupt` when valid batches follow damage at the end: the log would look shorter than it is.
    public func offsets(topic: String, partition: Int) throws(WeirError) -> (earliest: Int64, end: Int64) {
        let bounds = try bounds(topic, partition)
        if let damage = bounds.damage { throw damage }
        return (bounds.earliest, bounds.end)
    }

    /// The first offset a partition holds, even if its end is damaged.
    public func earliestOffset(topic: String, partition: Int) throws(WeirError) -> Int64 {
        try SegmentPaths.list(try directory(topic, partition), files).first?.baseOffset ?? 0
    }

    /// The offsets of a partition. If the partition is damaged, `end` is where the damage begins.
    func bounds(
        _ topic: String,
        _ partition: Int
    ) throws(WeirError) -> (earliest: Int64, end: Int64, damage: WeirError?) {
        let directory = try directory(topic, partition)
        // Load this before listing the segments, so that they contain everything up to the synced end.
        let synced = SyncedEnd.load(directory, files).end
        let segments = try SegmentPaths.list(directory, files)
        guard let first = segments.first, let last = segments.last else {
            return (0, 0, synced?.missingSegment(directory, among: segments))
        }
        if let writer = ActivePartitions.shared.writer(of: directory) {
            return (first.baseOffset, writer.acknowledgedEnd, nil)
        }
        let end = try search(last, isLast: true).end(syncedEnd: synced)
        return (first.baseOffset, end.offset, synced?.missingSegment(directory, among: segments) ?? end.damage)
    }

    public func offset(topic: String, partition: Int, notBefore timestamp: Int64) throws(WeirError) -> Int64 {
        let directory = try directory(topic, partition)
        let end = try offsets(topic: topic, partition: partition).end
        let segments = try SegmentPaths.list(directory, files)
        for segment in segments {
            let search = try search(segment, isLast: segment == segments.last)
            guard let found = try search.batch(notBefore: timestamp) else { continue }
            let reader = FilePartitionReader(
                topic: topic,
                partition: partition,
                directory: directory,
                from: found.header.baseOffset,
                files: files,
                pool: pool
            )
            while let batch = try reader.next(maxBytes: found.header.totalCount) {
                for record in batch.records where record.timestamp >= timestamp { return record.offset }
            }
            return end
        }
        return end
    }

    public func reader(topic: String, partition: Int, from offset: Int64) throws(WeirError) -> any PartitionReader {
        // Records before the damage can still be read.
        let (earliest, end, damage) = try bounds(topic, partition)
        guard offset >= earliest else {
            throw WeirError(
                .notFound,
                "offsets \(offset) to \(earliest - 1) are lost: the log begins at offset \(earliest)",
                at: "topic \(topic), partition \(partition)",
                advice: "read from offset \(earliest), and keep the log longer than the slowest reader needs"
            )
        }
        guard offset <= end else {
            if let damage { throw damage }
            throw WeirError(
                .invalid,
                "offset \(offset) lies beyond the end, which is offset \(end)",
                at: "topic \(topic), partition \(partition)",
                advice: "was the topic deleted and created again? then start from its beginning"
            )
        }
        return FilePartitionReader(
            topic: topic,
            partition: partition,
            directory: try directory(topic, partition),
            from: offset,
            files: files,
            pool: pool
        )
    }

    // MARK: Inside

    /// The directory of a partition that exists.
    func directory(_ topic: String, _ partition: Int) throws(WeirError) -> String {
        try TopicName.check(topic)
        let path = paths.partition(topic, partition)
        guard try files.status(path)?.isDirectory == true else {
            guard try files.status(paths.topic(topic))?.isDirectory == true else { throw try unknown(topic) }
            let known = try partitions(of: topic).map(String.init).joined(separator: ", ")
            throw WeirError(
                .notFound,
                "topic '\(topic)' has no partition \(partition)",
                at: root,
                advice: "its partitions are \(known)"
            )
        }
        return path
    }

    func search(_ segment: SegmentPaths, isLast: Bool) throws(WeirError) -> SegmentSearch {
        let file = try files.open(segment.log, .read)
        let view = try SegmentView.of(segment, file, next: { () throws(WeirError) in !isLast }, files)
        return SegmentSearch(paths: segment, file: file, view: view, files: files)
    }

    func unknown(_ topic: String) throws(WeirError) -> WeirError {
        WeirError(
            .notFound,
            "there is no topic '\(topic)'",
            at: root,
            advice: NearestName.advice(for: topic, among: try topics())
                ?? "that log has no topics; 'weir log create \(topic)' makes one"
        )
    }

    private static func isTopicName(_ name: String) -> Bool {
        do {
            try TopicName.check(name)
            return true
        } catch {
            return false
        }
    }

    /// Returns one canonical path per directory, so that readers find the writer of their own process however they
    /// spell the root.
    private static func canonical(_ path: String) -> String {
        if let resolved = realpath(path, nil) {
            defer { free(resolved) }
            return String(cString: resolved)
        }
        let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        let trimmed = absolute.count > 1 && absolute.hasSuffix("/") ? String(absolute.dropLast()) : absolute
        guard trimmed != "/" else { return trimmed }
        let parent = canonical(trimmed.parentDirectory)
        return (parent == "/" ? "" : parent) + "/" + trimmed.lastPathComponent
    }
}
