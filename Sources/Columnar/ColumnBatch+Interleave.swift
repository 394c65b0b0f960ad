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
        let columns = schema.fields.indices.map { place in
            ColumnVector.interleaved(sources.map { $0.columns[place] }, type: schema.fields[place].type, picks: picks)
        }
        return ColumnBatch(schema: schema, columns: columns, count: picks.count)
    }

    /// Text that a column should hold at most where rows are multiplied or put together: far below what it can hold.
    public static let usualTextBytes = 256 << 20

    /// How many of the picks, from the first, make a batch whose columns hold so much text each.
    ///
    /// - Parameter textBytes: at most what offsets of 32 bits reach.
    public static func fitting(
        _ sources: [ColumnBatch],
        schema: Schema,
        picks: ArraySlice<RowPick>,
        textBytes: Int = usualTextBytes
    ) -> Int {
        var fit = picks.count
        for place in schema.fields.indices where schema.fields[place].type.layout == .variableWidth {
            let columns = sources.map { $0.columns[place] }
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
                    let (offsets, arena) = variable(sources, picks)
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

    /// Bits of several bitmaps; one that is missing counts as all set.
    private static func bits(_ bitmaps: [UnsafeRawPointer?], _ picks: UnsafeBufferPointer<RowPick>) -> Buffer {
        Buffer.filled(count: Bitmap.byteCount(picks.count)) { target in
            target.initializeMemory(as: UInt8.self, repeating: 0)
            guard let base = target.baseAddress else { return }
            bitmaps.withUnsafeBufferPointer { bitmaps in
                for place in 0..<picks.count {
                    let pick = picks[place]
                    guard let bitmap = bitmaps[Int(pick.source)] else {
                        Bitmap.set(base, place)
                        continue
                    }
                    if Bitmap.isSet(bitmap, Int(pick.row)) { Bitmap.set(base, place) }
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
                for place in 0..<picks.count {
                    let pick = picks[place]
                    out[place] = bases[Int(pick.source)].assumingMemoryBound(to: T.self)[Int(pick.row)]
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
            for (place, pick) in picks.enumerated() {
                memcpy(out + place * width, bases[Int(pick.source)] + Int(pick.row) * width, width)
            }
        }
    }

    /// Where a column's texts begin and end, and their bytes.
    private struct Texts {
        let offsets: UnsafePointer<Int32>
        let bytes: UnsafeRawPointer?
    }

    private static func variable(
        _ sources: [ColumnVector],
        _ picks: UnsafeBufferPointer<RowPick>
    ) -> (offsets: Buffer, arena: Buffer) {
        let texts = sources.map { Texts(offsets: $0.values.values(as: Int32.self), bytes: $0.bytes?.base) }
        return texts.withUnsafeBufferPointer { texts in
            var total = 0
            let offsets = Buffer.filled(count: (picks.count + 1) * 4) { target in
                guard let out = target.baseAddress?.assumingMemoryBound(to: Int32.self) else { return }
                out[0] = 0
                for place in 0..<picks.count {
                    let pick = picks[place]
                    let ends = texts[Int(pick.source)].offsets + Int(pick.row)
                    total += Int(ends[1] - ends[0])
                    out[place + 1] = Int32(truncatingIfNeeded: total)
                }
            }
            precondition(total <= Int(Int32.max), "a column of a batch holds at most 2 GiB of text")
            let arena = Buffer.filled(count: total) { target in
                guard var out = target.baseAddress else { return }
                for place in 0..<picks.count {
                    let pick = picks[place]
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
