import Bytes
import ChangeEvents
import MixedTables
import Synchronization

/// Writes rows to the tables' files, and encodes them for topics, on its own thread.
///
/// Neither is visible before the commit, but readers wait for the rows in a LogStore: encoding a batch or finishing an
/// epoch's files must not delay the LogStore writes that follow.
final class FileStage: Sendable {
    /// Rows of one source batch for one table.
    struct Rows: Sendable {
        /// The index of the table among the run's tables.
        let tableIndex: Int
        /// What goes into the table's files; nil when nothing does.
        let forFiles: ChangeBatch?
        /// What goes to the table's topics, which skip changes they already have; nil when the table has no topic.
        let forTopics: ChangeBatch?
        let topic: String
        let partition: Int

        var byteCount: Int {
            max(1, (forFiles?.rows.byteCount ?? 0) + (forTopics?.rows.byteCount ?? 0))
        }
    }

    private enum Message: Sendable {
        case rows(Rows)
        case cut([LogStoreProgress?], EpochPosition)
    }

    private struct Pending {
        var bytes: Int64 = 0
        /// Cuts that are requested and not made yet.
        var cuts = 0
    }

    private let thread: WorkThread<Message>
    private let committer: EpochCommitter
    private let pending: SharedPending

    /// A class, because the thread's closure shares it.
    private final class SharedPending: Sendable {
        let state = Mutex(Pending())
    }

    /// - Parameters:
    ///   - bytesMax: the byte budget of queued rows.
    ///   - onNotice: called with messages for the user.
    init(
        sinks: [SinkTable],
        topics: [TopicSink],
        committer: EpochCommitter,
        bytesMax: Int,
        onNotice: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.committer = committer
        let pending = SharedPending()
        self.pending = pending
        thread = WorkThread(name: "weir-files", bytesMax: bytesMax) { (message) throws(WeirError) in
            switch message {
            case .rows(let rows):
                if let changes = rows.forFiles {
                    let sink = sinks[rows.tableIndex]
                    let notice = try sink.followBase { () throws(WeirError) in try committer.drain() }
                    if let notice { onNotice(notice) }
                    try sink.writeFiles(changes)
                }
                if let changes = rows.forTopics {
                    for topic in topics where topic.sink == rows.tableIndex {
                        try topic.write(changes, topic: rows.topic, partition: rows.partition)
                    }
                }
                let tables = sinks.reduce(Int64(0)) { $0 + $1.pendingFileBytes }
                let bytes = topics.reduce(tables) { $0 + $1.pendingBytes }
                pending.state.withLock { $0.bytes = bytes }
            case .cut(let progress, let position):
                var cuts: [SinkTable.Cut] = []
                for (sink, progress) in zip(sinks, progress) {
                    do throws(WeirError) {
                        cuts.append(SinkTable.Cut(epoch: try sink.cutFiles(), progress: progress))
                    } catch {
                        throw error.located(at: "table \(sink.name)")
                    }
                }
                try committer.submit(
                    EpochCommitter.Job(cuts: cuts, topics: topics.map { $0.cut() }, position: position)
                )
                pending.state.withLock { $0 = Pending(bytes: 0, cuts: $0.cuts - 1) }
            }
        }
    }

    /// Approximate bytes written in the current epoch.
    var pendingBytes: Int64 { pending.state.withLock { $0.cuts > 0 ? 0 : $0.bytes } }

    /// Whether a cut is requested and not made yet, as happens while commits are slow.
    var isCutting: Bool { pending.state.withLock { $0.cuts > 0 } }

    func start() { thread.start() }

    /// Queues rows; waits for room. Fails when writing or committing has failed.
    func write(_ rows: Rows) throws(WeirError) { try thread.submit(.rows(rows), bytes: rows.byteCount) }

    /// Ends the epoch after the rows queued so far, and hands it to the committer.
    ///
    /// - Parameters:
    ///   - progress: the progress of each table's LogStore.
    ///   - letterBytes: the size of the dead letters, which count against the budget as rows do.
    func cut(
        _ progress: [LogStoreProgress?],
        at position: EpochPosition,
        letterBytes: Int
    ) throws(WeirError) {
        pending.state.withLock { $0.cuts += 1 }
        try thread.submit(.cut(progress, position), bytes: max(1, letterBytes))
    }

    /// Waits until everything queued is committed.
    func drain() throws(WeirError) {
        try thread.drain()
        try committer.drain()
    }

    func check() throws(WeirError) {
        try thread.check()
        try committer.check()
    }

    /// Drops the rows that wait. The thread has ended when this returns.
    func cancel() { thread.cancel() }
}
