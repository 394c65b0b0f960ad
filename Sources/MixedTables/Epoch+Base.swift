import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState

extension MixedTable {
    /// Adapts an epoch to the newest state of base, which other engines may have changed since the epoch was written.
    public func following(_ epoch: Epoch) throws(WeirError) -> Epoch {
        guard isKeyed, epoch.mayChangeKeys else { return epoch }
        return try epoch.following(with(base: try base.refreshed()))
    }
}

extension Epoch {
    /// Adapts the epoch to a base that other engines have changed since the epoch was written. If the epoch changes a
    /// key that they added, that key gets a delete that precedes all other changes of the epoch.
    ///
    /// - Parameter table: has the new base; the epoch is committed on top of its change store.
    func following(_ table: MixedTable) throws(WeirError) -> Epoch {
        guard let base, let change = table.change, mayChangeKeys else { return self }
        let added: Set<String>?
        switch try BaseChange(from: base, to: table.base) {
        case .none: return with(base: table.base)
        case .files(_, let files, _): added = files
        case .unknown: added = nil
        }
        if added?.isEmpty == true { return with(base: table.base) }
        let areNarrow = table.keysAreNarrow
        let touched = try EpochKeys(self, table)
        let schema = ChangeColumns.fileSchema(table.schema, primaryKey: table.primaryKey)
        let writer = PartitionedFileWriter(change, of: table, schema: schema, nodes: try table.changeBucketCount())
        var partitions = PartitionDictionary(spec: change.spec, schema: change.schema)
        var deletes = 0
        do throws(WeirError) {
            try table.visibleBaseKeys(in: added) { (partition, keys) throws(WeirError) in
                let prints = KeyFingerprints(keys.columns, count: keys.count, areNarrow: areNarrow)
                let rows = touched.rowsLeft(by: prints, in: partition)
                if rows.isEmpty { return }
                deletes += rows.count
                let chosen = keys.gathered(rows)
                try writer.write(
                    Self.deletes(of: chosen, schema),
                    partitions: [UInt32](repeating: partitions.ordinal(of: partition), count: rows.count),
                    hashes: KeyHash.hashes(of: chosen.columns, count: chosen.count),
                    type: .equalityDelete,
                    partition: { _ in partition }
                )
            }
            let added = try writer.finish()
            var summary = self.summary
            summary.deletes += deletes
            return Epoch(files: files + added, summary: summary, base: table.base, absentKeys: absentKeys)
        } catch {
            writer.abandon()
            throw error
        }
    }

    private func with(base: Table) -> Epoch {
        Epoch(files: files, summary: summary, base: base, absentKeys: absentKeys)
    }

    /// Delete rows with only the key. Their offset 0 precedes all other changes of the commit, since counters begin at
    /// 1.
    private static func deletes(of keys: ColumnBatch, _ schema: Schema) -> ColumnBatch {
        let zeros = Buffer.filled(count: keys.count * 8) { $0.initializeMemory(as: UInt8.self, repeating: 0) }
        let columns = schema.fields.map { field in
            if field.id == ChangeColumns.fileOffset.id {
                return ColumnVector(type: .long, count: keys.count, validity: nil, values: zeros)
            }
            return keys.column(field: field.id) ?? .nulls(field.type, count: keys.count)
        }
        return ColumnBatch(schema: schema, columns: columns, count: keys.count)
    }

    /// Deletes the files of an epoch that is known not to be committed.
    public func discard(from store: Table) {
        for file in files { try? store.storage.delete(file.path) }
    }
}
