import Bytes
import ChangeEvents
import Columnar
import EventEncoders
import IcebergFormat
import IcebergTables

/// Changes as Debezium JSON envelopes. The two images of an update become one event.
///
/// `source.ts_ms` is the commit time, the outer `ts_ms` the time of printing.
final class DebeziumOutput: ChangeOutput {
    private let out: StandardOutput
    private let encoder: JSONRowEncoder
    private let schema: Schema
    private let source: DebeziumSource
    private var commitTimes: [Int64: Int64] = [:]
    private var expired: ExpiredCommits?
    /// The old image of an update whose new image has not arrived yet.
    private var before = GrowableBuffer()
    private var pending: Pending?

    private struct Pending {
        let sequence: Int64?
        let isSnapshot: Bool
    }

    init(_ table: TableIdentifier, _ schema: Schema, to out: StandardOutput) {
        self.out = out
        self.schema = schema
        encoder = JSONRowEncoder(schema)
        var source = DebeziumSource()
        source.add("version", WeirVersion.number)
        source.add("connector", "weir")
        source.add("name", "weir")
        source.add("db", table.namespace.joined(separator: "."))
        source.add("table", table.name)
        self.source = source
    }

    /// Takes the commit times (milliseconds since 1970) of a loaded table. Of commits that have expired, a time shortly
    /// before is known.
    func learn(_ snapshots: [Snapshot], _ expired: ExpiredCommits? = nil) {
        commitTimes = Dictionary(snapshots.map { ($0.sequenceNumber, $0.timestampMs) }) { first, _ in first }
        self.expired = expired
    }

    func write(
        _ batch: ColumnBatch,
        rows: Range<Int>,
        sequence: Int64?,
        isSnapshot: Bool,
        kind: (Int) -> ChangeKind
    ) throws(WeirError) {
        let lines = encoder.rows(of: batch)
        let now = TimeText.nowMilliseconds
        let envelope = envelope(sequence, isSnapshot: isSnapshot, now)
        for row in rows {
            let kind = kind(row)
            // An old image without a new image after it is a delete.
            if kind != .updateAfter { endPending(now) }
            switch kind {
            case .insert: append(isSnapshot ? .read : .create, before: .none, after: .row(row), of: lines, envelope)
            case .updateBefore:
                lines.append(row, to: &before)
                pending = Pending(sequence: sequence, isSnapshot: isSnapshot)
            case .updateAfter: append(.update, before: takePending(), after: .row(row), of: lines, envelope)
            case .delete: append(.delete, before: .row(row), after: .none, of: lines, envelope)
            }
            try out.flushWhenLarge()
        }
    }

    private func append(
        _ operation: DebeziumEnvelope.Operation,
        before image: DebeziumEnvelope.Image,
        after: DebeziumEnvelope.Image,
        of lines: JSONRows,
        _ envelope: DebeziumEnvelope
    ) {
        envelope.append(operation, before: image, after: after, of: lines, to: &out.buffer)
        out.buffer.append(UInt8(ascii: "\n"))
        if case .json = image { before.removeAll() }
    }

    /// The pending old image, if any. It stays in `before` until its event is written.
    private func takePending() -> DebeziumEnvelope.Image {
        if pending == nil { return .none }
        pending = nil
        return .json(UnsafeRawBufferPointer(start: before.base, count: before.count))
    }

    private func endPending(_ now: Int64) {
        guard let pending else { return }
        let envelope = envelope(pending.sequence, isSnapshot: pending.isSnapshot, now)
        append(.delete, before: takePending(), after: .none, of: encoder.rows(of: .empty(schema)), envelope)
    }

    private func envelope(_ sequence: Int64?, isSnapshot: Bool, _ now: Int64) -> DebeziumEnvelope {
        var source = source
        source.add("ts_ms", sequence.flatMap { commitTimes[$0] ?? expired?.time(before: $0) } ?? now)
        source.add("snapshot", "\(isSnapshot)")
        source.add("seq", sequence)
        return DebeziumEnvelope(source: source, nowMilliseconds: now)
    }

    /// Ends a pending old image first. Both images of an update are in one commit, so the new image cannot follow after
    /// a flush.
    func flush() throws(WeirError) {
        endPending(TimeText.nowMilliseconds)
        try out.flush()
    }

    func finish() throws(WeirError) { try flush() }
}
