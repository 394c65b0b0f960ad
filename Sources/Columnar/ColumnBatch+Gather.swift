import Bytes
import Foundation

extension ColumnVector {
    /// The rows at the given indexes, in that order. An index of −1 gives a null, as for an outer join without a match.
    public func gathered(_ rows: UnsafeBufferPointer<Int32>) -> ColumnVector {
        let mayMiss = rows.contains { $0 < 0 }
        let newValidity = mayMiss || validity != nil ? gatheredValidity(rows) : nil
        switch type.layout {
        case .bits:
            let values = Buffer.filled(count: Bitmap.byteCount(rows.count)) { target in
                target.initializeMemory(as: UInt8.self, repeating: 0)
                for (index, row) in rows.enumerated() where row >= 0 && boolean(Int(row)) {
                    Bitmap.set(target.baseAddress!, index)
                }
            }
            return ColumnVector(type: type, count: rows.count, validity: newValidity, values: values)
        case .fixedWidth(let width):
            let values =
                switch width {
                case 4: gatheredValues(rows, UInt32.self, zero: 0)
                case 8: gatheredValues(rows, UInt64.self, zero: 0)
                case 16: gatheredValues(rows, UInt128.self, zero: 0)
                default: gatheredBytes(rows, width: width)
                }
            return ColumnVector(type: type, count: rows.count, validity: newValidity, values: values)
        case .variableWidth, .nested:
            let (offsets, arena) = gatheredArena(rows)
            return ColumnVector(type: type, count: rows.count, validity: newValidity, values: offsets, bytes: arena)
        }
    }

    private func gatheredValidity(_ rows: UnsafeBufferPointer<Int32>) -> Buffer {
        Buffer.filled(count: Bitmap.byteCount(rows.count)) { target in
            target.initializeMemory(as: UInt8.self, repeating: 0)
            for (index, row) in rows.enumerated() where row >= 0 && !isNull(Int(row)) {
                Bitmap.set(target.baseAddress!, index)
            }
        }
    }

    private func gatheredValues<T: BitwiseCopyable>(
        _ rows: UnsafeBufferPointer<Int32>,
        _ type: T.Type,
        zero: T
    ) -> Buffer {
        let source = pointer(as: T.self)
        return Buffer.filled(count: rows.count * MemoryLayout<T>.size) { target in
            let out = target.baseAddress!.assumingMemoryBound(to: T.self)
            for index in 0..<rows.count {
                let row = Int(rows[index])
                out[index] = row >= 0 ? source[row] : zero
            }
        }
    }

    private func gatheredBytes(_ rows: UnsafeBufferPointer<Int32>, width: Int) -> Buffer {
        Buffer.filled(count: rows.count * width) { target in
            for (index, row) in rows.enumerated() {
                let out = target.baseAddress! + index * width
                if row >= 0 { memcpy(out, values.base + Int(row) * width, width) } else { memset(out, 0, width) }
            }
        }
    }

    private func gatheredArena(_ rows: UnsafeBufferPointer<Int32>) -> (offsets: Buffer, arena: Buffer) {
        let source = values.values(as: Int32.self)
        var total = 0
        let offsets = Buffer.filled(count: (rows.count + 1) * 4) { target in
            let out = target.baseAddress!.assumingMemoryBound(to: Int32.self)
            out[0] = 0
            for index in 0..<rows.count {
                let row = Int(rows[index])
                if row >= 0 { total += Int(source[row + 1] - source[row]) }
                out[index + 1] = Int32(truncatingIfNeeded: total)
            }
        }
        // Batches are limited in bytes far below this; exceeding it is a programming error of the caller.
        precondition(total <= Int(Int32.max), "a column of a batch holds at most 2 GiB of text")
        let arena = Buffer.filled(count: total) { target in
            var out = target.baseAddress!
            let from = bytes.unsafelyUnwrapped.base
            for row in rows where row >= 0 {
                let start = Int(source[Int(row)])
                let length = Int(source[Int(row) + 1]) - start
                memcpy(out, from + start, length)
                out += length
            }
        }
        return (offsets, arena)
    }

    /// Consecutive rows, sharing memory except for bitmaps that do not start at a byte boundary.
    public func sliced(from start: Int, count: Int) -> ColumnVector {
        let validity = validity.map { $0.bits(from: start, count: count) }
        switch type.layout {
        case .bits:
            let bits = values.bits(from: start, count: count)
            return ColumnVector(type: type, count: count, validity: validity, values: bits)
        case .fixedWidth(let width):
            let part = values.slice(from: start * width, count: count * width)
            return ColumnVector(type: type, count: count, validity: validity, values: part)
        case .variableWidth, .nested:
            let part = values.slice(from: start * 4, count: (count + 1) * 4)
            return ColumnVector(type: type, count: count, validity: validity, values: part, bytes: bytes)
        }
    }
}

extension Buffer {
    fileprivate func bits(from start: Int, count: Int) -> Buffer {
        start & 7 == 0
            ? slice(from: start >> 3, count: Bitmap.byteCount(count)) : Bitmap.copy(base, from: start, count: count)
    }
}

extension ColumnBatch {
    /// The rows at the given indexes, in that order; −1 gives a row of nulls.
    public func gathered(_ rows: UnsafeBufferPointer<Int32>) -> ColumnBatch {
        ColumnBatch(schema: schema, columns: columns.map { $0.gathered(rows) }, count: rows.count)
    }

    public func gathered(_ rows: [Int32]) -> ColumnBatch {
        rows.withUnsafeBufferPointer { gathered($0) }
    }

    /// Consecutive rows without a copy.
    public func sliced(from start: Int, count: Int) -> ColumnBatch {
        precondition(start >= 0 && count >= 0 && start + count <= self.count, "a slice must lie inside its batch")
        return ColumnBatch(
            schema: schema,
            columns: columns.map { $0.sliced(from: start, count: count) },
            count: count
        )
    }
}
