import Bytes
import CJSONShim
import ChangeEvents
import Columnar
import EventLog

/// Decodes Debezium change events in JSON into typed columns, with or without the `schema`/`payload` block.
///
/// ```
/// RawBatch ──> simdjson index ──> envelope: source, op ──> before, after ──> ChangeBatch, one a table
///                                        │                     │
///                                 resolve, once a source    any value its column cannot hold ──> RejectedRecord
/// ```
/// `c` and `r` are inserts, `d` a delete, `u` an update with its old row where the source sent one. An update that
/// changes the primary key becomes a delete and an insert. A delete without `before` takes the key columns from the
/// record's key. A truncate is rejected, since nothing here can apply it; logical messages are ignored.
///
/// Values are read strictly: what a column's type cannot hold exactly rejects the record, alone and whole. Text for a
/// `string` column may be any JSON value; objects, arrays, numbers and booleans keep their JSON text.
///
/// Used by one thread at a time.
public final class DebeziumJSONDecoder {
    private struct Table {
        let target: TableTarget
        let number: Int32
    }

    private let resolve: (SourceTable) -> TableTarget?
    private let options: DebeziumJSONOptions
    private let native: OpaquePointer
    private var tables: [Table] = []

    /// `resolve` is asked once for each source table (`nil` ignores its records) and the answer is kept.
    public init(
        options: DebeziumJSONOptions = DebeziumJSONOptions(),
        resolve: @escaping (SourceTable) -> TableTarget?
    ) {
        self.resolve = resolve
        self.options = options
        guard let native = weir_json_decoder_create(weir_json_options(options)) else {
            fatalError("out of memory creating a JSON decoder")
        }
        self.native = native
    }

    deinit { weir_json_decoder_destroy(native) }

    /// Decodes every record of a batch. Fails only for what no record is to blame for: a batch that points outside its
    /// arena, a target with columns no decoder fills, more text than a column holds.
    public func decode(_ raw: RawBatch) throws(WeirError) -> DecodedBatch {
        weir_json_decoder_begin(native)
        var next = 0
        var status = run(raw, from: &next)
        while status == WEIR_JSON_UNKNOWN_SOURCE {
            try bindUnknownSource(topic: raw.topic)
            status = run(raw, from: &next)
        }
        let place = "topic \(raw.topic), partition \(raw.partition)"
        switch status {
        case WEIR_JSON_DONE: break
        case WEIR_JSON_BAD_SLICE:
            throw WeirError(
                .corrupt,
                "record \(next) of the batch lies outside its arena of \(raw.arena.count) bytes",
                at: "\(place), offset \(raw.records[next].offset)"
            )
        case WEIR_JSON_TOO_LARGE:
            throw WeirError(
                .invalid,
                "a column of the batch would hold more than 2 GiB of text",
                at: place,
                advice: "read smaller batches"
            )
        default: throw WeirError(.outOfSpace, "no memory to decode a batch of \(raw.count) records", at: place)
        }
        return finish(raw)
    }

    private func run(_ raw: RawBatch, from next: inout Int) -> weir_json_status {
        precondition(
            MemoryLayout<RawBatch.Record>.stride == MemoryLayout<weir_json_record>.stride,
            "the shim's record mirrors RawBatch.Record"
        )
        var topic = raw.topic
        return topic.withUTF8 { topic in
            topic.withMemoryRebound(to: CChar.self) { topic in
                raw.records.withMemoryRebound(to: weir_json_record.self) { records in
                    var batch = weir_json_batch(
                        arena: raw.arena.bytes.assumingMemoryBound(to: UInt8.self).baseAddress,
                        arena_count: raw.arena.count,
                        records: records.baseAddress,
                        record_count: records.count,
                        topic: topic.baseAddress,
                        topic_count: topic.count
                    )
                    return weir_json_decoder_run(native, &batch, &next)
                }
            }
        }
    }

    private func bindUnknownSource(topic: String) throws(WeirError) {
        let unknown = weir_json_decoder_unknown_source(native)
        let source = SourceTable(
            database: String(unknown.database),
            schema: String(unknown.schema),
            table: String(unknown.table),
            topic: topic
        )
        let number = try resolve(source).map { target throws(WeirError) in try self.number(of: target) }
        guard weir_json_decoder_bind(native, number ?? -1) else {
            throw WeirError(.outOfSpace, "no memory for another source table", at: source.identifier)
        }
    }

    /// The shim's number for a destination table, told to it the first time.
    private func number(of target: TableTarget) throws(WeirError) -> Int32 {
        if let known = tables.first(where: { $0.target.index == target.index }) { return known.number }
        var names: [UInt8] = []
        var columns: [weir_json_column] = []
        for field in target.schema.fields {
            guard let column = weir_json_column(field, isKey: target.primaryKey.contains(field.name)) else {
                throw WeirError(
                    .unsupported,
                    "debezium-json cannot fill column '\(field.name)' of type \(field.type)",
                    advice: "declare it as string to keep its JSON text"
                )
            }
            columns.append(column)
            names.append(contentsOf: field.name.utf8)
        }
        for name in target.primaryKey where target.schema.index(named: name) == nil {
            throw WeirError(
                .invalid,
                "primary-key column '\(name)' is not among the table's columns",
                advice: NearestName.advice(for: name, among: target.schema.fields.map(\.name))
            )
        }
        let number = names.withUnsafeBufferPointer { names in
            var start = 0
            for index in columns.indices {
                columns[index].name = names.baseAddress.map { $0 + start }
                start += columns[index].name_count
            }
            return weir_json_decoder_add_table(native, columns, columns.count)
        }
        guard number >= 0 else { throw WeirError(.outOfSpace, "no memory for another destination table") }
        tables.append(Table(target: target, number: number))
        return number
    }

    private func finish(_ raw: RawBatch) -> DecodedBatch {
        var changes: [(table: Int, batch: ChangeBatch)] = []
        for table in tables.sorted(by: { $0.target.index < $1.target.index }) {
            let count = weir_json_decoder_rows(native, table.number)
            guard count > 0 else { continue }
            changes.append((table.target.index, takeBatch(table, count: count)))
        }
        let counts = weir_json_decoder_counts(native)
        let rejected = (0..<counts.rejected).map { index in
            let rejection = weir_json_decoder_rejection(native, index)
            let reason = UnsafeRawBufferPointer(start: rejection.reason, count: rejection.reason_count)
            return RejectedRecord(
                raw.records[rejection.record],
                of: raw,
                reason: String(decoding: reason, as: UTF8.self),
                limit: options.rejectedBytes
            )
        }
        return DecodedBatch(
            changes: changes,
            rejected: rejected,
            tombstones: Int(counts.tombstones),
            ignored: Int(counts.ignored)
        )
    }

    private func takeBatch(_ table: Table, count: Int) -> ChangeBatch {
        let schema = table.target.schema
        let columns = schema.fields.indices.map { index in
            let vector = weir_json_decoder_take_column(native, table.number, index)
            return ColumnVector(
                type: schema.fields[index].type,
                count: count,
                validity: NativeMemory.buffer(vector.validity),
                values: NativeMemory.buffer(vector.values) ?? .filled(count: 0) { _ in },
                bytes: NativeMemory.buffer(vector.bytes)
            )
        }
        let empty = Buffer.filled(count: 0) { _ in }
        return ChangeBatch(
            rows: ColumnBatch(schema: schema, columns: columns, count: count),
            kinds: NativeMemory.buffer(weir_json_decoder_take_kinds(native, table.number)) ?? empty,
            offsets: NativeMemory.buffer(weir_json_decoder_take_offsets(native, table.number)) ?? empty
        )
    }
}

extension String {
    /// A name the shim hands out; nil when the envelope has none.
    fileprivate init?(_ name: weir_json_name) {
        guard let text = name.text else { return nil }
        self = String(decoding: UnsafeRawBufferPointer(start: text, count: name.count), as: UTF8.self)
    }
}
