import Bytes
import ChangeEvents
import Columnar
import EventLog

/// Encodes the changes of one table as records of one topic.
///
/// ```
/// ChangeBatch ──> key and value of each change, in JSON ──> one arena per partition ──> RawBatch
/// ```
/// Records with the same key go to the same partition, the one that Kafka's own clients choose for the key. Records
/// without a key are distributed round-robin. Within a partition, records keep the order of their changes. Values use
/// Iceberg's JSON single-value serialization, except that decimals are numbers and bytes are base64, as Flink's formats
/// expect.
///
/// Not thread-safe.
public final class EventEncoder {
    private let format: EventFormat
    private let topic: String
    private let rows: JSONRowEncoder
    /// The indices of the primary key columns.
    private let keyColumns: [Int]
    private let keys: JSONRowEncoder
    private let source: DebeziumSource
    private let arenas: [PartitionArena]
    /// The partition of the next record without a key.
    private var turn = 0
    private var key = GrowableBuffer()
    private var nextKey = GrowableBuffer()

    /// - Parameters:
    ///   - schema: the columns of every batch.
    ///   - primaryKey: names of columns; empty for a table without a key.
    ///   - table: `database.table` or `database.schema.table`, for Debezium's `source`.
    ///   - partitions: the numbers of the topic's partitions, at least one.
    public init(
        _ format: EventFormat,
        schema: Schema,
        primaryKey: [String],
        table: String,
        topic: String,
        partitions: [Int]
    ) throws(WeirError) {
        precondition(!partitions.isEmpty, "a topic has a partition")
        var keyColumns: [Int] = []
        for name in primaryKey {
            guard let index = schema.index(named: name) else {
                throw WeirError(
                    .invalid,
                    "primary-key column '\(name)' is not among the columns of \(table)",
                    advice: NearestName.advice(for: name, among: schema.fields.map(\.name))
                )
            }
            keyColumns.append(index)
        }
        if format == .upsertKafka, keyColumns.isEmpty {
            throw WeirError(
                .invalid,
                "upsert-kafka needs a primary key, and \(table) has none",
                advice: "declare one, or use debezium-json"
            )
        }
        for field in schema.fields where !field.type.isPrimitive {
            throw WeirError(
                .unsupported,
                "\(format.rawValue) cannot write column '\(field.name)' of type \(field.type)"
            )
        }
        self.format = format
        self.topic = topic
        self.keyColumns = keyColumns
        rows = JSONRowEncoder(schema, dialect: .events)
        keys = JSONRowEncoder(Schema(keyColumns.map { schema.fields[$0] }), dialect: .events)
        source = DebeziumSource(table: table)
        arenas = partitions.sorted().map { PartitionArena(partition: $0) }
    }

    /// Encodes a batch into one `RawBatch` for each partition that gets records, in ascending order of partitions.
    ///
    /// Each record has the offset of its change. If encoding fails, no record of the batch is kept.
    /// - Parameter nowMilliseconds: the records' timestamp and Debezium's `ts_ms`, in milliseconds since 1970.
    public func encode(_ changes: ChangeBatch, nowMilliseconds: Int64) throws(WeirError) -> [RawBatch] {
        let batch = Batch(
            changes: changes,
            rows: rows.rows(of: changes.rows),
            keys: keyColumns.isEmpty ? nil : keys.rows(of: changes.rows.selecting(keyColumns)),
            now: nowMilliseconds
        )
        do throws(WeirError) {
            switch format {
            case .debeziumJSON:
                try encode(batch, in: DebeziumEnvelope(source: source, nowMilliseconds: nowMilliseconds))
            case .json, .upsertKafka: try encodeRows(batch)
            }
        } catch {
            for arena in arenas { arena.removeAll() }
            throw error
        }
        return arenas.filter { !$0.isEmpty }.map { $0.finish(topic: topic) }
    }

    private struct Batch {
        let changes: ChangeBatch
        let rows: JSONRows
        let keys: JSONRows?
        let now: Int64
    }

    /// Encodes flat rows. Old rows of updates are skipped, because the new rows replace them.
    private func encodeRows(_ batch: Batch) throws(WeirError) {
        for row in 0..<batch.changes.count {
            let kind = batch.changes.kind(row)
            if kind == .updateBefore || kind == .delete && !format.hasDeletes { continue }
            writeKey(batch, row)
            let arena = beginRecord(batch)
            if kind != .delete { batch.rows.append(row, to: &arena.bytes) }
            try arena.end(offset: batch.changes.offset(row), timestamp: batch.now, isTombstone: kind == .delete)
        }
    }

    private func encode(_ batch: Batch, in envelope: DebeziumEnvelope) throws(WeirError) {
        // Appends an event with the offset of `row` and the key in `key`.
        func append(
            _ operation: DebeziumEnvelope.Operation,
            _ row: Int,
            before: DebeziumEnvelope.Image,
            after: DebeziumEnvelope.Image
        ) throws(WeirError) {
            let arena = beginRecord(batch)
            envelope.append(operation, before: before, after: after, of: batch.rows, to: &arena.bytes)
            try arena.end(offset: batch.changes.offset(row), timestamp: batch.now)
        }
        var row = 0
        var followsOldRow = false
        while row < batch.changes.count {
            let kind = batch.changes.kind(row)
            let hasNext = kind == .updateBefore && row + 1 < batch.changes.count
            let isPair = hasNext && batch.changes.kind(row + 1) == .updateAfter
            writeKey(batch, row)
            if isPair, hasSameKey(batch, row + 1) {
                try append(.update, row + 1, before: .row(row), after: .row(row + 1))
                row += 2
                followsOldRow = false
                continue
            }
            switch kind {
            case .insert: try append(.create, row, before: .none, after: .row(row))
            // An update that changed the key becomes a delete of the old key and a create of the new one.
            case .updateBefore, .delete: try append(.delete, row, before: .row(row), after: .none)
            case .updateAfter:
                try append(followsOldRow ? .create : .update, row, before: .none, after: .row(row))
            }
            followsOldRow = isPair
            row += 1
        }
    }

    /// Encodes the key of a row into `key`.
    private func writeKey(_ batch: Batch, _ row: Int) {
        key.removeAll()
        batch.keys?.append(row, to: &key)
    }

    /// Whether the row has the key in `key`. Without a primary key, adjacent rows of an update always match.
    private func hasSameKey(_ batch: Batch, _ row: Int) -> Bool {
        guard let keys = batch.keys else { return true }
        nextKey.removeAll()
        keys.append(row, to: &nextKey)
        return nextKey.count == key.count
            && UnsafeRawBufferPointer(start: key.base, count: key.count)
                .elementsEqual(UnsafeRawBufferPointer(start: nextKey.base, count: nextKey.count))
    }

    /// Starts a record with the key in `key`, in the partition of that key.
    private func beginRecord(_ batch: Batch) -> PartitionArena {
        if batch.keys != nil {
            let bytes = UnsafeRawBufferPointer(start: key.base, count: key.count)
            let arena = arenas[KeyPartitioner.partition(of: bytes, count: arenas.count)]
            arena.begin(key: bytes)
            return arena
        }
        let arena = arenas[turn]
        turn = (turn + 1) % arenas.count
        arena.begin(key: nil)
        return arena
    }
}
