/// The place of a row in the order of changes: transaction first, then file offset (spec section 5.2).
struct RowSequenceNumber: Comparable, BitwiseCopyable, Sendable {
    let transactionId: Int64
    let offset: Int64

    @inline(__always)
    static func < (left: RowSequenceNumber, right: RowSequenceNumber) -> Bool {
        left.transactionId != right.transactionId
            ? left.transactionId < right.transactionId : left.offset < right.offset
    }
}

/// The newest delete of each key: `D` of spec section 5.3.
struct DeletedKeys: Sendable {
    private(set) var narrow: KeyTable<UInt64, RowSequenceNumber>
    private(set) var wide: KeyTable<UInt128, RowSequenceNumber>

    init() {
        let filler = RowSequenceNumber(transactionId: 0, offset: 0)
        narrow = KeyTable(filler: filler)
        wide = KeyTable(filler: filler)
    }

    var isEmpty: Bool { narrow.count + wide.count == 0 }

    /// Adds the deletes of one batch of a delete file.
    mutating func insert(_ fingerprints: KeyFingerprints, transactionId: Int64, offset: (Int) -> Int64) {
        switch fingerprints {
        case .narrow(let keys): Self.insert(keys, into: &narrow, transactionId, offset)
        case .wide(let keys): Self.insert(keys, into: &wide, transactionId, offset)
        }
    }

    private static func insert<Key>(
        _ keys: [Key],
        into table: inout KeyTable<Key, RowSequenceNumber>,
        _ transactionId: Int64,
        _ offset: (Int) -> Int64
    ) {
        for row in keys.indices {
            let number = RowSequenceNumber(transactionId: transactionId, offset: offset(row))
            if let known = table.find(keys[row]), number <= known { continue }
            table.set(keys[row], number)
        }
    }

    /// The rows that no newer delete takes away, ascending. A tie keeps the row: it is the new half of an update.
    func survivors(
        _ fingerprints: KeyFingerprints,
        transactionId: Int64,
        offset: (Int) -> Int64
    ) -> [Int32] {
        switch fingerprints {
        case .narrow(let keys): Self.survivors(keys, narrow, transactionId, offset)
        case .wide(let keys): Self.survivors(keys, wide, transactionId, offset)
        }
    }

    private static func survivors<Key>(
        _ keys: [Key],
        _ table: KeyTable<Key, RowSequenceNumber>,
        _ transactionId: Int64,
        _ offset: (Int) -> Int64
    ) -> [Int32] {
        var rows: [Int32] = []
        rows.reserveCapacity(keys.count)
        for row in keys.indices {
            if let deleted = table.find(keys[row]),
                deleted > RowSequenceNumber(transactionId: transactionId, offset: offset(row))
            {
                continue
            }
            rows.append(Int32(row))
        }
        return rows
    }
}
