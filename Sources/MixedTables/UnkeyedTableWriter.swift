import Bytes
import ChangeEvents
import Columnar
import IcebergFormat

/// Appends the rows of an unkeyed table to its base store.
///
/// Without a key, an update or delete cannot be assigned to a row, so it is rejected with a reason.
public final class UnkeyedTableWriter: TableWriter {
    private let table: MixedTable
    private var partitions: PartitionDictionary
    private var files: EpochFiles
    private var summary = EpochSummary()

    public init(_ table: MixedTable) {
        self.table = table
        partitions = PartitionDictionary(spec: table.base.spec, schema: table.base.schema)
        files = EpochFiles { PartitionedFileWriter(table.base, of: table, schema: table.schema, nodes: 1) }
    }

    public func write(_ batch: ChangeBatch) throws(WeirError) -> [RejectedChange] {
        let rejected = RejectedChange.all(in: batch, schema: table.schema, isKeyed: false)
        let left = Set(rejected.map(\.row))
        let rows = (0..<batch.count).filter { batch.kind($0) == .insert && !left.contains($0) }.map { Int32($0) }
        if rows.isEmpty { return rejected }
        let kept = rows.count == batch.count ? batch.rows : batch.rows.gathered(rows)
        let ordinals = try partitions.ordinals(of: kept)
        let known = partitions.values
        try files.opened().write(kept, partitions: ordinals, hashes: nil, type: .base, partition: { known[Int($0)] })
        summary.inserts += rows.count
        return rejected
    }

    public var pendingBytes: Int64 { files.byteCount }

    public func cut() throws(WeirError) -> Epoch {
        let epoch = Epoch(files: try files.cut(), summary: summary)
        summary = EpochSummary()
        return epoch
    }

    public func abandon() { files.abandon() }
}
