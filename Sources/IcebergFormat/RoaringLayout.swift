import Bytes

/// Checks a serialized 32-bit Roaring bitmap (RoaringFormatSpec, "portable" format) before CRoaring reads it: its
/// bounded reader checks sizes only, and later calls trust the order and the counts of what is in the containers.
///
/// ```
/// cookie 12346, u32  count u32                       without run containers
/// cookie 12347, u16  count − 1, u16  run flags       with them, one bit a container
/// per container      key u16  cardinality − 1 u16
/// offsets            u32 per container               unless there are run flags and fewer than 4 containers
/// containers         runs: n u16, n × (first u16, length − 1 u16)
///                    array of up to 4096 values: u16 each
///                    bitset: 8192 bytes
/// ```
enum RoaringLayout {
    private static let cookieWithoutRuns: UInt32 = 12346
    private static let cookieWithRuns: UInt32 = 12347
    private static let offsetsMin = 4
    private static let arrayMax = 4096
    private static let bitsetWords = 1024

    /// Reads over one bitmap and returns how many values it has, and the highest of them.
    static func check(_ reader: inout ByteReader) throws(WeirError) -> (cardinality: Int64, highest: UInt32) {
        let start = reader.offset
        let cookie = try reader.readLittleEndian(UInt32.self)
        let count: Int
        var runFlags: [UInt8] = []
        if cookie == cookieWithoutRuns {
            count = Int(try reader.readLittleEndian(UInt32.self))
        } else if cookie & 0xffff == cookieWithRuns {
            count = Int(cookie >> 16) + 1
            runFlags = try reader.readBytes((count + 7) / 8)
        } else {
            throw damaged("does not begin with a cookie of the Roaring format", start)
        }
        guard count <= 1 << 16 else { throw damaged("says that it has \(count) containers", start) }
        // Each container has at least a description, so that a wrong count reserves no memory.
        guard count * 4 <= reader.remaining else { throw damaged("is shorter than its list of containers", start) }
        var sizes: [(key: UInt16, cardinality: Int)] = []
        sizes.reserveCapacity(count)
        for _ in 0..<count {
            let key = try reader.readLittleEndian(UInt16.self)
            if let last = sizes.last, last.key >= key {
                throw damaged("has containers in the wrong order", reader.offset - 2)
            }
            sizes.append((key, Int(try reader.readLittleEndian(UInt16.self)) + 1))
        }
        if runFlags.isEmpty || count >= offsetsMin { try reader.skip(count * 4) }
        var cardinality: Int64 = 0
        var highest: UInt32 = 0
        for (index, container) in sizes.enumerated() {
            let isRuns = !runFlags.isEmpty && runFlags[index / 8] & (1 << UInt8(index % 8)) != 0
            let offset = reader.offset
            let found: (count: Int, highest: UInt16)
            if isRuns {
                found = try checkRuns(&reader)
            } else if container.cardinality <= arrayMax {
                found = try checkArray(&reader, container.cardinality)
            } else {
                found = try checkBitset(&reader)
            }
            guard found.count == container.cardinality else {
                throw damaged("has \(found.count) values in a container of \(container.cardinality)", offset)
            }
            cardinality += Int64(found.count)
            highest = UInt32(container.key) << 16 | UInt32(found.highest)
        }
        return (cardinality, highest)
    }

    private static func checkRuns(_ reader: inout ByteReader) throws(WeirError) -> (count: Int, highest: UInt16) {
        let runs = Int(try reader.readLittleEndian(UInt16.self))
        var (count, last) = (0, -1)
        for _ in 0..<runs {
            let first = Int(try reader.readLittleEndian(UInt16.self))
            let end = first + Int(try reader.readLittleEndian(UInt16.self))
            guard first > last, end <= Int(UInt16.max) else {
                throw damaged("has runs in the wrong order", reader.offset - 4)
            }
            count += end - first + 1
            last = end
        }
        return (count, UInt16(max(0, last)))
    }

    private static func checkArray(
        _ reader: inout ByteReader,
        _ count: Int
    ) throws(WeirError) -> (count: Int, highest: UInt16) {
        var last = -1
        for _ in 0..<count {
            let value = Int(try reader.readLittleEndian(UInt16.self))
            guard value > last else { throw damaged("has values in the wrong order", reader.offset - 2) }
            last = value
        }
        return (count, UInt16(last))
    }

    private static func checkBitset(_ reader: inout ByteReader) throws(WeirError) -> (count: Int, highest: UInt16) {
        var (count, highest) = (0, 0)
        for index in 0..<bitsetWords {
            let word = try reader.readLittleEndian(UInt64.self)
            count += word.nonzeroBitCount
            if word != 0 { highest = index * 64 + 63 - word.leadingZeroBitCount }
        }
        return (count, UInt16(highest))
    }

    private static func damaged(_ what: String, _ offset: Int) -> WeirError {
        WeirError(.corrupt, "a Roaring bitmap \(what)", at: "byte \(offset)")
    }
}
