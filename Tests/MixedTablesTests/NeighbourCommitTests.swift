import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import ObjectStorage
import Testing
import WeirTesting

@testable import MixedTables

/// Other processes' commits to a change store while a writer has it open.
@Suite struct NeighbourCommitTests {
    /// A table and its writer over many epochs.
    private struct Writer {
        var table: MixedTable
        let writer: KeyedTableWriter
        var ledger = PositionLedger()
        var round: Int64 = 0

        init(_ folder: String) throws {
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            try catalog.createNamespace(["shop"])
            let definition = MixedTableDefinition(
                identifier: TableIdentifier(namespace: ["shop"], name: "things"),
                schema: Schema([Field(id: 1, name: "id", type: .long), Field(id: 2, name: "round", type: .long)]),
                primaryKey: ["id"]
            )
            table = try MixedTable.create(definition, in: catalog, nowMilliseconds: 0)
            writer = try KeyedTableWriter(table)
        }

        /// Writes keys 0 to 4 again and one new key.
        mutating func write() throws {
            round += 1
            let ids = Array(0..<Int64(5)) + [100 + round]
            let rows = ids.map { (ChangeKind.insert, [Scalar.long($0), .long(round)]) }
            _ = try writer.write(.changes(rows, table.schema))
            let next = PositionLedger(["t": [0: round]])
            table = try table.commit(try writer.cut(), topology: "t", from: ledger, to: next)
            ledger = next
        }

        var newest: MixedTable { get throws { try table.refreshed() } }
        var change: Table { get throws { try #require(try newest.change) } }

        func optimize() throws { _ = try FullOptimize(newest, nowMilliseconds: 1).run() }

        func checkRows() throws {
            let scan = try MergeOnReadScan(newest)
            #expect(try scan.count() == 5 + Int(round))
        }
    }

    /// Commits an empty snapshot and expires all earlier ones, so that the writer's last snapshot is no longer
    /// reachable.
    private func expireHistory(_ change: Table) throws {
        var begin = Transaction(change)
        begin.append([], summary: ["tx.begin.signature": "s"])
        let begun = try begin.commit()
        var expire = Transaction(begun)
        expire.removeSnapshots(Set(begun.snapshots.map(\.id)).subtracting([begun.currentSnapshot?.id ?? 0]))
        _ = try expire.commit()
    }

    private func removeFiles(_ change: Table, _ tasks: [FileScanTask]) throws -> Table {
        var transaction = Transaction(change)
        transaction.overwrite(adding: [], removing: tasks.map(\.file), operation: .delete)
        return try transaction.commit()
    }

    @Test func `maintenance and the beginnings of transactions are no conflict`() throws {
        try withTemporaryFolder { folder in
            var writer = try Writer(folder)
            try writer.write()
            try writer.write()
            try writer.optimize()
            // Spark begins a transaction.
            var begin = Transaction(try writer.change)
            begin.append([], summary: ["tx.begin.signature": "s"])
            _ = try begin.commit()
            try writer.write()
            try writer.checkRows()
            // Expiry removes the change files that are in base.
            let change = try writer.change
            let merged = try change.plan().filter { $0.dataSequenceNumber <= 2 }
            #expect(!merged.isEmpty)
            _ = try removeFiles(change, merged)
            var properties = Transaction(try writer.change)
            properties.setProperties(["owner": "somebody"])
            _ = try properties.commit()
            try writer.write()
            try writer.checkRows()
        }
    }

    @Test func `a writer goes on whose last snapshot has been expired`() throws {
        try withTemporaryFolder { folder in
            var writer = try Writer(folder)
            try writer.write()
            try writer.optimize()
            try expireHistory(try removeFiles(try writer.change, try writer.change.plan()))
            try writer.write()
            try writer.checkRows()
        }
    }

    @Test(arguments: [false, true]) func `files that base does not hold yet must not go`(expires: Bool) throws {
        try withTemporaryFolder { folder in
            var writer = try Writer(folder)
            try writer.write()
            try writer.optimize()
            try writer.write()
            let change = try writer.change
            let left = try removeFiles(change, try change.plan().filter { $0.dataSequenceNumber > 1 })
            if expires { try expireHistory(left) }
            let error = #expect(throws: WeirError.self) { try writer.write() }
            #expect(error?.code == .conflict)
        }
    }

    @Test(arguments: [false, true]) func `files that somebody adds may hold keys`(expires: Bool) throws {
        try withTemporaryFolder { folder in
            var writer = try Writer(folder)
            try writer.write()
            // The same rows again, as a writer without primary keys would add them.
            let file = try #require(try writer.change.plan().first).file
            let copy = DataFile(
                path: file.path + ".copy",
                partition: file.partition,
                recordCount: file.recordCount,
                fileSize: file.fileSize
            )
            var append = Transaction(try writer.change)
            append.append([copy])
            let appended = try append.commit()
            if expires { try expireHistory(appended) }
            let error = #expect(throws: WeirError.self) { try writer.write() }
            #expect(error?.code == .conflict)
        }
    }

    /// Two processes of a topology; one commits seldom, and its snapshot expires while the other one commits.
    @Test(arguments: [false, true]) func `a process that commits seldom goes on beside one that commits often`(
        foreign: Bool
    ) throws {
        try withTemporaryFolder { folder in
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            try catalog.createNamespace(["shop"])
            let definition = MixedTableDefinition(
                identifier: TableIdentifier(namespace: ["shop"], name: "things"),
                schema: Schema([Field(id: 1, name: "id", type: .long)]),
                primaryKey: ["id"],
                properties: ["snapshot.keep.max-count": "3"]
            )
            let created = try MixedTable.create(definition, in: catalog, nowMilliseconds: 0)
            /// A process that has claimed one partition; its keys are its own.
            struct Process {
                var table: MixedTable
                let claim: PartitionClaim
                let writer: KeyedTableWriter
                let partition: Int
                var next: Int64 = 0

                init(_ table: MixedTable, partition: Int) throws {
                    let partitions: Set = [TopicPartition(topic: "t", partition: partition)]
                    (self.table, claim) = try table.refreshed().claiming(partitions, topology: "t")
                    writer = try KeyedTableWriter(self.table)
                    self.partition = partition
                }

                mutating func write() throws {
                    let id = Int64(partition) * 1000 + next
                    _ = try writer.write(.changes([(.insert, [.long(id)])], table.schema))
                    let known = PositionLedger(next == 0 ? [:] : ["t": [partition: next]])
                    next += 1
                    table = try table.commit(
                        try writer.cut(),
                        topology: "t",
                        from: known,
                        to: PositionLedger(["t": [partition: next]]),
                        claim: claim
                    )
                }
            }
            var seldom = try Process(created, partition: 0)
            var often = try Process(created, partition: 1)
            try seldom.write()
            for _ in 0..<8 { try often.write() }
            try seldom.write()
            for _ in 0..<8 { try often.write() }
            if foreign {
                let change = try #require(seldom.table.refreshed().change)
                let file = try #require(change.plan().first).file
                var append = Transaction(change)
                append.append([DataFile(path: file.path + ".copy", recordCount: 1, fileSize: file.fileSize)])
                _ = try append.commit()
                let error = #expect(throws: WeirError.self) { try seldom.write() }
                #expect(error?.code == .conflict)
                return
            }
            try seldom.write()
            let scan = try MergeOnReadScan(seldom.table.refreshed())
            #expect(try scan.count() == 19)
        }
    }
}
