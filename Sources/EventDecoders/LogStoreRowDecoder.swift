import Bytes
import CJSONShim
import ChangeEvents
import Columnar
import EventLog

/// Decodes rows that are JSON objects, as a log store holds them, into typed columns (mixed format, section 8.2).
///
/// Missing members are null; members that are not columns are ignored. Decimals may be numbers of any form or text.
/// Timestamps may have a blank or a `T` between date and time, and may have a zone; without one they are UTC. Uuids may
/// be text or base64 of their bytes. A value that a column cannot hold exactly is an error.
///
/// Not thread-safe.
public final class LogStoreRowDecoder {
    private let schema: Schema
    private let native: OpaquePointer
    private let table: Int32

    /// Fails with `unsupported` for nested columns.
    public init(_ schema: Schema) throws(WeirError) {
        var names: [UInt8] = []
        var columns: [weir_json_column] = []
        for field in schema.fields {
            guard let column = weir_json_column(field) else {
                throw WeirError(.unsupported, "a log store cannot fill column '\(field.name)' of type \(field.type)")
            }
            columns.append(column)
            names.append(contentsOf: field.name.utf8)
        }
        guard let native = weir_json_decoder_create(.logStore) else {
            throw WeirError(.outOfSpace, "no memory for a JSON decoder")
        }
        let number = names.withUnsafeBufferPointer { names in
            var start = 0
            for index in columns.indices {
                columns[index].name = names.baseAddress.map { $0 + start }
                start += columns[index].name_count
            }
            // A single target with all columns, so that every value is checked.
            let all = columns.indices.map { UInt32($0) }
            return all.withUnsafeBufferPointer { all in
                var target = weir_json_target()
                target.columns = all.baseAddress
                target.column_count = all.count
                return weir_json_decoder_add_table(native, columns, columns.count, &target, 1)
            }
        }
        guard number >= 0 else {
            weir_json_decoder_destroy(native)
            throw WeirError(.outOfSpace, "no memory for a JSON decoder")
        }
        self.schema = schema
        self.native = native
        table = number
    }

    deinit { weir_json_decoder_destroy(native) }

    /// Decodes one change per record. `rows` gives the location of each JSON object in the arena of `raw` and the
    /// offset of its change, `kinds` one `ChangeKind` raw value each. Throws `corrupt` with the offset if a value is
    /// not a valid row.
    public func decode(_ raw: RawBatch, rows: [RawBatch.Record], kinds: [UInt8]) throws(WeirError) -> ChangeBatch {
        precondition(rows.count == kinds.count, "one kind a row")
        guard !rows.isEmpty else {
            let none = Buffer.filled(count: 0) { _ in }
            return ChangeBatch(rows: .empty(schema), kinds: none, offsets: none)
        }
        weir_json_decoder_begin(native)
        var next = 0
        let status = rows.withUnsafeBufferPointer { rows in
            rows.withMemoryRebound(to: weir_json_record.self) { records in
                var batch = weir_json_batch(
                    arena: raw.arena.bytes.assumingMemoryBound(to: UInt8.self).baseAddress,
                    arena_count: raw.arena.count,
                    records: records.baseAddress,
                    record_count: records.count,
                    topic: nil,
                    topic_count: 0
                )
                return weir_json_decoder_run_rows(native, table, &batch, kinds, &next)
            }
        }
        guard status == WEIR_JSON_DONE else { throw failure(status, raw, rows, at: next) }
        return takeBatch(count: rows.count)
    }

    private func failure(
        _ status: weir_json_status,
        _ raw: RawBatch,
        _ rows: [RawBatch.Record],
        at row: Int
    ) -> WeirError {
        let offset = row < rows.count ? rows[row].offset : -1
        let location = "topic \(raw.topic), partition \(raw.partition), offset \(offset)"
        switch status {
        case WEIR_JSON_BAD_ROW:
            let rejection = weir_json_decoder_rejection(native, 0)
            let reason = UnsafeRawBufferPointer(start: rejection.reason, count: rejection.reason_count)
            return WeirError(.corrupt, String(decoding: reason, as: UTF8.self), at: location)
        case WEIR_JSON_BAD_SLICE:
            return WeirError(.corrupt, "a record lies outside its arena of \(raw.arena.count) bytes", at: location)
        case WEIR_JSON_TOO_LARGE:
            return WeirError(
                .invalid,
                "a column of the batch would hold more than 2 GiB of text",
                at: location,
                advice: "read smaller batches"
            )
        default: return WeirError(.outOfSpace, "no memory to decode a batch of \(rows.count) records", at: location)
        }
    }

    private func takeBatch(count: Int) -> ChangeBatch {
        let columns = schema.fields.indices.map { index in
            let vector = weir_json_decoder_take_column(native, table, index)
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
            kinds: NativeMemory.buffer(weir_json_decoder_take_kinds(native, table, 0)) ?? empty,
            offsets: NativeMemory.buffer(weir_json_decoder_take_offsets(native, table)) ?? empty
        )
    }
}
