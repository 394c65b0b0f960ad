import Bytes
import ChangeEvents
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

/// Reading changes from histories that were expired, truncated or rolled back.
@Suite struct ChangeHistoryTests {
    private static let schema = Schema([Field(id: 1, name: "id", type: .long)])

    private static func catalog(_ folder: String) throws -> SQLiteCatalog {
        let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
        try catalog.createNamespace(["shop"], ifNotExists: true)
        return catalog
    }

    private static func unkeyed(_ folder: String) throws -> MixedTable {
        let definition = MixedTableDefinition(
            identifier: TableIdentifier(namespace: ["shop"], name: "events"),
            schema: schema
        )
        return try MixedTable.create(definition, in: catalog(folder), nowMilliseconds: 0)
    }

    private static func file(_ ids: [Int64], _ table: Table) throws -> DataFile {
        let path = "\(table.dataLocation)/\(UUID().uuidString).parquet"
        let writer = try ParquetFileWriter(schema: table.schema, to: table.storage.create(path))
        try writer.write(.rows(ids.map { [.long($0)] }, table.schema))
        return DataFile(parquet: path, try writer.finish())
    }

    private static func append(_ ids: Int64..., to table: MixedTable) throws -> MixedTable {
        var transaction = Transaction(table.base)
        transaction.append([try file(ids, table.base)])
        _ = try transaction.commit()
        return try table.refreshed()
    }

    private static func ids(_ scan: ChangeLogScan) throws -> [Int64] {
        var ids: [Int64] = []
        try scan.forEach { (batch) throws(WeirError) in
            for row in 0..<batch.count { ids.append(batch.rows.columns[0].pointer(as: Int64.self)[row]) }
            return true
        }
        return ids
    }

    private static func expire(_ ids: [Int64], of store: Table) throws {
        var transaction = Transaction(try store.refreshed())
        transaction.removeSnapshots(Set(ids))
        _ = try transaction.commit()
    }

    @Test func `an overwrite that only adds is read, one that takes away is refused`() throws {
        try withTemporaryFolder { folder in
            var table = try Self.append(1, to: Self.unkeyed(folder))
            var transaction = Transaction(table.base)
            transaction.overwrite(adding: [try Self.file([2, 3], table.base)], removing: [], operation: .overwrite)
            _ = try transaction.commit()
            table = try Self.append(4, to: table.refreshed())
            #expect(table.base.snapshots.map(\.operation) == ["append", "overwrite", "append"])
            #expect(try Self.ids(ChangeLogScan(table, since: .beginning)) == [1, 2, 3, 4])
            #expect(try Self.ids(ChangeLogScan(table, after: 1)) == [2, 3, 4])

            // What is missing in the summary is read from the manifests.
            var removal = Transaction(table.base)
            let first = try #require(try table.base.plan().first { $0.dataSequenceNumber == 1 })
            removal.overwrite(adding: [], removing: [first.file], operation: .append)
            _ = try removal.commit()
            let later = try table.refreshed()
            let error = #expect(throws: WeirError.self) {
                try ChangeLogScan(later, since: ChangePosition(behind: table.base.currentSnapshot))
            }
            #expect(error?.code == .unsupported)
        }
    }

    @Test func `expired commits of an unkeyed table are told, those before a reader's position are not missed`() throws
    {
        try withTemporaryFolder { folder in
            var table = try Self.append(1, to: Self.unkeyed(folder))
            for id in 2...4 { table = try Self.append(Int64(id), to: table) }
            let snapshots = table.base.snapshots
            try Self.expire(snapshots.prefix(2).map(\.id), of: table.base)
            table = try table.refreshed()

            // The last snapshot that a reader has seen may have expired as well.
            #expect(try Self.ids(ChangeLogScan(table, since: ChangePosition(behind: snapshots[1]))) == [3, 4])
            #expect(try Self.ids(ChangeLogScan(table, after: 2)) == [3, 4])
            for position in [ChangePosition(behind: snapshots[0]), .beginning] {
                let error = #expect(throws: WeirError.self) { try ChangeLogScan(table, since: position) }
                #expect(error?.code == .notFound && error?.message.contains("expired") == true)
            }
            let earliest = try EarliestChanges(of: table)
            #expect(earliest.notice?.contains("expired") == true)
            let state: ReadPoint = try #require(earliest.state)
            #expect(try MergeOnReadScan(table, at: state).count() == 3)
            #expect(try Self.ids(ChangeLogScan(table, since: earliest.position)) == [4])
        }
    }

    @Test func `a reader is told that a table was rolled back behind it`() throws {
        try withTemporaryFolder { folder in
            var table = try Self.append(1, to: Self.unkeyed(folder))
            table = try Self.append(2, to: table)
            let read = table.newestChange
            // As another engine's rollback does it: the old state is current again.
            let first = table.base.snapshots[0]
            let sealed = String(decoding: table.base.metadata.serialized(), as: UTF8.self)
            // Other engines write no checksum.
            let text = sealed.replacing(#/,"weir-crc32c":"[^"]*"/#, with: "")
            let rolled = text.replacingOccurrences(
                of: "\"current-snapshot-id\":\(read.snapshotId ?? 0)",
                with: "\"current-snapshot-id\":\(first.id)"
            ).replacingOccurrences(
                of: "\"refs\":{\"main\":{\"snapshot-id\":\(read.snapshotId ?? 0)",
                with: "\"refs\":{\"main\":{\"snapshot-id\":\(first.id)"
            )
            #expect(rolled != text)
            let base = Table(
                identifier: table.identifier,
                metadata: try TableMetadata.parse(Array(rolled.utf8), at: "rolled"),
                metadataLocation: table.base.metadataLocation,
                catalog: table.base.catalog,
                storage: table.base.storage
            )
            let back = MixedTable(base: base, change: nil, primaryKey: [])
            let error = #expect(throws: WeirError.self) { try ChangeLogScan(back, since: read) }
            #expect(error?.message.contains("rolled back") == true)
            #expect(try Self.ids(ChangeLogScan(back, since: .beginning)) == [1])
        }
    }

    /// A keyed table with one key per commit.
    private static func keyed(_ folder: String, commits: Int) throws -> MixedTable {
        let definition = MixedTableDefinition(
            identifier: TableIdentifier(namespace: ["shop"], name: "things"),
            schema: schema,
            primaryKey: ["id"]
        )
        var table = try MixedTable.create(definition, in: catalog(folder), nowMilliseconds: 0)
        let writer = try KeyedTableWriter(table)
        var ledger = PositionLedger()
        for number in 1...commits {
            _ = try writer.write(.changes([(.insert, [.long(Int64(number))])], table.schema))
            var next = ledger
            next.advance(topic: "t", partition: 0, to: Int64(number))
            table = try table.commit(try writer.cut(), topology: "t", from: ledger, to: next)
            ledger = next
        }
        return table
    }

    @Test func `files that were deleted from a change store are told, or done without by who asks for it`() throws {
        try withTemporaryFolder { folder in
            var table = try Self.keyed(folder, commits: 4)
            let whole = table
            #expect(try EarliestChanges(of: table).notice == nil)
            let change = try #require(table.change)
            let old = try change.plan().filter { $0.dataSequenceNumber <= 2 }.map(\.file)
            var expiry = Transaction(change)
            expiry.overwrite(adding: [], removing: old, operation: .delete)
            _ = try expiry.commit()
            table = try table.refreshed()

            let earliest = try EarliestChanges(of: table)
            #expect(earliest.notice?.contains("sequences 1 to 2") == true, "\(earliest.notice ?? "")")
            let there = try ChangeLogScan(table, since: earliest.position, takesWhatIsThere: true)
            #expect(try Self.ids(there) == [3, 4])
            // A reader that has already read them misses nothing.
            #expect(try Self.ids(ChangeLogScan(table, after: 2)) == [3, 4])
            #expect(try Self.ids(ChangeLogScan(table, since: whole.newestChange)) == [])
            for start in [ChangePosition.beginning, ChangePosition(sequence: 1)] {
                let error = #expect(throws: WeirError.self) { try ChangeLogScan(table, since: start) }
                #expect(error?.code == .notFound && error?.message.contains("gone") == true)
            }
        }
    }

    @Test func `an expired history of a change store is told`() throws {
        try withTemporaryFolder { folder in
            var table = try Self.keyed(folder, commits: 4)
            let snapshots = try #require(table.change?.snapshots)
            try Self.expire(snapshots.prefix(2).map(\.id), of: try #require(table.change))
            table = try table.refreshed()
            #expect(try EarliestChanges(of: table).notice?.contains("expired") == true)
            let all = try ChangeLogScan(table, since: .beginning, takesWhatIsThere: true)
            #expect(try Self.ids(all) == [1, 2, 3, 4], "their files are there still")
            #expect(try Self.ids(ChangeLogScan(table, since: ChangePosition(behind: snapshots[1]))) == [3, 4])
            #expect(throws: WeirError.self) {
                try ChangeLogScan(table, since: ChangePosition(behind: snapshots[0]))
            }
        }
    }
}
