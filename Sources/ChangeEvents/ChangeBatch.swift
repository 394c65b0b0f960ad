import Bytes
import Columnar

/// Changes of one table in the order they happened: the unit every stage exchanges.
///
/// An update is an `updateBefore` row right in front of its `updateAfter` row when the source sent the old row, and an
/// `updateAfter` row alone when it did not. A `delete` row holds at least the key; columns the source left out are null.
public struct ChangeBatch: Sendable {
    public let rows: ColumnBatch
    /// One `ChangeKind` raw value a row.
    public let kinds: Buffer
    /// The source offset of each row, as Int64, never descending.
    public let offsets: Buffer

    public init(rows: ColumnBatch, kinds: Buffer, offsets: Buffer) {
        precondition(kinds.count == rows.count && offsets.count == rows.count * 8, "one kind and one offset a row")
        self.rows = rows
        self.kinds = kinds
        self.offsets = offsets
    }

    public var count: Int { rows.count }

    public func kind(_ row: Int) -> ChangeKind {
        // Kinds are written by our own decoders and readers, never taken from outside.
        ChangeKind(rawValue: kinds.values(as: UInt8.self)[row]).unsafelyUnwrapped
    }

    public func offset(_ row: Int) -> Int64 { offsets.values(as: Int64.self)[row] }

    /// The changes at those places, in that order.
    public func gathered(_ places: [Int32]) -> ChangeBatch {
        let kinds = Buffer.filled(count: places.count) { target in
            let source = self.kinds.values(as: UInt8.self)
            for (index, place) in places.enumerated() { target[index] = source[Int(place)] }
        }
        let offsets = Buffer.filled(count: places.count * 8) { target in
            let source = self.offsets.values(as: Int64.self)
            let out = target.baseAddress!.assumingMemoryBound(to: Int64.self)
            for (index, place) in places.enumerated() { out[index] = source[Int(place)] }
        }
        return ChangeBatch(rows: rows.gathered(places), kinds: kinds, offsets: offsets)
    }

    /// Other columns for the same changes, such as a projection's.
    public func replacing(rows: ColumnBatch) -> ChangeBatch {
        ChangeBatch(rows: rows, kinds: kinds, offsets: offsets)
    }
}
