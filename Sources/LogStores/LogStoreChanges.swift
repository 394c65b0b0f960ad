import Bytes
import ChangeEvents

/// Rows read from one partition of a log store that share their upstream and epoch.
public struct LogStoreChanges: Sendable {
    /// Its offsets are log store offsets where the change took effect for a reader; for retracted rows, the offset of
    /// the flip. Never descending.
    public let batch: ChangeBatch
    public let upstream: UpstreamID
    public let epoch: Int64
    /// The offset of each row's record, as Int64; descending for retractions.
    public let recordOffsets: Buffer
    /// Whether these rows undo earlier ones.
    public let isRetraction: Bool

    init(
        batch: ChangeBatch,
        upstream: UpstreamID,
        epoch: Int64,
        recordOffsets: Buffer,
        isRetraction: Bool = false
    ) {
        self.batch = batch
        self.upstream = upstream
        self.epoch = epoch
        self.recordOffsets = recordOffsets
        self.isRetraction = isRetraction
    }

    /// The offset of the record that holds a row.
    public func recordOffset(_ row: Int) -> Int64 { recordOffsets.values(as: Int64.self)[row] }

    /// The retraction of these rows by the flip at that offset: newest first, +I ↔ −D, −U ↔ +U.
    func retracted(at flip: Int64) -> LogStoreChanges {
        let inverse = inverted()
        return LogStoreChanges(
            batch: ChangeBatch(
                rows: inverse.rows,
                kinds: inverse.kinds,
                offsets: .repeating(flip, count: batch.count)
            ),
            upstream: upstream,
            epoch: epoch,
            recordOffsets: inverse.offsets,
            isRetraction: true
        )
    }

    /// The changes that undo these rows: the same rows, newest first, with +I ↔ −D and −U ↔ +U.
    public func inverted() -> ChangeBatch {
        let count = batch.count
        let reversed = batch.gathered((0..<count).map { Int32(truncatingIfNeeded: count - 1 - $0) })
        let kinds = Buffer.filled(count: count) { target in
            for row in 0..<count { target[row] = reversed.kind(row).inverted.rawValue }
        }
        return ChangeBatch(rows: reversed.rows, kinds: kinds, offsets: reversed.offsets)
    }
}

extension ChangeKind {
    /// The change that undoes this one.
    public var inverted: ChangeKind {
        switch self {
        case .insert: .delete
        case .delete: .insert
        case .updateBefore: .updateAfter
        case .updateAfter: .updateBefore
        }
    }
}

extension Buffer {
    static func repeating(_ value: Int64, count: Int) -> Buffer {
        filled(count: count * 8) { $0.initializeMemory(as: Int64.self, repeating: value) }
    }
}
