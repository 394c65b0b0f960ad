import Bytes
import ChangeEvents
import Columnar
import EventLog

/// Writes the changes of one table as records of one topic.
///
/// ```
/// ChangeBatch ──> key and value of each change, in JSON ──> one arena a partition ──> RawBatch
/// ```
/// Records of one key go to one partition, the one that Kafka's own clients choose for it; records without a key take
/// turns. Within a partition they keep the order of their changes. Values are Iceberg's single values, except that
/// decimals are numbers and bytes are base64, as Flink's formats want them.
///
/// Used by one thread at a time.
public final class EventEncoder {
    private let format: EventFormat
    private let topic: String
    private let rows: JSONRowEncoder
    /// Places of the primary key's columns.
    private let keyColumns: [Int]
    private let keys: JSONRowEncoder
    private let source: DebeziumSource
    private let arenas: [PartitionArena]
    /// Where the next record without a key goes.
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

    /// The records of a batch, one `RawBatch` for each partition that gets any, in ascending order of partitions.
    ///
    /// Each record has the offset of its change. When it fails, nothing of the batch is kept.
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

    /// Flat rows; old rows of updates say nothing that the new ones do not replace.
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
        // The event of a change that has the place of `row` in the log, with the key that is in `key`.
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
            // The old row of an update that changed the key: to those who keep rows by key it is gone, and the new one new.
            case .updateBefore, .delete: try append(.delete, row, before: .row(row), after: .none)
            case .updateAfter:
                try append(followsOldRow ? .create : .update, row, before: .none, after: .row(row))
            }
            followsOldRow = isPair
            row += 1
        }
    }

    /// Puts the key of a row into `key`.
    private func writeKey(_ batch: Batch, _ row: Int) {
        key.removeAll()
        batch.keys?.append(row, to: &key)
    }

    /// Whether a row has the key that is in `key`. Without a primary key neighbours belong together.
    private func hasSameKey(_ batch: Batch, _ row: Int) -> Bool {
        guard let keys = batch.keys else { return true }
        nextKey.removeAll()
        keys.append(row, to: &nextKey)
        return nextKey.count == key.count
            && UnsafeRawBufferPointer(start: key.base, count: key.count)
                .elementsEqual(UnsafeRawBufferPointer(start: nextKey.base, count: nextKey.count))
    }

    /// Begins a record with the key that is in `key`, in its partition.
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
