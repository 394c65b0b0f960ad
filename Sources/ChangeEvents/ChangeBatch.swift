import Bytes
import Columnar

/// Changes of one table in the order they happened. Batches of this type are passed between all stages.
///
/// An update is an `updateBefore` row directly followed by its `updateAfter` row if the source sent the old row,
/// otherwise a single `updateAfter` row. A `delete` row holds at least the key; columns the source left out are null.
public struct ChangeBatch: Sendable {
    public let rows: ColumnBatch
    /// One `ChangeKind` raw value per row.
    public let kinds: Buffer
    /// The source offset of each row, as Int64, in non-descending order.
    public let offsets: Buffer
    /// One byte per row, which is 1 for a retraction made by a filter: the key's new row was left out, and nothing says
    /// whether an old one exists. Nil if there is none.
    public let filterDeletes: Buffer?

    public init(rows: ColumnBatch, kinds: Buffer, offsets: Buffer, filterDeletes: Buffer? = nil) {
        precondition(kinds.count == rows.count && offsets.count == rows.count * 8, "one kind and one offset a row")
        precondition(filterDeletes.map { $0.count == rows.count } ?? true, "one mark a row")
        self.rows = rows
        self.kinds = kinds
        self.offsets = offsets
        self.filterDeletes = filterDeletes
    }

    public var count: Int { rows.count }

    public func kind(_ row: Int) -> ChangeKind {
        // Kinds are written only by Weir's own decoders and readers, so every value is valid.
        ChangeKind(rawValue: kinds.values(as: UInt8.self)[row]).unsafelyUnwrapped
    }

    public func offset(_ row: Int) -> Int64 { offsets.values(as: Int64.self)[row] }

    /// The rows at the given indices, in the given order.
    public func gathered(_ picked: [Int32]) -> ChangeBatch {
        func bytes(_ source: Buffer) -> Buffer {
            Buffer.filled(count: picked.count) { target in
                let source = source.values(as: UInt8.self)
                for (index, row) in picked.enumerated() { target[index] = source[Int(row)] }
            }
        }
        let offsets = Buffer.filled(count: picked.count * 8) { target in
            let source = self.offsets.values(as: Int64.self)
            let out = target.baseAddress!.assumingMemoryBound(to: Int64.self)
            for (index, row) in picked.enumerated() { out[index] = source[Int(row)] }
        }
        return ChangeBatch(
            rows: rows.gathered(picked),
            kinds: bytes(kinds),
            offsets: offsets,
            filterDeletes: filterDeletes.map(bytes)
        )
    }

    /// The same changes with other columns, such as those of a projection.
    public func replacing(rows: ColumnBatch) -> ChangeBatch {
        ChangeBatch(rows: rows, kinds: kinds, offsets: offsets, filterDeletes: filterDeletes)
    }
}
