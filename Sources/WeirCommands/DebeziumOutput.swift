import Bytes
import ChangeEvents
import Columnar
import IcebergFormat

/// Changes as Debezium's JSON envelope: an update's two images become one event.
///
/// `source.ts_ms` is the time of the commit, the outer `ts_ms` that of printing.
final class DebeziumOutput: ChangeOutput {
    private let out: StandardOutput
    private let encoder: JSONRowEncoder
    private let source: String
    private var commitTimes: [Int64: Int64] = [:]
    /// The old image of an update whose new one has not come yet.
    private var before = GrowableBuffer()
    private var pending: Pending?

    private struct Pending {
        let sequence: Int64?
        let isSnapshot: Bool
    }

    init(_ table: TableIdentifier, _ schema: Schema, to out: StandardOutput) {
        self.out = out
        encoder = JSONRowEncoder(schema)
        let database = JSONValue.string(table.namespace.joined(separator: ".")).text
        let name = JSONValue.string(table.name).text
        source =
            "{\"version\":\"\(WeirVersion.number)\",\"connector\":\"weir\",\"name\":\"weir\","
            + "\"db\":\(database),\"table\":\(name),"
    }

    /// Takes the commit times of a table that was loaded, by sequence, in milliseconds since 1970.
    func learn(_ snapshots: [Snapshot]) {
        for snapshot in snapshots { commitTimes[snapshot.sequenceNumber] = snapshot.timestampMs }
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
        let end = Event(self, sequence: sequence, isSnapshot: isSnapshot, now: now)
        for row in rows {
            let kind = kind(row)
            // An old image that no new one follows took its row away.
            if kind != .updateAfter { endPending(now) }
            switch kind {
            case .insert:
                out.append("{\"before\":null,\"after\":")
                lines.append(row, to: &out.buffer)
                out.append(isSnapshot ? end.read : end.create)
            case .updateBefore:
                lines.append(row, to: &before)
                pending = Pending(sequence: sequence, isSnapshot: isSnapshot)
            case .updateAfter:
                appendBefore()
                lines.append(row, to: &out.buffer)
                out.append(end.update)
            case .delete:
                out.append("{\"before\":")
                lines.append(row, to: &out.buffer)
                out.append(",\"after\":null")
                out.append(end.delete)
            }
            try out.flushWhenLarge()
        }
    }

    private func appendBefore() {
        out.append("{\"before\":")
        if pending == nil {
            out.append("null")
        } else {
            out.buffer.append(UnsafeRawBufferPointer(start: before.base, count: before.count))
        }
        out.append(",\"after\":")
        pending = nil
        before.removeAll()
    }

    private func endPending(_ now: Int64) {
        guard let pending else { return }
        appendBefore()
        out.append("null")
        out.append(Event(self, sequence: pending.sequence, isSnapshot: pending.isSnapshot, now: now).delete)
    }

    /// What stands behind the two images.
    private struct Event {
        let create: String
        let read: String
        let update: String
        let delete: String

        init(_ output: DebeziumOutput, sequence: Int64?, isSnapshot: Bool, now: Int64) {
            let time = sequence.flatMap { output.commitTimes[$0] } ?? now
            let number = sequence.map(String.init) ?? "null"
            let source = output.source + "\"ts_ms\":\(time),\"snapshot\":\"\(isSnapshot)\",\"seq\":\(number)}"
            func text(_ operation: String) -> String {
                ",\"source\":\(source),\"op\":\"\(operation)\",\"ts_ms\":\(now)}\n"
            }
            create = text("c")
            read = text("r")
            update = text("u")
            delete = text("d")
        }
    }

    /// An old image waits for its new one: both are in one commit, so it is never the last of what a flush follows.
    func flush() throws(WeirError) {
        endPending(TimeText.nowMilliseconds)
        try out.flush()
    }

    func finish() throws(WeirError) { try flush() }
}
