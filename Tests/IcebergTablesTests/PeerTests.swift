import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import ObjectStorage
import Testing
import WeirTesting

/// Other engines on Weir's tables and Weir on theirs. Requires `scripts/install-test-peers`.
@Suite(.enabled(if: Peers.shouldRun, "scripts/install-test-peers has not run"), .serialized) struct PeerTests {
    @Test func `PyIceberg and DuckDB read what we write, PyIceberg appends, and we read on`() throws {
        try withTemporaryFolder { folder in
            let catalog = try makeCatalog(folder)
            let transforms: [[String]] = [
                [], ["id"], ["bucket(4, id)"], ["truncate(name, 2)"], ["day(at)"], ["hour(at)"], ["month(at)"],
                ["year(at)", "name"], ["truncate(10, id)", "price"],
            ]
            var arguments = [folder + "/catalog.db", folder + "/wh"]
            var expected = ""
            for (index, texts) in transforms.enumerated() {
                let spec = try PartitionSpec(parsing: texts, schema: Orders.schema)
                let id = TableIdentifier(namespace: ["db"], name: "t\(index)")
                var table = try catalog.create(id, schema: Orders.schema, spec: spec, properties: ["owner": "weir"])
                for start in [0, 10] as [Int64] {
                    var transaction = Transaction(table)
                    transaction.append(try Orders.write(start..<start + 10, to: table))
                    table = try transaction.commit()
                }
                var delta = Transaction(table)
                delta.overwrite(
                    adding: [],
                    addingDeletes: try Orders.deleteFirstRows(of: table),
                    removing: [],
                    validateFrom: table.currentSnapshot?.id
                )
                let files = try table.plan().count
                table = try delta.commit()
                #expect(try table.plan().allSatisfy { $0.deletes.count == 1 })
                arguments += [id.description, LocalObjectStorage.localPath(table.metadataLocation)]
                expected += "\(id) rows \(20 - files) duckdb \(20 - files) appended 5\n"
            }
            #expect(try Peers.run("check_tables.py", arguments) == expected)
            for id in try catalog.tables(in: ["db"]) {
                let table = try catalog.load(id)
                #expect(table.snapshots.count == 4)
                #expect(table.currentSnapshot?.summary["total-records"] == "25")
                #expect(try table.plan().reduce(0) { $0 + $1.file.recordCount } == 25)
                #expect(table.properties["owner"] == "weir")
                // Weir's next commit is based on the other engine's.
                #expect(try table.appending(Orders.write(50..<51, to: table)).snapshots.count == 5)
            }
            #expect(try catalog.tables(in: ["made_by_pyiceberg"]).map(\.name) == ["t"])
            #expect(try catalog.namespaces() == [["db"], ["made_by_pyiceberg"]])
        }
    }

    /// A new file next to old ones in a manifest must not make the manifest look new: readers skip delete files that
    /// are older than all data they could apply to.
    @Test func `rows stay deleted when manifests are merged`() throws {
        try withTemporaryFolder { folder in
            let catalog = try makeCatalog(folder)
            let id = TableIdentifier(namespace: ["db"], name: "merged")
            var table = try catalog.create(
                id,
                schema: Orders.schema,
                properties: ["commit.manifest.min-count-to-merge": "2"]
            )
            table = try table.appending(Orders.write(0..<10, to: table))
            var delta = Transaction(table)
            delta.overwrite(adding: [], addingDeletes: try Orders.deleteFirstRows(of: table), removing: [])
            table = try delta.commit()
            for start in [10, 20] as [Int64] {
                table = try table.appending(Orders.write(start..<start + 10, to: table))
            }
            let manifests = try table.manifests(of: #require(table.currentSnapshot))
            #expect(manifests.filter { $0.content == .data }.map(\.minSequenceNumber) == [1])
            let output = try Peers.run(
                "pyiceberg_scan.py",
                [folder + "/catalog.db", folder + "/wh", id.description, "--columns", "id"]
            )
            let ids = output.split(separator: "\n").map(String.init).sorted()
            #expect(ids.count == 29 && !ids.contains("{\"id\": 0}"))
        }
    }
}

extension Table {
    func appending(_ files: [DataFile]) throws -> Table {
        var transaction = Transaction(self)
        transaction.append(files)
        return try transaction.commit()
    }
}

/// Small real Parquet files.
enum Orders {
    static let schema = Schema([
        Field(id: 1, name: "id", type: .long, isRequired: true), Field(id: 2, name: "at", type: .timestamptz),
        Field(id: 3, name: "name", type: .string), Field(id: 4, name: "price", type: .decimal(precision: 12, scale: 2)),
    ])

    /// One file per partition.
    static func write(_ ids: Range<Int64>, to table: Table) throws -> [DataFile] {
        var groups: [[Scalar]: [[Scalar]]] = [:]
        for id in ids {
            let row: [Scalar] = [
                .long(id), id % 7 == 6 ? .null : .timestamptz(-7_200_000_000 + id * 3_000_000_000),
                .string(["alpha", "beta", "ß→🦆"][Int(id % 3)]), .decimal(Int128(id % 4) * 125 - 100, scale: 2),
            ]
            let values = try table.spec.fields.map { field in
                try field.transform.apply(row[table.schema.index(ofField: field.sourceId) ?? 0])
            }
            groups[values, default: []].append(row)
        }
        return try groups.map { values, rows in
            let folder = [table.dataLocation, table.spec.path(for: values)].filter { !$0.isEmpty }.joined(
                separator: "/"
            )
            return try parquet(rows, schema, folder, table) {
                DataFile(
                    parquet: $0,
                    $1,
                    partition: values,
                    metrics: MetricsConfig(properties: table.properties, schema: schema)
                )
            }
        }
    }

    /// Position deletes of row 0, one file per data file.
    static func deleteFirstRows(of table: Table) throws -> [DataFile] {
        let schema = Schema([
            Field(id: DataFile.deletePathFieldId, name: "file_path", type: .string, isRequired: true),
            Field(id: DataFile.deletePositionFieldId, name: "pos", type: .long, isRequired: true),
        ])
        return try table.plan().map { task in
            try parquet([[.string(task.file.path), .long(0)]], schema, table.dataLocation, table) {
                DataFile(
                    parquet: $0,
                    $1,
                    content: .positionDeletes,
                    partition: task.file.partition,
                    specId: task.specId
                )
            }
        }
    }

    private static func parquet(
        _ rows: [[Scalar]],
        _ schema: Schema,
        _ folder: String,
        _ table: Table,
        _ describe: (String, ParquetFileSummary) -> DataFile
    ) throws -> DataFile {
        let path = "\(folder)/\(UUID().uuidString).parquet"
        let columns = schema.fields.indices.map { index in
            var builder = ColumnBuilder(schema.fields[index].type)
            for row in rows { builder.append(row[index]) }
            return builder.finish()
        }
        let writer = try ParquetFileWriter(schema: schema, to: try table.storage.create(path))
        try writer.write(ColumnBatch(schema: schema, columns: columns, count: rows.count))
        return describe(path, try writer.finish())
    }
}
