import Bytes
import Values

extension KeyHash {
    /// The hashes of `count` keys whose values are in `columns`, in key order.
    public static func hashes(of columns: [ColumnVector], count: Int) -> [Int32] {
        precondition(columns.allSatisfy { $0.count == count }, "key columns have one value per row")
        return [Int32](unsafeUninitializedCapacity: count) { buffer, initialized in
            guard let hashes = buffer.baseAddress, count > 0 else { return }
            hashes.initialize(repeating: 1, count: count)
            for column in columns { column.addHashes(to: hashes) }
            for row in 0..<count { hashes[row] = positive(hashes[row]) }
            initialized = count
        }
    }
}

extension ColumnVector {
    /// `h = 31·h + element` for every row.
    fileprivate func addHashes(to hashes: UnsafeMutablePointer<Int32>) {
        switch type {
        case .boolean: add(to: hashes) { ElementHash.of(boolean($0)) }
        case .int, .date:
            let rows = pointer(as: Int32.self)
            add(to: hashes) { rows[$0] }
        case .long, .time, .timestamp, .timestamptz:
            let rows = pointer(as: Int64.self)
            add(to: hashes) { ElementHash.of(rows[$0]) }
        case .float:
            let rows = pointer(as: Float.self)
            add(to: hashes) { ElementHash.of(rows[$0]) }
        case .double:
            let rows = pointer(as: Double.self)
            add(to: hashes) { ElementHash.of(rows[$0]) }
        case .decimal(_, let scale):
            let rows = pointer(as: Int128.self)
            add(to: hashes) { ElementHash.of(decimal: rows[$0], scale: scale) }
        case .uuid:
            let rows = pointer(as: UInt128.self)
            add(to: hashes) { ElementHash.of(uuid: UInt128(bigEndian: rows[$0])) }
        case .string: add(to: hashes) { ElementHash.of(utf8: bytes($0)) }
        case .binary: add(to: hashes) { ElementHash.of(bytes: bytes($0)) }
        case .fixed(let length):
            add(to: hashes) {
                ElementHash.of(bytes: UnsafeRawBufferPointer(start: values.base + $0 * length, count: length))
            }
        case .list, .map, .structure, .other: preconditionFailure("\(type) is not held in column vectors")
        }
    }

    @inline(__always)
    private func add(to hashes: UnsafeMutablePointer<Int32>, _ element: (Int) -> Int32) {
        guard let bits = validity?.base else {
            for row in 0..<count { hashes[row] = hashes[row] &* 31 &+ element(row) }
            return
        }
        for row in 0..<count {
            let value = Bitmap.isSet(bits, row) ? element(row) : 0
            hashes[row] = hashes[row] &* 31 &+ value
        }
    }
}
