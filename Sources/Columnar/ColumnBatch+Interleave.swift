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
}

extension ColumnVector {
    static func interleaved(_ sources: [ColumnVector], type: FieldType, picks: [RowPick]) -> ColumnVector {
        picks.withUnsafeBufferPointer { picks in
            var validity: Buffer?
            if sources.contains(where: { $0.validity != nil }) {
                validity = bits(picks) { !sources[Int($0.source)].isNull(Int($0.row)) }
            }
            switch type.layout {
            case .bits:
                let values = bits(picks) { sources[Int($0.source)].boolean(Int($0.row)) }
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
                return ColumnVector(type: type, count: picks.count, validity: validity, values: offsets, bytes: arena)
            }
        }
    }

    private static func bits(_ picks: UnsafeBufferPointer<RowPick>, _ isSet: (RowPick) -> Bool) -> Buffer {
        Buffer.filled(count: Bitmap.byteCount(picks.count)) { target in
            target.initializeMemory(as: UInt8.self, repeating: 0)
            for (place, pick) in picks.enumerated() where isSet(pick) { Bitmap.set(target.baseAddress!, place) }
        }
    }

    private static func fixed<T: BitwiseCopyable>(
        _ bases: [UnsafeRawPointer],
        _ picks: UnsafeBufferPointer<RowPick>,
        _ type: T.Type
    ) -> Buffer {
        Buffer.filled(count: picks.count * MemoryLayout<T>.size) { target in
            let out = target.baseAddress!.assumingMemoryBound(to: T.self)
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
            for (place, pick) in picks.enumerated() {
                memcpy(target.baseAddress! + place * width, bases[Int(pick.source)] + Int(pick.row) * width, width)
            }
        }
    }

    private static func variable(
        _ sources: [ColumnVector],
        _ picks: UnsafeBufferPointer<RowPick>
    ) -> (offsets: Buffer, arena: Buffer) {
        var total = 0
        let offsets = Buffer.filled(count: (picks.count + 1) * 4) { target in
            let out = target.baseAddress!.assumingMemoryBound(to: Int32.self)
            out[0] = 0
            for place in 0..<picks.count {
                let pick = picks[place]
                let lengths = sources[Int(pick.source)].values.values(as: Int32.self)
                total += Int(lengths[Int(pick.row) + 1] - lengths[Int(pick.row)])
                out[place + 1] = Int32(truncatingIfNeeded: total)
            }
        }
        precondition(total <= Int(Int32.max), "a column of a batch holds at most 2 GiB of text")
        let arena = Buffer.filled(count: total) { target in
            var out = target.baseAddress!
            for pick in picks {
                let value = sources[Int(pick.source)].bytes(Int(pick.row))
                if let base = value.baseAddress { memcpy(out, base, value.count) }
                out += value.count
            }
        }
        return (offsets, arena)
    }
}
