import Bytes
import ChangeEvents
import Columnar

/// Decodes the payload of a version 2 log store record. Copies the whole payload once; columns are slices of the copy.
public struct LogStoreColumnarDecoder: Sendable {
    private let schema: Schema
    private let fingerprint: UInt64

    /// Fails with `unsupported` for nested columns.
    public init(_ schema: Schema) throws(WeirError) {
        try LogStoreFormat.check(schema)
        self.schema = schema
        fingerprint = ColumnarPayload.fingerprint(schema)
    }

    /// The changes of a payload, with their original source offsets. Fails with `invalid` when the payload was written
    /// for other columns, and with `corrupt` when it is damaged.
    public func decode(_ payload: UnsafeRawBufferPointer) throws(WeirError) -> ChangeBatch {
        guard payload.count >= ColumnarPayload.fixedBytes else { throw damaged("it has \(payload.count) bytes") }
        guard payload.loadUnaligned(fromByteOffset: 0, as: UInt64.self).littleEndian == fingerprint else {
            throw WeirError(
                .invalid,
                "the batch was written for columns other than the table's \(schema.fields.count)",
                advice: "columnar log stores are read with the schema they were written with"
            )
        }
        let count = Int(payload.loadUnaligned(fromByteOffset: 8, as: UInt32.self).littleEndian)
        let columns = Int(payload.loadUnaligned(fromByteOffset: 12, as: UInt32.self).littleEndian)
        guard columns == schema.count, count > 0, count < Int(Int32.max) else {
            throw damaged("it has \(columns) columns and \(count) rows")
        }
        guard payload.count >= ColumnarPayload.directoryEnd(columns: columns) else {
            throw damaged("its directory does not fit into \(payload.count) bytes")
        }
        // The payload may be unaligned in the arena, but columns need aligned buffers.
        let memory = Buffer.filled(count: payload.count) { $0.copyMemory(from: payload) }
        var parts = PayloadParts(memory, columns: columns)
        let kinds = try kinds(try parts.next(), count)
        let offsets = try offsets(try parts.next(), count)
        var vectors: [ColumnVector] = []
        for field in schema.fields {
            vectors.append(try column(field, count, try parts.next(), try parts.next(), try parts.next()))
        }
        return ChangeBatch(
            rows: ColumnBatch(schema: schema, columns: vectors, count: count),
            kinds: kinds,
            offsets: offsets
        )
    }

    /// Reads the buffers of a payload in order.
    private struct PayloadParts {
        let memory: Buffer
        var directory = ColumnarPayload.fixedBytes
        var offset: Int

        init(_ memory: Buffer, columns: Int) {
            self.memory = memory
            offset = ColumnarPayload.directoryEnd(columns: columns)
        }

        mutating func next() throws(WeirError) -> Buffer {
            let size = Int(memory.base.loadUnaligned(fromByteOffset: directory, as: UInt32.self).littleEndian)
            directory += 4
            guard size > 0 else { return memory.slice(from: 0, count: 0) }
            let start = ColumnarPayload.aligned(offset)
            guard start + size <= memory.count else {
                throw WeirError(.corrupt, "the batch is damaged: \(start + size) bytes wanted of \(memory.count)")
            }
            offset = start + size
            return memory.slice(from: start, count: size)
        }
    }

    private func kinds(_ part: Buffer, _ count: Int) throws(WeirError) -> Buffer {
        guard part.count == count || part.count == 1, part.bytes.allSatisfy({ $0 <= ChangeKind.delete.rawValue }) else {
            throw damaged("its \(part.count) kinds are not those of \(count) rows")
        }
        if part.count == count { return part }
        let kind = part.bytes[0]
        return Buffer.filled(count: count) { $0.initializeMemory(as: UInt8.self, repeating: kind) }
    }

    private func offsets(_ part: Buffer, _ count: Int) throws(WeirError) -> Buffer {
        guard part.count == 8 + 4 * count || part.count == 8 + 8 * count else {
            throw damaged("its offsets take \(part.count) bytes")
        }
        let isNarrow = part.count == 8 + 4 * count
        let first = part.base.load(as: Int64.self).littleEndian
        return Buffer.filled(count: count * 8) { target in
            let source = part.base + 8
            for row in 0..<count {
                let distance =
                    isNarrow
                    ? Int64(source.load(fromByteOffset: row * 4, as: UInt32.self).littleEndian)
                    : source.load(fromByteOffset: row * 8, as: Int64.self).littleEndian
                target.storeBytes(of: first &+ distance, toByteOffset: row * 8, as: Int64.self)
            }
        }
    }

    private func column(
        _ field: Field,
        _ count: Int,
        _ validity: Buffer,
        _ values: Buffer,
        _ bytes: Buffer
    ) throws(WeirError) -> ColumnVector {
        let bits = Bitmap.byteCount(count)
        guard validity.count == 0 || validity.count == bits else { throw damaged(field, "validity", validity) }
        let isVariable = field.type.layout == .variableWidth
        let expected: Int =
            switch field.type.layout {
            case .bits: bits
            case .fixedWidth(let width): count * width
            case .variableWidth, .nested: 4 * (count + 1)
            }
        if values.count == 0, validity.count == bits, Bitmap.countSet(validity.base, count) == 0 {
            return .nulls(field.type, count: count)
        }
        guard values.count == expected, isVariable || bytes.count == 0 else { throw damaged(field, "values", values) }
        if isVariable {
            let ends = values.values(as: Int32.self)
            var isAscending = ends[0] == 0 && Int(ends[count]) == bytes.count
            for row in 0..<count where ends[row + 1] < ends[row] { isAscending = false }
            guard isAscending else { throw damaged(field, "text", bytes) }
        }
        return ColumnVector(
            type: field.type,
            count: count,
            validity: validity.count == 0 ? nil : validity,
            values: values,
            bytes: isVariable ? bytes : nil
        )
    }

    private func damaged(_ field: Field, _ part: String, _ buffer: Buffer) -> WeirError {
        damaged("the \(part) of column '\(field.name)' do not fit in \(buffer.count) bytes")
    }

    private func damaged(_ reason: String) -> WeirError { WeirError(.corrupt, "the batch is damaged: \(reason)") }
}
