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
        var rejected = RequiredColumns.rejected(batch, table.schema)
        let incomplete = Set(rejected.map(\.row))
        var rows: [Int32] = []
        rows.reserveCapacity(batch.count)
        for row in 0..<batch.count where !incomplete.contains(row) {
            switch batch.kind(row) {
            case .insert: rows.append(Int32(row))
            case .updateBefore: continue
            case .updateAfter, .delete:
                let what = batch.kind(row) == .delete ? "a delete" : "an update"
                let reason = "\(what) cannot be applied to \(table.identifier): the table has no primary key"
                rejected.append(RejectedChange(row: row, reason: reason))
            }
        }
        if rows.isEmpty { return rejected }
        let kept = rows.count == batch.count ? batch.rows : batch.rows.gathered(rows)
        let files = openFiles()
        let ordinals = try partitions.ordinals(of: kept)
        if partitions.values.count == 1 {
            try files.write(kept, partition: partitions.values[0], ordinal: 0, node: .root, type: .base)
        } else {
            var groups: [UInt32: [Int32]] = [:]
            for (place, ordinal) in ordinals.enumerated() { groups[ordinal, default: []].append(Int32(place)) }
            for (ordinal, places) in groups.sorted(by: { $0.key < $1.key }) {
                let partition = partitions.values[Int(ordinal)]
                try files.write(
                    kept.gathered(places),
                    partition: partition,
                    ordinal: ordinal,
                    node: .root,
                    type: .base
                )
            }
        }
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
