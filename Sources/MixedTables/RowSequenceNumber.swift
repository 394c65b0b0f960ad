import KeyedState

/// The position of a row in the order of changes: transaction first, then file offset (spec section 5.2).
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
    private var newest = KeyMap(filler: RowSequenceNumber(transactionId: 0, offset: 0))

    var isEmpty: Bool { newest.isEmpty }

    /// Adds the deletes of one batch of a delete file.
    mutating func insert(_ fingerprints: KeyFingerprints, transactionId: Int64, offset: (Int) -> Int64) {
        newest.update(fingerprints) { row, known in
            let number = RowSequenceNumber(transactionId: transactionId, offset: offset(row))
            if let newer = known, number <= newer { return }
            known = number
        }
    }

    /// The rows that no newer delete removes, ascending. A row with the same number as a delete is kept: it is the new
    /// half of an update.
    func survivors(
        _ fingerprints: KeyFingerprints,
        transactionId: Int64,
        offset: (Int) -> Int64
    ) -> [Int32] {
        var rows: [Int32] = []
        rows.reserveCapacity(fingerprints.count)
        newest.forEach(fingerprints) { row, deleted in
            if let deleted, deleted > RowSequenceNumber(transactionId: transactionId, offset: offset(row)) { return }
            rows.append(Int32(row))
        }
        return rows
    }
}
