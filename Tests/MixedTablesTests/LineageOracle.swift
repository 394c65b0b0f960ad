import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

/// What row ids and deletes must be in two states of base, one after the other, told by key. Nothing for version 2.
enum LineageOracle {
    struct Row {
        let id: Int64
        let lastUpdated: Int64
        let values: ModelRow
    }

    static func rows(_ base: Table, _ history: ChangeHistory) throws -> [ModelRow: Row] {
        let table = MixedTable(base: base, change: nil, primaryKey: [])
        let scan = try MergeOnReadScan(table, columns: Schema(base.schema.fields + RowLineage.fields))
        var rows: [ModelRow: Row] = [:]
        try scan.forEachInOrder { (batch) throws(WeirError) in
            for row in 0..<batch.count {
                let all = batch.modelRow(row)
                let values = Array(all.dropLast(2))
                guard case .long(let id) = all[all.count - 2], case .long(let updated) = all[all.count - 1] else {
                    throw WeirError(.invalid, "a row has no id: \(all)")
                }
                rows[history.key(values)] = Row(id: id, lastUpdated: updated, values: values)
            }
            return true
        }
        return rows
    }

    /// - Parameter before: an ancestor of `after`, with one commit between them.
    static func check(
        _ before: Table,
        _ after: Table,
        _ history: ChangeHistory,
        isUpgraded: Bool = false,
        _ what: String
    ) throws {
        try checkDeletes(after, isUpgraded: isUpgraded, what)
        guard after.metadata.formatVersion > 2, let snapshot = after.currentSnapshot else { return }
        if snapshot.id == before.currentSnapshot?.id { return }
        let old = try rows(before, history)
        let new = try rows(after, history)
        let first = try #require(before.metadata.nextRowId)
        let next = try #require(after.metadata.nextRowId)
        #expect(snapshot.firstRowId == first && snapshot.addedRows == next - first, "\(what)")
        #expect(Set(new.values.map(\.id)).count == new.count, "two rows have one id, \(what)")
        for (key, row) in new {
            guard let known = old[key] else {
                #expect(row.id >= first && row.id < next, "a new row has an id that was taken, \(what)")
                #expect(row.lastUpdated == snapshot.sequenceNumber, "\(what)")
                continue
            }
            #expect(row.id == known.id, "\(key) has another id, \(what)")
            if row.values != known.values {
                #expect(row.lastUpdated == snapshot.sequenceNumber, "\(key) was updated, \(what)")
            } else {
                #expect([known.lastUpdated, snapshot.sequenceNumber].contains(row.lastUpdated), "\(key), \(what)")
            }
        }
    }

    /// The deletes of the current state fit its version: at most one vector per data file in 3, none in 2.
    ///
    /// - Parameter isUpgraded: position deletes of version 2 may be left for data files that have no vector.
    static func checkDeletes(_ base: Table, isUpgraded: Bool = false, _ what: String) throws {
        guard let snapshot = base.currentSnapshot, let list = snapshot.manifestList else { return }
        var vectors: [String: Int] = [:]
        var data: Set<String> = []
        var old: Set<String> = []
        for manifest in try ManifestList.decode(base.storage.read(list), at: list) {
            let spec = try #require(base.metadata.spec(id: manifest.specId))
            let entries = try Manifest.decode(
                base.storage.read(manifest.path),
                manifest,
                partitionType: base.metadata.partitionType(spec)
            )
            for entry in entries where entry.isLive {
                #expect(entry.file.content != .equalityDeletes, "\(what)")
                if entry.file.content == .data {
                    data.insert(entry.file.path)
                    continue
                }
                if !entry.file.isDeletionVector, isUpgraded {
                    old.insert(try #require(entry.file.deletedDataFile))
                    continue
                }
                #expect(entry.file.isDeletionVector == (base.metadata.formatVersion > 2), "\(what)")
                if let path = entry.file.referencedDataFile { vectors[path, default: 0] += 1 }
            }
        }
        if base.metadata.formatVersion > 2 {
            #expect(vectors.values.allSatisfy { $0 == 1 }, "\(what)")
            #expect(Set(vectors.keys).isSubset(of: data), "a vector outlived its data file, \(what)")
            #expect(old.isDisjoint(with: vectors.keys), "a vector did not replace the older deletes, \(what)")
        }
    }
}
