import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

/// PyIceberg and DuckDB read Weir's tables with the same result as merge-on-read.
@Suite(.enabled(if: Peers.shouldRun, "scripts/install-test-peers has not run")) struct EngineTests {
    /// One table for each shape of the model, and one for each partition transform and column type.
    private static let partitions: [[String]] = [
        [], ["name"], ["flag"], ["small"], ["large"], ["score"], ["ratio"], ["price"], ["huge"], ["day"], ["clock"],
        ["local"], ["instant"], ["photo"], ["mark"], ["token"], ["bucket(3, id)"], ["bucket(3, small)"],
        ["bucket(3, exact)"], ["bucket(3, huge)"], ["bucket(3, day)"], ["bucket(3, clock)"], ["bucket(3, local)"],
        ["bucket(3, instant)"], ["bucket(3, name)"], ["bucket(3, photo)"], ["bucket(3, mark)"], ["bucket(3, token)"],
        ["truncate(10, small)"], ["truncate(1000, large)"], ["truncate(50, price)"], ["truncate(7, wide)"],
        ["truncate(2, name)"], ["truncate(1, photo)"], ["year(day)"], ["month(day)"], ["day(day)"], ["year(local)"],
        ["month(local)"], ["day(local)"], ["hour(local)"], ["year(instant)"], ["month(instant)"], ["day(instant)"],
        ["hour(instant)"], ["flag", "truncate(1, name)", "year(day)"],
    ]

    /// PyIceberg reads partition values of these types differently from column values, also in its own tables. Such
    /// tables are compared by rows, but not by partition values.
    private static func partitionsAreComparable(_ table: Table) -> Bool {
        !table.spec.fields.contains { field in
            guard field.transform == .identity else { return false }
            return [.float, .double, .uuid].contains(table.schema.field(id: field.sourceId)?.type)
        }
    }

    /// Truncating the smallest integer overflows its type. Java wraps around there, and Python does not.
    private static func pool(_ spec: PartitionSpec) -> (FieldType) -> [Scalar] {
        let truncates = spec.fields.contains { if case .truncate = $0.transform { true } else { false } }
        return { type in
            EdgeValues.of(type).filter { !truncates || ($0 != .int(.min) && $0 != .long(.min)) }
        }
    }

    private struct Made {
        let table: MixedTable
        let inserts: Int
        let deletes: Int
        let rows: [String]
    }

    /// Position deletes, small files and rewritten ones, after each of several commits.
    @Test(arguments: SeededGenerator.seeds(1), [2, 3])
    func `other engines read the same rows after changes were moved into base`(
        seed: UInt64,
        formatVersion: Int
    ) throws {
        try withTemporaryFolder { folder in
            let catalog = try SQLiteCatalog(
                path: folder + "/catalog.db",
                warehouse: "file://" + folder,
                storage: LocalObjectStorage(files: FaultyFileSystem())
            )
            try catalog.createNamespace(["shop"])
            var made: [String: Made] = [:]
            for (index, partition) in Self.partitions.enumerated() where index % 4 == 0 || index < 2 {
                var definition = try Self.definition("part_\(index)", EdgeValues.fields, partition, ["id"])
                definition.properties["format-version"] = String(formatVersion)
                made[definition.identifier.description] = try Self.fill(
                    definition,
                    in: catalog,
                    seed: seed &+ UInt64(index),
                    buckets: 2,
                    merging: .materialize
                )
            }
            try Self.compareRows(made, folder)
            if formatVersion == 3 { try Self.compareVectors(made) }
        }
    }

    /// How changes come to base.
    private enum Merging { case optimize, materialize }

    @Test(arguments: SeededGenerator.seeds(1))
    func `other engines read the same rows after a full optimize`(seed: UInt64) throws {
        try withTemporaryFolder { folder in
            let catalog = try SQLiteCatalog(
                path: folder + "/catalog.db",
                warehouse: "file://" + folder,
                storage: LocalObjectStorage(files: FaultyFileSystem())
            )
            try catalog.createNamespace(["shop"])
            var made: [String: Made] = [:]
            for shape in TableShape.allCases {
                var definition = try Self.definition("shape_\(shape)", shape.fields, [], shape.key)
                if let (column, transform) = shape.partition {
                    let source = try #require(definition.schema.field(named: column))
                    let field = PartitionField(sourceId: source.id, id: 1000, name: "part", transform: transform)
                    definition.partitionSpec = PartitionSpec(id: 0, fields: [field])
                }
                made[definition.identifier.description] = try Self.fill(definition, in: catalog, seed: seed, buckets: 4)
            }
            for (index, partition) in Self.partitions.enumerated() {
                let definition = try Self.definition("part_\(index)", EdgeValues.fields, partition, ["id"])
                made[definition.identifier.description] = try Self.fill(
                    definition,
                    in: catalog,
                    seed: seed &+ UInt64(index),
                    buckets: index % 3 == 0 ? 2 : 1
                )
            }
            try Self.compareRows(made, folder)
            try Self.checkFiles(made, folder)
        }
    }

    private static func definition(
        _ name: String,
        _ columns: [(String, FieldType)],
        _ partition: [String],
        _ key: [String]
    ) throws -> MixedTableDefinition {
        let schema = Schema(
            columns.enumerated().map { Field(id: $0.offset + 1, name: $0.element.0, type: $0.element.1) }
        )
        return MixedTableDefinition(
            identifier: TableIdentifier(namespace: ["shop"], name: name),
            schema: schema,
            partitionSpec: try PartitionSpec(parsing: partition, schema: schema),
            primaryKey: key
        )
    }

    /// Writes a random history in four epochs, merged into base in the middle and at the end.
    private static func fill(
        _ definition: MixedTableDefinition,
        in catalog: SQLiteCatalog,
        seed: UInt64,
        buckets: Int,
        merging: Merging = .optimize
    ) throws -> Made {
        var definition = definition
        definition.properties["change.file-index.hash-bucket"] = "\(buckets)"
        definition.properties["base.file-index.hash-bucket"] = "\(buckets)"
        var table = try MixedTable.create(definition, in: catalog, nowMilliseconds: 1_700_000_000_000)
        let keyColumns = definition.primaryKey.compactMap { table.schema.index(named: $0) }
        var history = ChangeHistory(
            schema: table.schema,
            keyColumns: keyColumns,
            seed: seed,
            keySpace: 16,
            pool: pool(definition.partitionSpec)
        )
        let writer = try KeyedTableWriter(table)
        let materializer = Materializer(table)
        var ledger = PositionLedger()
        for epoch in 0..<4 {
            _ = try writer.write(history.next(30))
            var next = ledger
            next.advance(topic: "t", partition: 0, to: Int64(epoch + 1))
            table = try table.commit(try writer.cut(), topology: "engines", from: ledger, to: next)
            ledger = next
            if merging == .materialize {
                // In version 3 nothing is rewritten, so that the deletes are left for the engines to read.
                _ = try materializer.step(
                    rewriteBytes: table.base.metadata.formatVersion > 2 ? 0 : .max,
                    nowMilliseconds: 1_700_000_000_000
                )
                table = materializer.table
            } else if epoch % 2 == 1 {
                table = try FullOptimize(table, nowMilliseconds: 1_700_000_000_000).run().table
            }
        }
        let comparable = ComparableRows(table.schema)
        var rows: [String] = []
        try MergeOnReadScan(table).forEachInOrder { (batch) throws(WeirError) in
            rows += (try? comparable.texts(batch)) ?? []
            return true
        }
        let expected = try comparable.texts(.rows(Array(history.state.values), table.schema))
        #expect(
            ComparableRows.difference(rows.sorted(), expected.sorted()) == "",
            "\(definition.identifier), seed \(seed)"
        )
        var retractions = 0
        var changes = 0
        try ChangeLogScan(table, after: 0).forEach { (batch) throws(WeirError) in
            changes += batch.count
            retractions += (0..<batch.count).count { batch.kind($0).isRetraction }
            return true
        }
        return Made(table: table, inserts: changes - retractions, deletes: retractions, rows: rows.sorted())
    }

    private static func compareRows(_ made: [String: Made], _ folder: String) throws {
        let output = try Peers.run("engine_rows.py", [folder + "/catalog.db", folder] + made.keys.sorted())
        var found: [String: [String: [String]]] = [:]
        for line in output.split(separator: "\n") {
            let object = try #require(try JSONValue.parse(String(line)).asObject)
            let name = try object.string("table")
            let engine = try object.string("engine")
            if let row = object["row"] {
                let table = try #require(made[name])
                found[engine, default: [:]][name, default: []].append(ComparableRows(table.table.schema).text(row))
            } else if made[name].map({ partitionsAreComparable($0.table.base) }) != false {
                Issue.record("\(name) partitioned by \(made[name]?.table.base.spec.fields ?? []): \(line)")
            }
        }
        for engine in ["pyiceberg", "duckdb"] {
            for (name, table) in made {
                let difference = ComparableRows.difference(table.rows, (found[engine]?[name] ?? []).sorted())
                #expect(difference == "", "\(engine) on \(name), partitioned by \(table.table.base.spec.fields)")
            }
        }
    }

    /// Each live vector, found through its Puffin file's footer by a reader of its own, is what the manifests say it is.
    private static func compareVectors(_ made: [String: Made]) throws {
        var live: [String: DataFile] = [:]
        for (_, entry) in made {
            for delete in try entry.table.base.plan().flatMap(\.deletes) {
                live[try #require(delete.file.referencedDataFile)] = delete.file
            }
        }
        #expect(live.count > 5)
        let puffins = Set(live.values.map { LocalObjectStorage.localPath($0.path) }).sorted()
        var seen = 0
        for json in try JSONValue.parse(Peers.run("deletion_vectors.py", puffins)).asArray ?? [] {
            let vector = try #require(json.asObject)
            let path = try vector.string("path")
            guard let file = live[try vector.string("file")], LocalObjectStorage.localPath(file.path) == path,
                file.contentOffset == (try vector.long("offset"))
            else { continue }
            seen += 1
            #expect(file.contentSize == (try vector.long("size")))
            #expect(file.recordCount == (try vector.long("cardinality")))
        }
        #expect(seen == live.count)
    }

    private static func checkFiles(_ made: [String: Made], _ folder: String) throws {
        for store in [[], ["--change"]] {
            let output = try Peers.run(
                "pyiceberg_files.py",
                [folder + "/catalog.db", folder] + made.keys.sorted() + store
            )
            var counts: [String: (inserts: Int, deletes: Int)] = [:]
            for line in output.split(separator: "\n") {
                let object = try #require(try JSONValue.parse(String(line)).asObject)
                let name = try object.string("table")
                let type = try #require(DataFileName(path: try object.string("file"))?.type)
                var problems = (object["problems"]?.asArray ?? []).compactMap(\.asString)
                // A delete is in the partition of the row it removes, which the source does not need to send.
                let isComparable = made[name].map { partitionsAreComparable($0.table.base) } ?? true
                if type == .equalityDelete || !isComparable { problems.removeAll { $0.contains("the rows belong to") } }
                #expect(problems.isEmpty, "\(name): \(line)")
                let records = Int(try object.long("records"))
                if type == .equalityDelete {
                    counts[name, default: (0, 0)].deletes += records
                } else {
                    counts[name, default: (0, 0)].inserts += records
                }
            }
            for (name, table) in made {
                let count = counts[name] ?? (0, 0)
                #expect(count.inserts == (store.isEmpty ? table.rows.count : table.inserts), "\(name) \(store)")
                #expect(count.deletes == (store.isEmpty ? 0 : table.deletes), "\(name) \(store)")
            }
        }
    }
}
