import Bytes
import ChangeEvents
import Columnar
import IcebergFormat

/// Appends the rows of an unkeyed table to its base store.
///
/// Without a key there is no row an update or delete could mean, so those are rejected, each with its reason.
public final class UnkeyedTableWriter: TableWriter {
    private let table: MixedTable
    private var partitions: PartitionDictionary
    private var files: PartitionedFileWriter?
    private var summary = EpochSummary()

    public init(_ table: MixedTable) {
        self.table = table
        partitions = PartitionDictionary(spec: table.base.spec, schema: table.base.schema)
    }

    public func write(_ batch: ChangeBatch) throws(WeirError) -> [RejectedChange] {
        let rejected = RejectedChange.all(in: batch, schema: table.schema, isKeyed: false)
        let left = Set(rejected.map(\.row))
        let rows = (0..<batch.count).filter { batch.kind($0) == .insert && !left.contains($0) }.map { Int32($0) }
        if rows.isEmpty { return rejected }
        let kept = rows.count == batch.count ? batch.rows : batch.rows.gathered(rows)
        let ordinals = try partitions.ordinals(of: kept)
        let known = partitions.values
        try openFiles().write(kept, partitions: ordinals, hashes: nil, type: .base, partition: { known[Int($0)] })
        summary.inserts += rows.count
        return rejected
    }

    private func openFiles() -> PartitionedFileWriter {
        if let files { return files }
        var random = SystemRandomNumberGenerator()
        let opened = PartitionedFileWriter(
            storage: table.base.storage,
            dataLocation: table.base.dataLocation,
            spec: table.base.spec,
            schema: table.schema,
            columns: table.schema,
            properties: table.properties,
            nodes: 1,
            targetFileBytes: table.targetFileBytes,
            random: &random
        )
        files = opened
        return opened
    }

    public var pendingBytes: Int64 { files?.byteCount ?? 0 }

    public func cut() throws(WeirError) -> Epoch {
        do {
            let epoch = Epoch(files: try files?.finish() ?? [], summary: summary)
            files = nil
            summary = EpochSummary()
            return epoch
        } catch {
            abandon()
            throw error
        }
    }

    public func abandon() {
        files?.abandon()
        files = nil
    }
}
