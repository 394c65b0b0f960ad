import Bytes
import CRoaring

/// Row positions below 2^63 as a 64-bit Roaring bitmap: a 32-bit one for each value of the upper four bytes.
///
/// The frame around the 32-bit bitmaps is that of RoaringFormatSpec, "extension for 64-bit implementations":
/// ```
/// count u64 | per bitmap: upper bytes u32, 32-bit bitmap         little-endian, in ascending order
/// ```
/// A class, since the bitmaps are owned by C. Used by one thread at a time.
public final class PositionBitmap {
    /// Ascending keys.
    private var parts: [(key: UInt32, bitmap: UnsafeMutablePointer<roaring_bitmap_t>)] = []

    public init() {}

    /// - Parameter positions: not negative.
    public convenience init(_ positions: [Int64]) {
        self.init()
        insert(positions)
    }

    deinit {
        for part in parts { roaring_bitmap_free(part.bitmap) }
    }

    public var cardinality: Int64 {
        parts.reduce(0) { $0 + Int64(roaring_bitmap_get_cardinality($1.bitmap)) }
    }

    /// Adds positions, which are not negative. Ascending ones are added fastest.
    public func insert(_ positions: [Int64]) {
        var next = 0
        var values: [UInt32] = []
        while next < positions.count {
            precondition(positions[next] >= 0, "a row position is not negative")
            let key = UInt32(truncatingIfNeeded: positions[next] >> 32)
            values.removeAll(keepingCapacity: true)
            while next < positions.count, UInt32(truncatingIfNeeded: positions[next] >> 32) == key {
                values.append(UInt32(truncatingIfNeeded: positions[next]))
                next += 1
            }
            roaring_bitmap_add_many(part(key), values.count, values)
        }
    }

    private func part(_ key: UInt32) -> UnsafeMutablePointer<roaring_bitmap_t> {
        if let last = parts.last, last.key == key { return last.bitmap }
        let index = parts.firstIndex { $0.key >= key } ?? parts.count
        if index < parts.count, parts[index].key == key { return parts[index].bitmap }
        guard let bitmap = roaring_bitmap_create() else { fatalError("out of memory creating a bitmap") }
        parts.insert((key, bitmap), at: index)
        return bitmap
    }

    /// The positions, ascending.
    public var positions: [Int64] {
        var all: [Int64] = []
        all.reserveCapacity(Int(cardinality))
        for part in parts {
            let base = Int64(part.key) << 32
            var iterator = roaring_uint32_iterator_t()
            roaring_init_iterator(part.bitmap, &iterator)
            var block = [UInt32](repeating: 0, count: 4096)
            while true {
                let count = Int(roaring_read_uint32_iterator(&iterator, &block, UInt32(block.count)))
                if count == 0 { break }
                for value in block[..<count] { all.append(base | Int64(value)) }
            }
        }
        return all
    }

    // MARK: Bytes

    /// The serialized bitmap, with runs where they are shorter.
    public func serialized() -> [UInt8] {
        for part in parts {
            roaring_bitmap_run_optimize(part.bitmap)
            roaring_bitmap_shrink_to_fit(part.bitmap)
        }
        let size = parts.reduce(8) { $0 + 4 + Int(roaring_bitmap_portable_size_in_bytes($1.bitmap)) }
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            raw.storeBytes(of: UInt64(parts.count).littleEndian, toByteOffset: 0, as: UInt64.self)
            var offset = 8
            for part in parts {
                raw.storeBytes(of: part.key.littleEndian, toByteOffset: offset, as: UInt32.self)
                offset += 4
                guard let base = raw.baseAddress else { break }
                let target = (base + offset).assumingMemoryBound(to: CChar.self)
                offset += Int(roaring_bitmap_portable_serialize(part.bitmap, target))
            }
            count = offset
        }
    }

    /// Parses a serialized bitmap that the bytes consist of.
    ///
    /// - Parameters:
    ///   - cardinality: how many positions there must be.
    ///   - limit: all positions must be below it. With the cardinality it bounds the memory taken: a few bytes may stand
    ///     for billions of positions.
    public static func parse(
        _ bytes: ArraySlice<UInt8>,
        cardinality: Int64,
        limit: Int64
    ) throws(WeirError) -> PositionBitmap {
        let ranges = try check(Array(bytes), cardinality: cardinality, limit: limit)
        let bitmap = PositionBitmap()
        for (key, range) in ranges {
            let parsed = bytes.withUnsafeBytes { all -> UnsafeMutablePointer<roaring_bitmap_t>? in
                let part = UnsafeRawBufferPointer(rebasing: all[range])
                let base = part.baseAddress?.assumingMemoryBound(to: CChar.self)
                return base.flatMap { roaring_bitmap_portable_deserialize_safe($0, part.count) }
            }
            guard let parsed else {
                throw WeirError(.corrupt, "a Roaring bitmap cannot be read", at: "byte \(range.lowerBound)")
            }
            bitmap.parts.append((key, parsed))
        }
        return bitmap
    }

    /// Checks the whole structure and returns where the 32-bit bitmaps are.
    private static func check(
        _ bytes: [UInt8],
        cardinality: Int64,
        limit: Int64
    ) throws(WeirError) -> [(key: UInt32, range: Range<Int>)] {
        var reader = ByteReader(bytes.span.bytes)
        let count = try reader.readLittleEndian(UInt64.self)
        var found: [(key: UInt32, range: Range<Int>)] = []
        var total: Int64 = 0
        for _ in 0..<count {
            let offset = reader.offset
            let key = try reader.readLittleEndian(UInt32.self)
            guard key <= UInt32(Int32.max), found.last.map({ $0.key < key }) ?? true else {
                throw WeirError(
                    .corrupt,
                    "the bitmaps of a deletion vector are in the wrong order",
                    at: "byte \(offset)"
                )
            }
            let start = reader.offset
            let (values, highest) = try RoaringLayout.check(&reader)
            total += values
            guard values == 0 || Int64(key) << 32 | Int64(highest) < limit else {
                throw WeirError(
                    .corrupt,
                    "a deletion vector deletes row \(Int64(key) << 32 | Int64(highest)) of a data file with \(limit) rows",
                    at: "byte \(offset)"
                )
            }
            found.append((key, start..<reader.offset))
        }
        guard reader.isAtEnd else {
            throw WeirError(
                .corrupt,
                "\(reader.remaining) bytes follow the bitmaps of a deletion vector",
                at: "byte \(reader.offset)"
            )
        }
        guard total == cardinality else {
            throw WeirError(
                .corrupt,
                "a deletion vector has \(total) rows, but its manifest says \(cardinality)",
                at: "byte 0"
            )
        }
        return found
    }
}
