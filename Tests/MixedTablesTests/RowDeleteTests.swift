import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

/// Position and equality deletes as other engines write them to plain Iceberg tables, written here by hand.
@Suite struct RowDeleteTests {
    private static let schema = Schema([
        Field(id: 1, name: "id", type: .long, isRequired: true), Field(id: 2, name: "city", type: .string),
        Field(id: 3, name: "score", type: .double), Field(id: 4, name: "day", type: .date),
    ])

    /// A table written by hand, and its expected rows.
    private struct Written {
        var table: Table
        /// Rows by file and position; nil once deleted.
        var files: [(file: DataFile, rows: [ModelRow?])] = []
        var random: SeededGenerator

        var rows: [ModelRow] { files.flatMap { $0.rows.compactMap { $0 } } }

        private mutating func row(_ id: Int64) -> ModelRow {
            let cities: [Scalar] = [.string("Oslo"), .string(""), .string("日本"), .null]
            let scores: [Scalar] = [.double(.nan), .double(0.5), .double(-0.0), .null, .double(.infinity)]
            return [
                .long(id), cities[Int(random.next() % 4)], scores[Int(random.next() % 5)],
                random.next() % 5 == 0 ? .null : .date(Int32(random.next() % 3)),
            ]
        }

        private func write(_ rows: [ModelRow], _ schema: Schema) throws -> (String, ParquetFileSummary) {
            let path = "\(table.dataLocation)/\(UUID().uuidString).parquet"
            var settings = ParquetSettings()
            settings.rowGroupRows = 4
            let writer = try ParquetFileWriter(schema: schema, to: table.storage.create(path), settings: settings)
            try writer.write(.rows(rows, schema))
            return (path, try writer.finish())
        }

        private func partition(_ row: ModelRow) throws -> [Scalar] {
            try table.spec.fields.map { field in
                try field.transform.apply(row[table.schema.index(ofField: field.sourceId) ?? 0])
            }
        }

        private mutating func newFiles(_ ids: Range<Int64>) throws -> [(file: DataFile, rows: [ModelRow?])] {
            var groups: [[Scalar]: [ModelRow]] = [:]
            for id in ids {
                let row = row(id)
                groups[try partition(row), default: []].append(row)
            }
            return try groups.sorted { "\($0.key)" < "\($1.key)" }.map { values, rows in
                let (path, summary) = try write(rows, table.schema)
                return (DataFile(parquet: path, summary, partition: values), rows)
            }
        }

        mutating func append(_ ids: Range<Int64>) throws {
            let new = try newFiles(ids)
            var transaction = Transaction(table)
            transaction.append(new.map(\.file))
            table = try transaction.commit()
            files += new
        }

        /// Deletes about a third of all live rows by position, with one delete file per partition.
        mutating func deletePositions() throws {
            var byPartition: [[Scalar]: [ModelRow]] = [:]
            for index in files.indices {
                for position in files[index].rows.indices where random.next() % 3 == 0 {
                    files[index].rows[position] = nil
                    byPartition[files[index].file.partition, default: []].append([
                        .string(files[index].file.path), .long(Int64(position)),
                    ])
                }
            }
            let schema = Schema([
                Field(id: DataFile.deletePathFieldId, name: "file_path", type: .string, isRequired: true),
                Field(id: DataFile.deletePositionFieldId, name: "pos", type: .long, isRequired: true),
            ])
            let deletes = try byPartition.map { values, rows in
                let ordered = rows.sorted { left, right in
                    guard
                        case (.string(let a), .long(let i), .string(let b), .long(let j)) =
                            (left[0], left[1], right[0], right[1])
                    else { return false }
                    return (a, i) < (b, j)
                }
                let (path, summary) = try write(ordered, schema)
                return DataFile(parquet: path, summary, content: .positionDeletes, partition: values)
            }
            var transaction = Transaction(table)
            transaction.overwrite(adding: [], addingDeletes: deletes, removing: [])
            table = try transaction.commit()
        }

        /// Deletes by the values of some columns and adds rows with the same values in the same commit; the new rows
        /// stay.
        mutating func deleteEqual(_ columns: [String], matching victims: [ModelRow], adding ids: Range<Int64>) throws {
            let schema = try table.schema.selecting(columns)
            let indices = columns.compactMap { table.schema.index(named: $0) }
            let keys = Set(victims.map { row in indices.map { Self.comparable(row[$0]) } })
            var byPartition: [[Scalar]: [ModelRow]] = [:]
            for victim in victims {
                byPartition[try partition(victim), default: []].append(indices.map { victim[$0] })
            }
            // An equality delete reaches the rows of its own partition; unpartitioned, every older row.
            for index in files.indices where byPartition[files[index].file.partition] != nil {
                let here = Set(
                    (byPartition[files[index].file.partition] ?? []).map { $0.map { Self.comparable($0) } }
                )
                for (position, row) in files[index].rows.enumerated() {
                    guard let row else { continue }
                    let key = indices.map { Self.comparable(row[$0]) }
                    if keys.contains(key), here.contains(key) { files[index].rows[position] = nil }
                }
            }
            let deletes = try byPartition.map { values, rows in
                let (path, summary) = try write(rows, schema)
                var file = DataFile(parquet: path, summary, content: .equalityDeletes, partition: values)
                file.equalityIds = schema.fields.map(\.id)
                return file
            }
            let new = try newFiles(ids)
            var transaction = Transaction(table)
            transaction.overwrite(adding: new.map(\.file), addingDeletes: deletes, removing: [])
            table = try transaction.commit()
            files += new
        }

        /// NaN equals NaN in an equality delete, unlike with Swift's `==`.
        private static func comparable(_ value: Scalar) -> String { "\(value)" }
    }

    @Test(arguments: SeededGenerator.seeds(3), [[], ["city"], ["bucket(2, id)"]])
    func `rows that deletes took away are gone, and only those`(seed: UInt64, partition: [String]) throws {
        try withTemporaryFolder { folder in
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            try catalog.createNamespace(["db"])
            let spec = try PartitionSpec(parsing: partition, schema: Self.schema)
            let table = try catalog.create(TableIdentifier("db.t"), schema: Self.schema, spec: spec)
            var written = Written(table: table, random: SeededGenerator(seed: seed))
            var states: [(snapshot: Int64, rows: [ModelRow])] = []
            func check(_ what: String) throws {
                let mixed = try MixedTable.load(TableIdentifier("db.t"), from: catalog)
                states.append((try #require(mixed.base.metadata.currentSnapshot?.id), written.rows))
                for (snapshot, rows) in states {
                    let found = try Self.texts(MergeOnReadScan(mixed, at: ReadPoint(snapshot: snapshot, of: mixed)))
                    let expected = try ComparableRows(mixed.schema).texts(.rows(rows, mixed.schema)).sorted()
                    #expect(ComparableRows.difference(found, expected) == "", "\(what), seed \(seed)")
                }
            }
            try written.append(0..<30)
            try check("appended")
            try written.deletePositions()
            try check("deleted positions")
            if Peers.shouldRun { try Self.compare(folder, written, seed) }
            var victims = written.rows.prefix(5)
            try written.deleteEqual(["id"], matching: Array(victims), adding: 30..<50)
            try check("deleted by id")
            // DuckDB applies equality deletes to every partition and does not support nulls in them.
            if Peers.shouldRun, partition != ["city"] { try Self.compare(folder, written, seed) }
            victims = written.rows.filter { $0[1] != .null && $0[2] != .null }.prefix(4)
            try written.deleteEqual(["city", "score"], matching: Array(victims), adding: 50..<60)
            try check("deleted by city and score")
            victims = written.rows.filter { $0[1] == .null || $0[2] == .null }.prefix(4)
            try written.deleteEqual(["city", "score"], matching: Array(victims), adding: 60..<70)
            try check("deleted by nulls")
            try written.deletePositions()
            try check("deleted positions again")

            // Rewriting applies the deletes and keeps none of them.
            let mixed = try MixedTable.load(TableIdentifier("db.t"), from: catalog)
            let (optimized, outcome) = try FullOptimize(mixed, nowMilliseconds: 1).run()
            #expect(outcome.rows == Int64(written.rows.count))
            #expect(try optimized.base.plan().allSatisfy { $0.deletes.isEmpty })
            try check("rewritten")
        }
    }

    private static func texts(_ scan: MergeOnReadScan) throws -> [String] {
        let comparable = ComparableRows(scan.schema)
        var result: [String] = []
        try scan.forEachInOrder { (batch) throws(WeirError) in
            result += (try? comparable.texts(batch)) ?? []
            return true
        }
        return result.sorted()
    }

    private static func compare(_ folder: String, _ written: Written, _ seed: UInt64) throws {
        let comparable = ComparableRows(written.table.schema)
        let path = LocalObjectStorage.localPath(written.table.metadataLocation)
        let theirs = try comparable.sorted(lines: Peers.run("duckdb_scan.py", [path]))
        let ours = try comparable.texts(.rows(written.rows, written.table.schema)).sorted()
        #expect(ComparableRows.difference(ours, theirs) == "", "DuckDB, seed \(seed)")
    }
}
