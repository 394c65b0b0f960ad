import Bytes
import ChangeEvents
import Columnar
import EventLog

/// Reads one partition of a log store as changes (mixed format, section 8.6). Used by one thread at a time.
///
/// With the consistency guarantee enabled, a flip retracts rows that its writer never committed: they are read back
/// from the log window by window and returned again, newest first and inverted. Epochs are compared numerically; the
/// flip's own epoch need not have rows in this partition.
///
/// ```
/// log      e2 e2 e3 e3 flip(2) e3 e3
/// changes  +a +b +c +d −d −c   +c +e
/// ```
public final class LogStoreReader {
    /// Records read back per window; the same as in Amoro's readers.
    public static let windowRecordsDefault: Int64 = 500
    /// Maximum bytes of a window in memory, except for a single larger batch.
    static let windowBytes = 64 << 20

    public let topic: String
    public let partition: Int
    /// The reader's position after everything it has returned.
    public private(set) var state: LogStoreReaderState
    private let log: any PartitionedLog
    private let decoder: LogStoreDecoder
    private let isConsistent: Bool
    private let window: Int64
    private var reader: (any PartitionReader)?
    /// Decoded entries not yet returned, in reverse order.
    private var pending: [LogStoreEntry] = []

    /// - Parameters:
    ///   - isConsistent: whether flips retract rows; otherwise flips are skipped.
    public init(
        _ log: any PartitionedLog,
        topic: String,
        partition: Int,
        schema: Schema,
        state: LogStoreReaderState,
        isConsistent: Bool,
        windowRecords: Int64 = LogStoreReader.windowRecordsDefault
    ) throws(WeirError) {
        self.log = log
        self.topic = topic
        self.partition = partition
        self.state = state
        self.isConsistent = isConsistent
        window = max(1, windowRecords)
        decoder = try LogStoreDecoder(schema)
    }

    /// The next changes, from about `maxBytes` of log; nil when the log holds no more yet. The list is empty when the
    /// records read contain no changes for the caller. After an error `next` may be called again.
    public func next(maxBytes: Int = 4 << 20) throws(WeirError) -> [LogStoreChanges]? {
        if let retraction = state.retraction { return try takeBack(retraction) }
        if pending.isEmpty {
            let reader = try openReader()
            guard let raw = try reader.next(maxBytes: maxBytes) else { return nil }
            do {
                pending = try decoder.decode(raw).reversed()
            } catch {
                // The reader's position has advanced past the records that failed to decode, so reopen it.
                self.reader = nil
                throw error
            }
            guard !pending.isEmpty else {
                state.next = max(state.next, reader.position)
                return []
            }
        }
        var changes: [LogStoreChanges] = []
        while state.retraction == nil, let entry = pending.popLast() { process(entry, into: &changes) }
        if pending.isEmpty, let reader { state.next = max(state.next, reader.position) }
        return changes
    }

    /// Whether `next` may return changes. If not, the wakeup is signalled or a watched descriptor becomes readable once
    /// it may.
    public func mayHaveRecords(waking wakeup: Wakeup, _ watched: inout [Int32]) throws(WeirError) -> Bool {
        if state.isRetracting || !pending.isEmpty { return true }
        return try openReader().mayHaveRecords(waking: wakeup, &watched)
    }

    private func openReader() throws(WeirError) -> any PartitionReader {
        if let reader { return reader }
        let opened = try log.reader(topic: topic, partition: partition, from: state.next)
        reader = opened
        return opened
    }

    private func process(_ entry: LogStoreEntry, into changes: inout [LogStoreChanges]) {
        switch entry {
        case .rows(let rows):
            state.next = rows.recordOffset(rows.batch.count - 1) + 1
            if let last = state.startAfter[rows.upstream], rows.epoch <= last { return }
            if isConsistent, state.ended.contains(rows.upstream) { return }
            if isConsistent { state.starts.note(rows.upstream, rows.epoch, at: rows.recordOffset(0)) }
            changes.append(rows)
        case .flip(let upstream, let epoch, let offset):
            state.next = offset.addingClamped(1)
            defer { state.end(upstream) }
            guard isConsistent, let stop = state.starts.firstOffset(of: upstream, above: epoch) else { return }
            state.retraction = LogStoreReaderState.Retraction(
                upstream: upstream,
                epoch: epoch,
                epochMax: .max,
                flip: offset,
                stop: stop,
                cursor: offset
            )
        }
    }

    /// Retracts one window of rows.
    private func takeBack(_ current: LogStoreReaderState.Retraction) throws(WeirError) -> [LogStoreChanges] {
        var retraction = current
        let start = max(retraction.stop, retraction.cursor - window)
        let back = LogWindow(log: log, topic: topic, partition: partition)
        let (batches, from) = try back.read(start..<retraction.cursor, maxBytes: Self.windowBytes)
        var changes: [LogStoreChanges] = []
        for raw in batches.reversed() {
            for entry in try decoder.decode(raw, offsets: from..<retraction.cursor).reversed() {
                switch entry {
                case .flip(let upstream, let epoch, _):
                    if upstream == retraction.upstream { retraction.epochMax = min(retraction.epochMax, epoch) }
                case .rows(let rows):
                    guard rows.upstream == retraction.upstream, rows.epoch > retraction.epoch,
                        rows.epoch <= retraction.epochMax, rows.epoch > state.startAfter[rows.upstream] ?? .min
                    else { continue }
                    changes.append(rows.retracted(at: retraction.flip))
                }
            }
        }
        retraction.cursor = from
        if from > retraction.stop {
            state.retraction = retraction
        } else {
            state.retraction = nil
            state.starts.forget(retraction.upstream, above: retraction.epoch)
        }
        return changes
    }
}
