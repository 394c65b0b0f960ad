import Bytes
import Foundation

extension ColumnBatch {
    /// Concatenates the rows of all batches. The batches must have the same column types; the result has the first
    /// one's schema. There must be at least one batch.
    public static func concatenated(_ batches: [ColumnBatch]) -> ColumnBatch {
        guard let first = batches.first else { preconditionFailure("there is no schema without a batch") }
        let filled = batches.filter { $0.count > 0 }
        if filled.count < 2 { return filled.first ?? first }
        let columns = (0..<first.columns.count).map { index in
            ColumnVector.concatenated(filled.map { $0.columns[index] })
        }
        return ColumnBatch(schema: first.schema, columns: columns, count: filled.reduce(0) { $0 + $1.count })
    }
}

extension ColumnVector {
    /// Concatenates the values of all parts. The parts must have the same type, and there must be at least one.
    public static func concatenated(_ parts: [ColumnVector]) -> ColumnVector {
        guard let type = parts.first?.type else { preconditionFailure("there is no type without a column") }
        precondition(parts.allSatisfy { $0.type == type }, "columns of different types do not concatenate")
        let count = parts.reduce(0) { $0 + $1.count }
        let validity = parts.contains { $0.validity != nil } ? bits(parts, count: count) { $0.validity } : nil
        switch type.layout {
        case .bits:
            let values = bits(parts, count: count) { $0.values }
            return ColumnVector(type: type, count: count, validity: validity, values: values)
        case .fixedWidth(let width):
            let values = Buffer.filled(count: count * width) { target in
                guard var out = target.baseAddress else { return }
                for part in parts {
                    memcpy(out, part.values.base, part.count * width)
                    out += part.count * width
                }
            }
            return ColumnVector(type: type, count: count, validity: validity, values: values)
        case .variableWidth, .nested:
            let (offsets, arena) = texts(parts, count: count)
            return ColumnVector(type: type, count: count, validity: validity, values: offsets, bytes: arena)
        }
    }

    /// Concatenates the bitmaps; a part without a bitmap counts as all set.
    private static func bits(_ parts: [ColumnVector], count: Int, _ bitmap: (ColumnVector) -> Buffer?) -> Buffer {
        Buffer.filled(count: Bitmap.byteCount(count)) { target in
            target.initializeMemory(as: UInt8.self, repeating: 0)
            guard let base = target.baseAddress else { return }
            var start = 0
            for part in parts {
                if let bits = bitmap(part) {
                    Bitmap.merge(bits.base, count: part.count, into: base, at: start)
                } else {
                    for row in start..<start + part.count { Bitmap.set(base, row) }
                }
                start += part.count
            }
        }
    }

    private static func texts(_ parts: [ColumnVector], count: Int) -> (offsets: Buffer, arena: Buffer) {
        let lengths = parts.map { part in
            let offsets = part.values.values(as: Int32.self)
            return Int(offsets[part.count]) - Int(offsets[0])
        }
        let total = lengths.reduce(0, +)
        precondition(total <= Int(Int32.max), "a column of a batch holds at most 2 GiB of text")
        let offsets = Buffer.filled(count: (count + 1) * 4) { target in
            guard var out = target.baseAddress?.assumingMemoryBound(to: Int32.self) else { return }
            var start: Int32 = 0
            for (part, length) in zip(parts, lengths) {
                let source = part.values.values(as: Int32.self)
                let shift = start &- source[0]
                for row in 0..<part.count { out[row] = source[row] &+ shift }
                out += part.count
                start += Int32(length)
            }
            out[0] = start
        }
        let arena = Buffer.filled(count: total) { target in
            guard var out = target.baseAddress else { return }
            for (part, length) in zip(parts, lengths) where length > 0 {
                guard let bytes = part.bytes else { continue }
                memcpy(out, bytes.base + Int(part.values.values(as: Int32.self)[0]), length)
                out += length
            }
        }
        return (offsets, arena)
    }
}

extension Bitmap {
    /// Copies the first `count` bits of `source` into `target` from bit `start` on. Those bits of the target must be
    /// clear.
    static func merge(_ source: UnsafeRawPointer, count: Int, into target: UnsafeMutableRawPointer, at start: Int) {
        let shift = UInt8(start & 7)
        let out = target.assumingMemoryBound(to: UInt8.self) + (start >> 3)
        for index in 0..<byteCount(count) {
            let left = count - index * 8
            let mask: UInt8 = left >= 8 ? 0xff : (1 << UInt8(left)) - 1
            let byte = source.load(fromByteOffset: index, as: UInt8.self) & mask
            out[index] |= byte << shift
            if shift > 0, left > Int(8 - shift) { out[index + 1] |= byte >> (8 - shift) }
        }
    }
}
