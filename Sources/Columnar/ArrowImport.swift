import Bytes
import CArrowShim

// Arrow arrays are imported as columns without a copy. The columns' buffers keep the array alive; it is released with
// the last of them. Bitmaps are copied when they do not start at a byte boundary.

/// Owns an array received through the C Data Interface.
final class ImportedArray: @unchecked Sendable {
    // Never changed after import; released once, from deinit.
    private let storage: UnsafeMutablePointer<ArrowArray>

    /// Moves the array as the C Data Interface defines it: clears the source's `release`.
    init(taking array: inout ArrowArray) {
        storage = .allocate(capacity: 1)
        storage.initialize(to: array)
        array.release = nil
    }

    deinit {
        if let release = storage.pointee.release { release(storage) }
        storage.deallocate()
    }

    var array: ArrowArray { storage.pointee }
}

extension ColumnBatch {
    /// Takes a struct array whose children have the formats that `Schema.exportedToArrow()` gives for `schema`.
    ///
    /// The array is released with the last column that shares its memory, also when this fails.
    public init(importing array: inout ArrowArray, schema: Schema) throws(WeirError) {
        let owner = ImportedArray(taking: &array)
        let formats = schema.fields.map { ArrowFormat(ArrowFormat.text(of: $0.type)) }
        try self.init(owner, formats: formats, schema: schema)
    }

    /// Columns of the given Arrow formats, converted to the schema's types where they differ.
    init(_ owner: ImportedArray, formats: [ArrowFormat], schema: Schema) throws(WeirError) {
        let rows = owner.array
        guard rows.n_children == Int64(schema.count), formats.count == schema.count, rows.length >= 0 else {
            throw WeirError(
                .corrupt,
                "an Arrow batch has \(rows.n_children) columns where \(schema.count) are expected"
            )
        }
        var columns: [ColumnVector] = []
        columns.reserveCapacity(schema.count)
        for (index, field) in schema.fields.enumerated() {
            guard let child = rows.children?[index] else {
                throw WeirError(.corrupt, "an Arrow batch lacks the array of column '\(field.name)'")
            }
            do {
                let source = ArrowColumn(
                    array: child.pointee,
                    offset: Int(rows.offset) + Int(child.pointee.offset),
                    count: Int(rows.length),
                    format: formats[index],
                    owner: owner
                )
                columns.append(try source.converted(to: field.type))
            } catch {
                throw error.located(at: "column '\(field.name)'")
            }
        }
        self.init(schema: schema, columns: columns, count: Int(rows.length))
    }
}

/// One array of an imported batch, in its Arrow type.
struct ArrowColumn {
    let array: ArrowArray
    /// Index of the first row in the buffers.
    let offset: Int
    let count: Int
    let format: ArrowFormat
    let owner: ImportedArray

    private static let nothing = Buffer(copying: [UInt8](repeating: 0, count: 64))

    private func buffer(_ index: Int) throws(WeirError) -> UnsafeRawPointer? {
        guard Int64(index) < array.n_buffers else {
            throw WeirError(.corrupt, "an Arrow array has \(array.n_buffers) buffers where more are needed")
        }
        return array.buffers?[index]
    }

    /// Bit 0 is the first row; nil when there are no nulls.
    func validity() throws(WeirError) -> Buffer? {
        guard count > 0, array.null_count != 0, let bits = try buffer(0) else { return nil }
        let buffer = bitmap(bits)
        return Bitmap.countSet(buffer.base, count) == count ? nil : buffer
    }

    private func bitmap(_ bits: UnsafeRawPointer) -> Buffer {
        offset & 7 == 0
            ? Buffer(base: bits + (offset >> 3), count: Bitmap.byteCount(count), owner: owner)
            : Bitmap.copy(bits, from: offset, count: count)
    }

    func bits() throws(WeirError) -> Buffer {
        guard count > 0 else { return Self.nothing.slice(from: 0, count: 0) }
        guard let bits = try buffer(1) else { throw missing }
        return bitmap(bits)
    }

    /// The values of a fixed-width array; copied only when they are not aligned for their width.
    func values(width: Int) throws(WeirError) -> Buffer {
        guard count > 0 else { return Self.nothing.slice(from: 0, count: 0) }
        guard let base = try buffer(1) else { throw missing }
        let start = base + offset * width
        let alignment = width & (width - 1) == 0 && width <= 16 ? width : 1
        if Int(bitPattern: start) & (alignment - 1) == 0 {
            return Buffer(base: start, count: count * width, owner: owner)
        }
        return Buffer(copying: UnsafeRawBufferPointer(start: start, count: count * width))
    }

    /// Offsets and arena of a variable-width array with 32-bit offsets.
    func texts() throws(WeirError) -> (offsets: Buffer, bytes: Buffer) {
        guard count > 0, let base = try buffer(1) else {
            return (Self.nothing.slice(from: 0, count: 4), Self.nothing.slice(from: 0, count: 0))
        }
        let offsets = Buffer(base: base + offset * 4, count: (count + 1) * 4, owner: owner)
        let end = Int(offsets.values(as: Int32.self)[count])
        guard let arena = try buffer(2) else { return (offsets, Self.nothing.slice(from: 0, count: 0)) }
        return (offsets, Buffer(base: arena, count: end, owner: owner))
    }

    /// Offsets and arena of a variable-width array with 64-bit offsets, narrowed.
    func largeTexts() throws(WeirError) -> (offsets: Buffer, bytes: Buffer) {
        guard count > 0, let base = try buffer(1) else { return try texts() }
        let wide = base.assumingMemoryBound(to: Int64.self) + offset
        let (first, end) = (wide[0], wide[count])
        guard end - first <= Int64(Int32.max) else {
            throw WeirError(
                .unsupported,
                "a batch of this column holds more than 2 GiB of text",
                advice: "read fewer rows at a time"
            )
        }
        let offsets = Buffer.filled(count: (count + 1) * 4) { target in
            let out = target.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Int32.self)
            for row in 0...count { out[row] = Int32(truncatingIfNeeded: wide[row] - first) }
        }
        guard let arena = try buffer(2) else { return (offsets, Self.nothing.slice(from: 0, count: 0)) }
        return (offsets, Buffer(base: arena + Int(first), count: Int(end - first), owner: owner))
    }

    private var missing: WeirError { WeirError(.corrupt, "an Arrow array of \(count) rows has no values") }
}
