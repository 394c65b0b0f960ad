import Bytes
import Columnar
import IcebergFormat
import IcebergTables

extension MixedTable {
    /// An epoch as it is right on top of this table, whose base other engines may have changed since.
    public func following(_ epoch: Epoch) throws(WeirError) -> Epoch {
        guard isKeyed, epoch.mayChangeKeys else { return epoch }
        return try epoch.following(with(base: try base.refreshed()))
    }
}

extension Epoch {
    /// The epoch as it is right for a table whose base other engines have changed since its rows were told apart: keys
    /// that they brought and that the epoch changes get a delete in front of all its other changes.
    ///
    /// - Parameter table: its base is the new one; its change store is what the epoch goes on top of.
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
        var touched = KeyIndex()
        for file in files {
            // The epoch's own files lack no key column.
            let reader = try DataFileReader.open(
                file,
                storage: change.storage,
                schema: table.keySchema,
                columns: FileColumns()
            )
            while let (batch, _) = try reader.next() {
                touched.insert(KeyFingerprints(batch.columns, count: batch.count, areNarrow: areNarrow), partition: 0)
            }
        }
        for batch in absentKeys {
            // The key may have become wider since the epoch was written.
            let keys = zip(batch.columns, table.primaryKey).map { $0.promoted(to: $1.type) ?? $0 }
            touched.insert(KeyFingerprints(keys, count: batch.count, areNarrow: areNarrow), partition: 0)
        }
        let schema = ChangeColumns.fileSchema(table.schema, primaryKey: table.primaryKey)
        let writer = PartitionedFileWriter(change, of: table, schema: schema, nodes: try table.changeBucketCount())
        var partitions = PartitionDictionary(spec: change.spec, schema: change.schema)
        var deletes = 0
        do throws(WeirError) {
            try table.visibleBaseKeys(in: added) { (partition, keys) throws(WeirError) in
                let prints = KeyFingerprints(keys.columns, count: keys.count, areNarrow: areNarrow)
                let isTouched = touched.contains(prints)
                let rows = (0..<keys.count).filter { isTouched[$0] }.map { Int32($0) }
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

    /// Delete rows that hold the key alone, in front of whatever else a commit says of it: counters begin at 1.
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

    /// Deletes the files of an epoch that certainly is not committed.
    func discard(from store: Table) {
        for file in files { try? store.storage.delete(file.path) }
    }
}
