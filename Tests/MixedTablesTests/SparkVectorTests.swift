import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

/// Tables of format version 3 that Spark wrote, with the rows that Spark read from them.
@Suite struct SparkVectorTests {
    /// `spark-v3-vectors` has deletes and updates in one Puffin file and several; `spark-v3-upgraded` has position
    /// deletes of version 2 beside a vector.
    @Test(arguments: ["spark-v3-vectors", "spark-v3-upgraded"])
    func `rows, their ids and their last updates are those that Spark reads`(name: String) throws {
        let storage = FixtureStorage(table: name)
        let table = try withTemporaryFolder { folder in
            let catalog = try SQLiteCatalog(path: folder + "/c.db", warehouse: "file://" + folder, storage: storage)
            try catalog.createNamespace(["db"])
            let id = TableIdentifier(namespace: ["db"], name: name)
            try catalog.register(id, metadataLocation: "table.metadata.json")
            return try MixedTable.load(id, from: catalog)
        }
        let expected = try (JSONValue.parse(storage.read("rows.json")).asArray ?? []).map { row in
            let cells = row.asArray ?? []
            return [
                Scalar.long(try #require(cells[0].asInteger)), .string(try #require(cells[1].asString)),
                .long(try #require(cells[2].asInteger)), .long(try #require(cells[3].asInteger)),
            ]
        }
        let scan = try MergeOnReadScan(table, columns: Schema(table.schema.fields + RowLineage.fields))
        var rows: [Int64: ModelRow] = [:]
        try scan.forEachInOrder { (batch) throws(WeirError) in
            for row in 0..<batch.count {
                let values = batch.modelRow(row)
                if case .long(let id) = values[0] { rows[id] = values }
            }
            return true
        }
        #expect(expected.count == 153 && rows.count == 153)
        for row in expected {
            guard case .long(let id) = row[0] else { continue }
            #expect(rows[id] == row)
        }
    }
}
