import Bytes
import Foundation

/// One row of one of several batches.
public struct RowPick: BitwiseCopyable, Sendable {
    public var source: Int32
    public var row: Int32

    @inline(__always)
    public init(source: Int32, row: Int32) {
        self.source = source
        self.row = row
    }
}

extension ColumnBatch {
    /// A new batch of rows taken from several batches of one schema, in the order of the picks.
    public static func interleaved(_ sources: [ColumnBatch], schema: Schema, picks: [RowPick]) -> ColumnBatch {
        guard let rows = interleaved(sources, schema: schema, picks: picks, textBytes: textBytesMax) else {
            preconditionFailure("a column of a batch holds at most 2 GiB of text")
        }
        return rows
    }

    /// Recommended maximum bytes of text in a column where rows are multiplied or combined, far below the hard limit.
    public static let usualTextBytes = 256 << 20
    /// The limit of 32-bit offsets.
    private static let textBytesMax = Int(Int32.max)

    /// As `interleaved`, but only for the first picks: as many as fit `textBytes` of text in each column, and at least
    /// two, because the two rows of an update belong together.
    public static func interleavedPrefix(
        _ sources: [ColumnBatch],
        schema: Schema,
        picks: [RowPick],
        textBytes: Int = usualTextBytes
    ) throws(WeirError) -> ColumnBatch {
        if let all = interleaved(sources, schema: schema, picks: picks, textBytes: textBytes) { return all }
        let fit = max(fitting(sources, schema: schema, picks: picks, textBytes: textBytes), min(2, picks.count))
        guard
            let rows = interleaved(sources, schema: schema, picks: Array(picks.prefix(fit)), textBytes: textBytesMax)
        else { throw WeirError(.unsupported, "two rows hold more than 2 GiB of text in one column") }
        return rows
    }

    /// Nil when a column would exceed `textBytes`.
    private static func interleaved(
        _ sources: [ColumnBatch],
        schema: Schema,
        picks: [RowPick],
        textBytes: Int
    ) -> ColumnBatch? {
        var columns: [ColumnVector] = []
        columns.reserveCapacity(schema.fields.count)
        for (index, field) in schema.fields.enumerated() {
            let parts = sources.map { $0.columns[index] }
            guard let column = ColumnVector.interleaved(parts, type: field.type, picks: picks, textBytes: textBytes)
            else { return nil }
            columns.append(column)
        }
        return ColumnBatch(schema: schema, columns: columns, count: picks.count)
    }

    /// How many of the first picks fit a batch with at most `textBytes` of text in each column.
    private static func fitting(
        _ sources: [ColumnBatch],
        schema: Schema,
        picks: [RowPick],
        textBytes: Int
    ) -> Int {
        var fit = picks.count
        for (index, field) in schema.fields.enumerated() where field.type.layout == .variableWidth {
            let columns = sources.map { $0.columns[index] }
            withExtendedLifetime(columns) {
                let offsets = columns.map { $0.values.values(as: Int32.self) }
                var total = 0
                for (count, pick) in picks.prefix(fit).enumerated() {
                    let ends = offsets[Int(pick.source)] + Int(pick.row)
                    total += Int(ends[1]) - Int(ends[0])
                    if total > textBytes {
                        fit = count
                        break
                    }
                }
            }
        }
        return fit
    }
}

extension ColumnVector {
    /// A new column of values taken from several columns of one type, in the order of the picks.
    public static func interleaved(_ sources: [ColumnVector], type: FieldType, picks: [RowPick]) -> ColumnVector {
        guard let column = interleaved(sources, type: type, picks: picks, textBytes: Int(Int32.max)) else {
            preconditionFailure("a column of a batch holds at most 2 GiB of text")
        }
        return column
    }

    /// Nil when the column would exceed `textBytes`.
    fileprivate static func interleaved(
        _ sources: [ColumnVector],
        type: FieldType,
        picks: [RowPick],
        textBytes: Int
    ) -> ColumnVector? {
        precondition(sources.allSatisfy { $0.type == type }, "columns of different types do not interleave")
        return picks.withUnsafeBufferPointer { picks in
            withExtendedLifetime(sources) {
                var validity: Buffer?
                if sources.contains(where: { $0.validity != nil }) {
                    validity = bits(sources.map { $0.validity?.base }, picks)
                }
                switch type.layout {
                case .bits:
                    let values = bits(sources.map(\.values.base), picks)
                    return ColumnVector(type: type, count: picks.count, validity: validity, values: values)
                case .fixedWidth(let width):
                    let bases = sources.map(\.values.base)
                    let values =
                        switch width {
                        case 4: fixed(bases, picks, UInt32.self)
                        case 8: fixed(bases, picks, UInt64.self)
                        case 16: fixed(bases, picks, UInt128.self)
                        default: opaque(bases, picks, width: width)
                        }
                    return ColumnVector(type: type, count: picks.count, validity: validity, values: values)
                case .variableWidth, .nested:
                    guard let (offsets, arena) = variable(sources, picks, textBytes: textBytes) else { return nil }
                    return ColumnVector(
                        type: type,
                        count: picks.count,
                        validity: validity,
                        values: offsets,
                        bytes: arena
                    )
                }
            }
        }
    }

    /// The picked bits of several bitmaps; a missing bitmap counts as all set.
    private static func bits(_ bitmaps: [UnsafeRawPointer?], _ picks: UnsafeBufferPointer<RowPick>) -> Buffer {
        Buffer.filled(count: Bitmap.byteCount(picks.count)) { target in
            let out = target.bindMemory(to: UInt8.self)
            bitmaps.withUnsafeBufferPointer { bitmaps in
                var begin = 0
                for index in 0..<out.count {
                    var byte: UInt8 = 0
                    for bit in begin..<min(begin + 8, picks.count) {
                        let pick = picks[bit]
                        let isSet = bitmaps[Int(pick.source)].map { Bitmap.isSet($0, Int(pick.row)) } ?? true
                        byte |= (isSet ? 1 : 0) << UInt8(truncatingIfNeeded: bit - begin)
                    }
                    out[index] = byte
                    begin = min(begin + 8, picks.count)
                }
            }
        }
    }

    private static func fixed<T: BitwiseCopyable>(
        _ bases: [UnsafeRawPointer],
        _ picks: UnsafeBufferPointer<RowPick>,
        _ type: T.Type
    ) -> Buffer {
        Buffer.filled(count: picks.count * MemoryLayout<T>.size) { target in
            guard let out = target.baseAddress?.assumingMemoryBound(to: T.self) else { return }
            bases.withUnsafeBufferPointer { bases in
                for index in 0..<picks.count {
                    let pick = picks[index]
                    out[index] = bases[Int(pick.source)].assumingMemoryBound(to: T.self)[Int(pick.row)]
                }
            }
        }
    }

    private static func opaque(
        _ bases: [UnsafeRawPointer],
        _ picks: UnsafeBufferPointer<RowPick>,
        width: Int
    ) -> Buffer {
        Buffer.filled(count: picks.count * width) { target in
            guard let out = target.baseAddress else { return }
            for (index, pick) in picks.enumerated() {
                memcpy(out + index * width, bases[Int(pick.source)] + Int(pick.row) * width, width)
            }
        }
    }

    /// The offsets and the bytes of a column's texts.
    private struct Texts {
        let offsets: UnsafePointer<Int32>
        let bytes: UnsafeRawPointer?
    }

    private static func variable(
        _ sources: [ColumnVector],
        _ picks: UnsafeBufferPointer<RowPick>,
        textBytes: Int
    ) -> (offsets: Buffer, arena: Buffer)? {
        let texts = sources.map { Texts(offsets: $0.values.values(as: Int32.self), bytes: $0.bytes?.base) }
        return texts.withUnsafeBufferPointer { texts in
            var total = 0
            let offsets = Buffer.filled(count: (picks.count + 1) * 4) { target in
                guard let out = target.baseAddress?.assumingMemoryBound(to: Int32.self) else { return }
                out[0] = 0
                for index in 0..<picks.count {
                    let pick = picks[index]
                    let ends = texts[Int(pick.source)].offsets + Int(pick.row)
                    total += Int(ends[1] - ends[0])
                    out[index + 1] = Int32(truncatingIfNeeded: total)
                }
            }
            guard total <= textBytes else { return nil }
            let arena = Buffer.filled(count: total) { target in
                guard var out = target.baseAddress else { return }
                for index in 0..<picks.count {
                    let pick = picks[index]
                    let source = texts[Int(pick.source)]
                    let start = Int(source.offsets[Int(pick.row)])
                    let length = Int(source.offsets[Int(pick.row) + 1]) - start
                    guard length > 0, let bytes = source.bytes else { continue }
                    memcpy(out, bytes + start, length)
                    out += length
                }
            }
            return (offsets, arena)
        }
    }
}
