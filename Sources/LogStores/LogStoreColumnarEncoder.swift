import Bytes
import ChangeEvents
import Columnar
import EventLog

/// Encodes changes as columnar log store records, one per batch and partition: a version 2 header and the batch's
/// memory. Only Weir reads this format.
public struct LogStoreColumnarEncoder: Sendable {
    public let topic: String
    private let fingerprint: UInt64

    /// Fails with `unsupported` for nested columns.
    public init(_ schema: Schema, topic: String) throws(WeirError) {
        try LogStoreFormat.check(schema)
        self.topic = topic
        fingerprint = ColumnarPayload.fingerprint(schema)
    }

    /// One record for each partition that gets rows.
    public func encode(
        _ batch: ChangeBatch,
        upstream: UpstreamID,
        epoch: Int64,
        split: LogStoreSplit,
        partitions: [Int]
    ) throws(WeirError) -> [RawBatch] {
        var encoded: [RawBatch] = []
        for (index, partition) in partitions.enumerated() {
            let rows = split.rows(at: index)
            guard !rows.isEmpty else { continue }
            let part = rows.count == batch.count ? batch : batch.gathered(Array(rows))
            var arena = RecordArena(capacity: part.rows.byteCount + part.count * 5 + 4096)
            LogStoreHeader(version: .columnar, upstream: upstream, epoch: epoch).append(to: &arena.bytes)
            append(part, to: &arena.bytes)
            try arena.endRecord()
            encoded.append(arena.finish(topic: topic, partition: partition))
        }
        return encoded
    }

    /// Appends the payload of at least one row.
    func append(_ batch: ChangeBatch, to target: inout GrowableBuffer) {
        let start = target.count
        let columns = batch.rows.columns
        target.append(fingerprint.littleEndian)
        target.append(UInt32(truncatingIfNeeded: batch.count).littleEndian)
        target.append(UInt32(truncatingIfNeeded: columns.count).littleEndian)
        var payload = PayloadWriter(start: start, directory: target.count)
        target.append(repeating: 0, count: 4 * (2 + ColumnarPayload.buffersPerColumn * columns.count))
        payload.write(to: &target) { Self.appendKinds(batch, to: &$0) }
        payload.write(to: &target) { Self.appendOffsets(batch, to: &$0) }
        for column in columns { Self.append(column, &payload, to: &target) }
    }

    /// Writes buffers at aligned positions and their sizes into the directory.
    private struct PayloadWriter {
        let start: Int
        var directory: Int

        mutating func write(to target: inout GrowableBuffer, _ body: (inout GrowableBuffer) -> Void) {
            let offset = start + ColumnarPayload.aligned(target.count - start)
            target.append(repeating: 0, count: offset - target.count)
            body(&target)
            let size = UInt32(truncatingIfNeeded: target.count - offset)
            target.base.storeBytes(of: size.littleEndian, toByteOffset: directory, as: UInt32.self)
            directory += 4
        }

        /// A missing buffer takes no space, not even alignment padding.
        mutating func skip() { directory += 4 }
    }

    private static func appendKinds(_ batch: ChangeBatch, to target: inout GrowableBuffer) {
        let kinds = UnsafeRawBufferPointer(start: batch.kinds.base, count: batch.count)
        let isUniform = kinds.allSatisfy { $0 == kinds[0] }
        target.append(isUniform ? UnsafeRawBufferPointer(rebasing: kinds[0..<1]) : kinds)
    }

    private static func appendOffsets(_ batch: ChangeBatch, to target: inout GrowableBuffer) {
        let offsets = UnsafeBufferPointer(start: batch.offsets.values(as: Int64.self), count: batch.count)
        let first = offsets[0]
        target.append(first.littleEndian)
        if offsets.allSatisfy({ 0...Int64(UInt32.max) ~= $0 &- first }) {
            for offset in offsets { target.append(UInt32(truncatingIfNeeded: offset &- first).littleEndian) }
        } else {
            for offset in offsets { target.append((offset &- first).littleEndian) }
        }
    }

    private static func append(_ column: ColumnVector, _ payload: inout PayloadWriter, to target: inout GrowableBuffer)
    {
        let count = column.count
        let nulls = column.nullCount
        if nulls > 0, let validity = column.validity {
            payload.write(to: &target) {
                $0.append(UnsafeRawBufferPointer(start: validity.base, count: Bitmap.byteCount(count)))
            }
        } else {
            payload.skip()
        }
        guard nulls < count else {
            payload.skip()
            return payload.skip()
        }
        switch column.type.layout {
        case .bits:
            payload.write(to: &target) {
                $0.append(UnsafeRawBufferPointer(start: column.values.base, count: Bitmap.byteCount(count)))
            }
            payload.skip()
        case .fixedWidth(let width):
            payload.write(to: &target) {
                $0.append(UnsafeRawBufferPointer(start: column.values.base, count: count * width))
            }
            payload.skip()
        case .variableWidth, .nested:
            let ends = column.values.values(as: Int32.self)
            let first = ends[0]
            payload.write(to: &target) { target in
                for row in 0...count { target.append((ends[row] - first).littleEndian) }
            }
            payload.write(to: &target) { target in
                guard let bytes = column.bytes else { return }
                target.append(UnsafeRawBufferPointer(start: bytes.base + Int(first), count: Int(ends[count] - first)))
            }
        }
    }
}
