import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import ObjectStorage
import Testing
import WeirTesting

@Suite struct ConflictTests {
    private func makeTable(_ folder: String, properties: [String: String] = [:]) throws -> Table {
        try makeCatalog(folder).create(try TableIdentifier("db.t"), schema: testSchema, properties: properties)
    }

    private func deletes(_ name: String, of file: String) -> DataFile {
        var delete = dataFile(name, content: .positionDeletes, records: 1)
        delete.referencedDataFile = "file:///nowhere/\(file)"
        return delete
    }

    @Test func `deletes apply to their files by sequence number`() throws {
        try withTemporaryFolder { folder in
            var table = try makeTable(folder).appending("a", "b")
            var delta = Transaction(table)
            delta.overwrite(
                adding: [dataFile("c")],
                addingDeletes: [deletes("d1", of: "a"), dataFile("d2", content: .positionDeletes)],
                removing: []
            )
            table = try delta.commit()
            #expect(table.currentSnapshot?.operation == "overwrite")
            #expect(table.currentSnapshot?.summary["total-position-deletes"] == "11")
            table = try table.appending("e")
            var equality = Transaction(table)
            var delete = dataFile("q", content: .equalityDeletes, records: 3)
            delete.equalityIds = [1]
            equality.overwrite(adding: [dataFile("f")], addingDeletes: [delete], removing: [])
            table = try equality.commit()
            let found = Dictionary(
                uniqueKeysWithValues: try table.plan().map { task in
                    (task.file.path.lastPathComponent, task.deletes.map(\.file.path.lastPathComponent))
                }
            )
            // d2 names no file, so it reaches every file that is not younger; the equality delete reaches older ones
            // only.
            #expect(found == ["a": ["d1", "d2", "q"], "b": ["d2", "q"], "c": ["d2", "q"], "e": ["q"], "f": []])
        }
    }

    @Test func `a rewrite does not swallow deletes that came meanwhile`() throws {
        try withTemporaryFolder { folder in
            let start = try makeTable(folder).appending("a", "b")
            var delta = Transaction(start)
            delta.overwrite(adding: [], addingDeletes: [deletes("d", of: "a")], removing: [])
            #expect(try delta.commit().currentSnapshot?.operation == "delete")
            func rewrite(_ name: String) throws -> Table {
                var transaction = Transaction(start)
                transaction.overwrite(
                    adding: [dataFile(name + "2")],
                    removing: [dataFile(name)],
                    operation: .replace,
                    validateFrom: start.currentSnapshot?.id
                )
                return try transaction.commit()
            }
            let error = #expect(throws: WeirError.self) { try rewrite("a") }
            #expect(error?.code == .conflict)
            // The other file has no new deletes.
            let after = try rewrite("b")
            #expect(try after.liveNames() == ["a", "b2"])
            #expect(after.currentSnapshot?.operation == "replace")
            // Deletes for the file that was replaced would come to nothing.
            var late = Transaction(start)
            late.overwrite(
                adding: [],
                addingDeletes: [deletes("d3", of: "b")],
                removing: [],
                validateFrom: start.currentSnapshot?.id
            )
            #expect(throws: WeirError.self) { try late.commit() }
        }
    }

    /// Most writers put the deletes of a whole partition into one file, whose manifest entry then names no data file.
    @Test func `deletes of several files notice that one of them was replaced`() throws {
        try withTemporaryFolder { folder in
            let start = try makeTable(folder).appending("a", "b", "x")
            func bounded(_ name: String, _ lower: String, _ upper: String) -> DataFile {
                var delete = dataFile(name, content: .positionDeletes, records: 2)
                delete.lowerBounds = [DataFile.deletePathFieldId: Array("file:///nowhere/\(lower)".utf8)]
                delete.upperBounds = [DataFile.deletePathFieldId: Array("file:///nowhere/\(upper)".utf8)]
                return delete
            }
            var rewrite = Transaction(start)
            rewrite.overwrite(
                adding: [dataFile("b2")],
                removing: [dataFile("b")],
                operation: .replace,
                validateFrom: start.currentSnapshot?.id
            )
            _ = try rewrite.commit()
            func add(_ delete: DataFile) throws -> Table {
                var delta = Transaction(start)
                delta.overwrite(
                    adding: [],
                    addingDeletes: [delete],
                    removing: [],
                    validateFrom: start.currentSnapshot?.id
                )
                return try delta.commit()
            }
            for delete in [bounded("d1", "a", "b"), dataFile("d2", content: .positionDeletes)] {
                let error = #expect(throws: WeirError.self) { try add(delete) }
                #expect(error?.code == .conflict && error?.location?.hasSuffix("/b") == true)
            }
            // Files outside of the folder still exist.
            #expect(try add(bounded("d3", "c", "x")).snapshots.count == 3)
        }
    }

    @Test func `an equality delete without columns is refused when it is read`() throws {
        try withTemporaryFolder { folder in
            let table = try makeTable(folder).appending("a")
            var delta = Transaction(table)
            delta.overwrite(adding: [], addingDeletes: [dataFile("q", content: .equalityDeletes)], removing: [])
            let broken = try delta.commit()
            let error = #expect(throws: WeirError.self) { try broken.plan() }
            #expect(error?.message.contains("which columns") == true && error?.location?.hasSuffix("/q") == true)
        }
    }

    @Test func `delete files are removed with the data they were for`() throws {
        try withTemporaryFolder { folder in
            var table = try makeTable(folder).appending("a", "b")
            var delta = Transaction(table)
            delta.overwrite(adding: [], addingDeletes: [deletes("d", of: "a")], removing: [])
            table = try delta.commit()
            var transaction = Transaction(table)
            transaction.overwrite(
                adding: [dataFile("a2", records: 9)],
                removing: [dataFile("a")],
                removingDeletes: [deletes("d", of: "a")],
                operation: .replace,
                validateFrom: table.currentSnapshot?.id
            )
            table = try transaction.commit()
            #expect(try table.plan().allSatisfy { $0.deletes.isEmpty })
            let summary = try #require(table.currentSnapshot).summary
            #expect(summary["total-delete-files"] == "0" && summary["total-records"] == "19")
            #expect(summary["removed-position-deletes"] == "1")
        }
    }

    @Test func `a partition of NaN is found again`() throws {
        try withTemporaryFolder { folder in
            let schema = Schema([Field(id: 1, name: "ratio", type: .double)])
            var table = try makeCatalog(folder).create(
                try TableIdentifier("db.t"),
                schema: schema,
                spec: try PartitionSpec(parsing: ["ratio"], schema: schema)
            )
            var transaction = Transaction(table)
            transaction.append([dataFile("a", partition: [.double(.nan)])])
            table = try transaction.commit()
            var delta = Transaction(table)
            delta.overwrite(
                adding: [],
                addingDeletes: [dataFile("d", partition: [.double(.nan)], content: .positionDeletes)],
                removing: []
            )
            table = try delta.commit()
            #expect(try table.plan().map(\.deletes.count) == [1])
            var rewrite = Transaction(table)
            rewrite.overwrite(adding: [], removing: [dataFile("a", partition: [.double(.nan)])])
            #expect(try rewrite.commit().plan().isEmpty)
        }
    }

    @Test func `small manifests are joined and nothing in them changes`() throws {
        try withTemporaryFolder { folder in
            var table = try makeTable(folder, properties: ["commit.manifest.min-count-to-merge": "5"])
            for number in 0..<23 { table = try table.appending("f\(number)") }
            let manifests = try table.manifests(of: try #require(table.currentSnapshot))
            #expect(manifests.count < 8)
            let tasks = try table.plan()
            #expect(tasks.count == 23)
            for task in tasks {
                let number = Int64(task.file.path.lastPathComponent.dropFirst()) ?? -1
                #expect(task.dataSequenceNumber == number + 1 && task.fileSequenceNumber == number + 1)
                #expect(task.snapshotId == table.snapshots[Int(number)].id)
            }
            #expect(try FreshPlan.liveNames(of: table).count == 23)
            // Older snapshots still see what they saw.
            #expect(try table.plan(snapshotId: table.snapshots[6].id).count == 7)
            #expect(try table.plan(sequencesAbove: 20).count == 3)
        }
    }

    @Test func `several snapshots and a schema land in one metadata file`() throws {
        try withTemporaryFolder { folder in
            let table = try makeTable(folder).appending("a")
            var transaction = Transaction(table)
            let summary = ["weir.x": "y"]
            transaction.append([], summary: summary)
            transaction.overwrite(adding: [dataFile("b")], removingPaths: ["file:///nowhere/a"], summary: summary)
            transaction.setSchema { (metadata) throws(WeirError) in
                Schema(metadata.schema.fields + [Field(id: metadata.lastColumnId + 1, name: "more", type: .int)])
            }
            let after = try transaction.commit()
            #expect(after.snapshots.count == 3)
            #expect(after.snapshots.dropFirst().allSatisfy { $0.summary["weir.x"] == "y" && $0.schemaId == 1 })
            #expect(after.schema.field(named: "more")?.id == 4)
            #expect(after.metadata.lastColumnId == 4)
            #expect(after.metadata.metadataLog.count == 2)
            #expect(try after.liveNames() == ["b"])
            let isSame = try after.catalog.load(after.identifier).metadata == after.metadata
            #expect(isSame)
        }
    }

    @Test func `a snapshot is found by time`() throws {
        try withTemporaryFolder { folder in
            var table = try makeTable(folder)
            for time in [1000, 2000, 3000] as [Int64] {
                let clock = TransactionClock(
                    nowMs: { 4_000_000_000_000 + time },
                    sleep: { _ in },
                    random: { UInt64(time) }
                )
                var transaction = Transaction(table, clock: clock)
                transaction.append([dataFile("f\(time)")])
                table = try transaction.commit()
            }
            #expect(try table.snapshot(asOf: 4_000_000_002_999).id == 2000)
            #expect(try table.snapshot(asOf: .max).id == 3000)
            #expect(throws: WeirError.self) { try table.snapshot(asOf: 4_000_000_000_999) }
        }
    }
}
