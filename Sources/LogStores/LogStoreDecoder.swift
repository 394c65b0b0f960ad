import Bytes
import ChangeEvents
import Columnar
import EventDecoders
import EventLog

/// A decoded entry of a log store, in record order.
public enum LogStoreEntry: Sendable {
    case rows(LogStoreChanges)
    /// A flip: retracts the rows of the upstream with a higher epoch that precede this offset.
    case flip(upstream: UpstreamID, epoch: Int64, offset: Int64)
}

/// Decodes log store records, JSON and columnar, into columns of a schema. Used by one thread at a time.
public final class LogStoreDecoder {
    private let json: LogStoreRowDecoder
    private let columnar: LogStoreColumnarDecoder

    /// Fails with `unsupported` for nested columns.
    public init(_ schema: Schema) throws(WeirError) {
        json = try LogStoreRowDecoder(schema)
        columnar = try LogStoreColumnarDecoder(schema)
    }

    /// Decodes the records of a batch in a range of offsets. Adjacent rows of one upstream and epoch are returned
    /// together. A record that is not a log store record, or not a row of the schema, fails with an error that names
    /// its offset.
    public func decode(
        _ raw: RawBatch,
        offsets range: Range<Int64> = 0..<Int64.max
    ) throws(WeirError) -> [LogStoreEntry] {
        var entries: [LogStoreEntry] = []
        var run = RowRun()
        for record in raw.records where range.contains(record.offset) {
            let header = try header(of: record, in: raw)
            if !run.rows.isEmpty, !run.takes(header) { entries.append(try finish(&run, raw)) }
            if header.isFlip {
                entries.append(.flip(upstream: header.upstream, epoch: header.epoch, offset: record.offset))
            } else if header.version == .columnar {
                entries.append(.rows(try batch(header, record, in: raw)))
            } else {
                run.append(record, header)
            }
        }
        if !run.rows.isEmpty { entries.append(try finish(&run, raw)) }
        return entries
    }

    /// JSON records that are decoded together.
    private struct RowRun {
        var upstream = UpstreamID(code: 0)
        var epoch: Int64 = 0
        var rows: [RawBatch.Record] = []
        var kinds: [UInt8] = []

        func takes(_ header: LogStoreHeader) -> Bool {
            !header.isFlip && header.version == .json && header.epoch == epoch && header.upstream == upstream
        }

        mutating func append(_ record: RawBatch.Record, _ header: LogStoreHeader) {
            upstream = header.upstream
            epoch = header.epoch
            var row = record
            row.valueStart += Int32(LogStoreHeader.byteCount)
            row.valueCount -= Int32(LogStoreHeader.byteCount)
            rows.append(row)
            kinds.append(header.action.rawValue)
        }
    }

    private func header(of record: RawBatch.Record, in raw: RawBatch) throws(WeirError) -> LogStoreHeader {
        guard let value = raw.value(record) else {
            throw WeirError(.corrupt, "a record without a value", at: location(record, in: raw))
        }
        do {
            return try LogStoreHeader(decoding: value)
        } catch {
            throw error.located(at: location(record, in: raw))
        }
    }

    private func finish(_ run: inout RowRun, _ raw: RawBatch) throws(WeirError) -> LogStoreEntry {
        let batch = try json.decode(raw, rows: run.rows, kinds: run.kinds)
        run.rows.removeAll(keepingCapacity: true)
        run.kinds.removeAll(keepingCapacity: true)
        return .rows(
            LogStoreChanges(batch: batch, upstream: run.upstream, epoch: run.epoch, recordOffsets: batch.offsets)
        )
    }

    private func batch(
        _ header: LogStoreHeader,
        _ record: RawBatch.Record,
        in raw: RawBatch
    ) throws(WeirError) -> LogStoreChanges {
        let value = UnsafeRawBufferPointer(
            start: raw.arena.base + Int(record.valueStart) + LogStoreHeader.byteCount,
            count: Int(record.valueCount) - LogStoreHeader.byteCount
        )
        let batch: ChangeBatch
        do {
            batch = try columnar.decode(value)
        } catch {
            throw error.located(at: location(record, in: raw))
        }
        let offsets = Buffer.repeating(record.offset, count: batch.count)
        return LogStoreChanges(
            batch: ChangeBatch(rows: batch.rows, kinds: batch.kinds, offsets: offsets),
            upstream: header.upstream,
            epoch: header.epoch,
            recordOffsets: offsets
        )
    }

    private func location(_ record: RawBatch.Record, in raw: RawBatch) -> String {
        "topic \(raw.topic), partition \(raw.partition), offset \(record.offset)"
    }
}
