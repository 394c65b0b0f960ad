import Bytes
import ObjectStorage

/// Appends to the topics of a file log, from any number of threads.
///
/// The first append to a topic locks it until `close`. A second writer, in this process or another, is refused with an
/// error that names the owner. Opening a topic recovers it: see `recoveries`. Calls block.
public final class FileLogWriter: @unchecked Sendable {
    private struct OpenTopic {
        let lock: TopicLock
        let partitions: [Int: PartitionWriter]
    }

    private struct State {
        var topics: [String: OpenTopic] = [:]
        var recoveries: [RecoveryCut] = []
        var rebuiltIndexes: [String] = []
        var isClosed = false
    }

    public let log: FileLog
    private let owner: String
    // A POSIX lock: what is made while it is held is used by other threads without it, and ThreadSanitizer, which does not
    // know `Mutex`, would report every such use.
    private let lock = Condition()
    private var state = State()
    private let threads = FlushThreads()

    /// `owner` is the name shown, with the process id, in the error of a refused second writer.
    public init(_ log: FileLog, owner: String = "weir") {
        self.log = log
        self.owner = owner
    }

    deinit { close() }

    /// Appends a batch and blocks until it is acknowledged; returns the offset of its first record.
    @discardableResult
    public func append(
        topic: String,
        partition: Int,
        records: EncodedRecordBatch
    ) throws(WeirError) -> Int64 {
        try submit(topic: topic, partition: partition, records: records).wait()
    }

    /// Queues a batch and returns at once, unless more is queued than the settings allow. Batches of one producer keep
    /// their order. When an append fails, those queued behind it fail as well.
    public func submit(
        topic: String,
        partition: Int,
        records: EncodedRecordBatch
    ) throws(WeirError) -> AppendTicket {
        try writer(topic, partition).submit(records)
    }

    /// Locks and recovers a topic now instead of at the first append; returns what was cut off.
    @discardableResult
    public func open(topic: String) throws(WeirError) -> [RecoveryCut] {
        let directory = log.paths.topic(topic) + "/"
        _ = try partitions(of: topic)
        return recoveries.filter { $0.file.hasPrefix(directory) }
    }

    /// Removes the closed segments of a topic that the retention settings do not keep; returns how many. Rolling a
    /// segment does the same.
    @discardableResult
    public func applyRetention(topic: String) throws(WeirError) -> Int {
        var removed = 0
        for (_, writer) in try partitions(of: topic) { removed += try writer.applyRetention() }
        return removed
    }

    /// What opening topics has cut off so far. The owner of the writer should report it.
    public var recoveries: [RecoveryCut] { lock.locked { state.recoveries } }

    /// Index files that were missing or damaged and have been rebuilt.
    public var rebuiltIndexes: [String] { lock.locked { state.rebuiltIndexes } }

    /// Writes the queued batches and releases the locks. Tickets resolve; later appends fail with `cancelled`.
    public func close() {
        let topics = lock.locked {
            state.isClosed = true
            defer { state.topics = [:] }
            return state.topics
        }
        // Start closing all partitions first so that they finish in parallel, then wait for them.
        for topic in topics.values { for writer in topic.partitions.values { writer.beginClosing() } }
        for topic in topics.values {
            for writer in topic.partitions.values {
                writer.close()
                ActivePartitions.shared.unregister(writer)
            }
        }
        threads.close()
    }

    // MARK: Inside

    private func writer(_ topic: String, _ partition: Int) throws(WeirError) -> PartitionWriter {
        guard let writer = try partitions(of: topic)[partition] else {
            _ = try log.directory(topic, partition)
            throw WeirError(
                .notFound,
                "partition \(partition) of topic '\(topic)' was added after the topic was opened",
                at: log.root,
                advice: "open the writer again"
            )
        }
        return writer
    }

    private func partitions(of topic: String) throws(WeirError) -> [Int: PartitionWriter] {
        try lock.locked { () throws(WeirError) in
            guard !state.isClosed else { throw WeirError(.cancelled, "the log was closed", at: log.root) }
            if let open = state.topics[topic] { return open.partitions }
            let numbers = try log.partitions(of: topic)
            let topicLock = try TopicLock.take(
                log.paths.topicLock(topic),
                what: "topic '\(topic)'",
                owner: owner,
                log.files
            )
            let settings = try log.properties(of: topic).applied(to: log.settings)
            var opened: [Int: OpenedPartition] = [:]
            for number in numbers {
                opened[number] = try OpenedPartition.open(log.paths.partition(topic, number), log.files, settings)
            }
            var writers: [Int: PartitionWriter] = [:]
            for (number, partition) in opened {
                if let cut = partition.cut { state.recoveries.append(cut) }
                state.rebuiltIndexes += partition.rebuiltIndexes
                let writer = PartitionWriter(
                    partition,
                    directory: log.paths.partition(topic, number),
                    files: log.files,
                    settings: settings,
                    clock: log.clock,
                    threads: threads
                )
                writers[number] = writer
                ActivePartitions.shared.register(writer)
            }
            state.topics[topic] = OpenTopic(lock: topicLock, partitions: writers)
            return writers
        }
    }
}
