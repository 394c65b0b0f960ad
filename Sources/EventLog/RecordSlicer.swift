import Bytes

/// Finds the positions of the records in an uncompressed batch without copying.
enum RecordSlicer {
    /// The fewest bytes a record takes: seven numbers of one byte each.
    static let recordBytesMin = 7

    /// Appends a table entry for every record from `firstOffset` on between `start` and `end` of the arena.
    ///
    /// Fails with `corrupt` when the records do not match the header.
    static func slice(
        _ arena: UnsafeRawPointer,
        from start: Int,
        to end: Int,
        header: RecordBatchHeader,
        firstOffset: Int64,
        into table: inout GrowableBuffer
    ) throws(WeirError) {
        let count = Int(header.recordCount)
        guard count <= (end - start) / recordBytesMin else {
            throw damage(header, "it claims \(count) records in \(end - start) bytes")
        }
        table.reserve(count * MemoryLayout<RawBatch.Record>.stride)
        let first = (table.base + table.count).assumingMemoryBound(to: RawBatch.Record.self)
        var kept = 0
        var position = start
        var previousDelta: Int64 = -1
        for index in 0..<count {
            guard let length = Varint.load(arena, &position, end: end), length > 0, length <= Int64(end - position)
            else {
                throw damage(header, "record \(index) has no valid length")
            }
            let recordEnd = position + Int(length)
            position += 1
            guard let timestampDelta = Varint.load(arena, &position, end: recordEnd),
                let offsetDelta = Varint.load(arena, &position, end: recordEnd),
                let key = Varint.load(arena, &position, end: recordEnd), key >= -1, key <= Int64(recordEnd - position)
            else { throw damage(header, "record \(index) has no valid key") }
            let keyStart = position
            position += max(Int(key), 0)
            guard let value = Varint.load(arena, &position, end: recordEnd), value >= -1,
                value <= Int64(recordEnd - position)
            else { throw damage(header, "record \(index) has no valid value") }
            let valueStart = position
            position += max(Int(value), 0)
            guard let headers = Varint.load(arena, &position, end: recordEnd), headers >= 0 else {
                throw damage(header, "record \(index) has no valid headers")
            }
            guard offsetDelta > previousDelta, offsetDelta <= Int64(header.lastOffsetDelta) else {
                throw damage(header, "record \(index) has the offset delta \(offsetDelta) after \(previousDelta)")
            }
            previousDelta = offsetDelta
            position = recordEnd
            let offset = header.baseOffset + offsetDelta
            if offset < firstOffset { continue }
            // The arena is below 2 GiB, so positions fit 32 bits.
            first[kept] = RawBatch.Record(
                offset: offset,
                timestamp: header.usesAppendTime ? header.maxTimestamp : header.baseTimestamp &+ timestampDelta,
                keyStart: Int32(truncatingIfNeeded: keyStart),
                keyCount: Int32(truncatingIfNeeded: key),
                valueStart: Int32(truncatingIfNeeded: valueStart),
                valueCount: Int32(truncatingIfNeeded: value)
            )
            kept += 1
        }
        guard position == end else { throw damage(header, "\(end - position) bytes follow its last record") }
        table.advance(by: kept * MemoryLayout<RawBatch.Record>.stride)
    }

    private static func damage(_ header: RecordBatchHeader, _ what: String) -> WeirError {
        WeirError(.corrupt, "the record batch at offset \(header.baseOffset) is damaged: \(what)")
    }
}
