import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

/// Plain Iceberg tables of PyIceberg, read as Mixed tables.
@Suite(.enabled(if: Peers.shouldRun, "scripts/install-test-peers has not run")) struct ForeignTableTests {
    /// The table contents reported by the script.
    private struct Expected {
        var rows: [String: [JSONValue]] = [:]
        var snapshots: [(id: Int64, count: Int)] = []

        init(_ output: String) throws {
            for line in output.split(separator: "\n") {
                let object = try #require(try JSONValue.parse(String(line)).asObject)
                if let row = object["row"] {
                    rows[try object.string("table"), default: []].append(row)
                } else {
                    snapshots.append((try object.long("snapshot"), Int(try object.long("count"))))
                }
            }
        }
    }

    @Test func `every table agrees row for row, whole and filtered`() throws {
        try withTemporaryFolder { folder in
            let expected = try Expected(Peers.run("pyiceberg_create.py", [folder]))
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            let tables = try catalog.tables(in: ["db"])
            #expect(tables.count >= 19)
            for identifier in tables {
                let table = try MixedTable.load(identifier, from: catalog)
                #expect(!table.isKeyed)
                // Nested columns are not read; the others are.
                let flat = Schema(table.schema.fields.filter(\.type.isPrimitive))
                let comparable = ComparableRows(flat)
                let theirs = (expected.rows[identifier.description] ?? []).map {
                    comparable.text($0.keeping(flat))
                }
                let scan = try MergeOnReadScan(table, columns: flat)
                var rows: [ModelRow] = []
                var ours: [String] = []
                try scan.forEachInOrder { (batch) throws(WeirError) in
                    for row in 0..<batch.count { rows.append(batch.modelRow(row)) }
                    ours += (try? comparable.texts(batch)) ?? []
                    return true
                }
                #expect(ComparableRows.difference(ours.sorted(), theirs.sorted()) == "", "\(identifier)")
                #expect(try scan.count() == theirs.count)
                try Self.checkFilters(table, flat, rows)
            }
            let appends = try MixedTable.load(TableIdentifier("db.appends"), from: catalog)
            #expect(expected.snapshots.count == 6)
            for (snapshot, count) in expected.snapshots {
                let point = try ReadPoint(snapshot: snapshot, of: appends)
                #expect(try MergeOnReadScan(appends, at: point).count() == count)
            }
            #expect { try ReadPoint(snapshot: 1, of: appends) } throws: { ($0 as? WeirError)?.code == .notFound }
            try Self.checkNested(catalog)
            try Self.rewrite(tables, expected, catalog, folder)
        }
    }

    /// Optimizing rewrites other engines' tables, and every engine still reads the same rows.
    private static func rewrite(
        _ tables: [TableIdentifier],
        _ expected: Expected,
        _ catalog: SQLiteCatalog,
        _ folder: String
    ) throws {
        var rewritten: [String: Schema] = [:]
        // A nested column cannot be rewritten; one table got such a column above.
        for identifier in tables where !["nested", "appends"].contains(identifier.name) {
            let table = try MixedTable.load(identifier, from: catalog)
            _ = try FullOptimize(table, nowMilliseconds: 1).run()
            if table.base.metadata.currentSnapshot != nil { rewritten[identifier.description] = table.schema }
        }
        let output = try Peers.run("engine_rows.py", [folder + "/catalog.db", folder] + rewritten.keys.sorted())
        var found: [String: [String: [String]]] = [:]
        for line in output.split(separator: "\n") {
            let object = try #require(try JSONValue.parse(String(line)).asObject)
            let name = try object.string("table")
            let row = try #require(object["row"], "\(line)")
            let comparable = ComparableRows(try #require(rewritten[name]))
            found[try object.string("engine"), default: [:]][name, default: []].append(comparable.text(row))
        }
        for (name, schema) in rewritten {
            let comparable = ComparableRows(schema)
            let rows = (expected.rows[name] ?? []).map { comparable.text($0) }.sorted()
            for engine in ["pyiceberg", "duckdb"] {
                let theirs = (found[engine]?[name] ?? []).sorted()
                #expect(ComparableRows.difference(rows, theirs) == "", "\(engine) on \(name), rewritten")
            }
        }
    }

    /// Filters that prune files and row groups by bounds give the same rows as testing every row.
    private static func checkFilters(_ table: MixedTable, _ flat: Schema, _ rows: [ModelRow]) throws {
        for (index, field) in flat.fields.enumerated() {
            var values: Set<Scalar> = []
            for row in rows where row[index] != .null && values.count < 5 { values.insert(row[index]) }
            for value in values {
                for comparison in [RowFilter.Bound.Comparison.less, .lessOrEqual, .equal, .greaterOrEqual, .greater] {
                    let holds: @Sendable (Scalar) -> Bool = { Self.holds($0, comparison, value) }
                    let filter = RowFilter(
                        fields: [field.id],
                        bounds: [RowFilter.Bound(field: field.id, comparison, value)]
                    ) { (batch) throws(WeirError) in
                        guard let column = batch.column(field: field.id) else { return [] }
                        return (0..<batch.count).filter { holds(column.scalar($0)) }.map { Int32($0) }
                    }
                    let key = try flat.selecting(["id"])
                    let found = try MergeOnReadScan(table, columns: key, filter: filter).count()
                    let wanted = rows.count { holds($0[index]) }
                    #expect(found == wanted, "\(table.identifier): \(field.name) \(comparison) \(value)")
                }
            }
        }
    }

    private static func holds(_ left: Scalar, _ comparison: RowFilter.Bound.Comparison, _ right: Scalar) -> Bool {
        guard let less = left.precedes(right), let greater = right.precedes(left) else { return false }
        return switch comparison {
        case .less: less
        case .lessOrEqual: !greater
        case .equal: !less && !greater
        case .greaterOrEqual: !less
        case .greater: greater
        }
    }

    /// Requesting a nested column is refused by name, even when files lack the column.
    private static func checkNested(_ catalog: SQLiteCatalog) throws {
        let table = try MixedTable.load(TableIdentifier("db.nested"), from: catalog)
        let error = #expect(throws: WeirError.self) { try MergeOnReadScan(table).count() }
        #expect(error?.code == .unsupported && error?.description.contains("tags") == true)
        let plain = try MixedTable.load(TableIdentifier("db.appends"), from: catalog)
        var transaction = Transaction(plain.base)
        transaction.setSchema { (metadata) throws(WeirError) in
            let id = metadata.lastColumnId + 1
            let element = Field(id: id + 1, name: "element", type: .string)
            return Schema(plain.schema.fields + [Field(id: id, name: "labels", type: .list(element: element))])
        }
        let wider = MixedTable(base: try transaction.commit(), change: nil, primaryKey: [])
        #expect(throws: WeirError.self) { try MergeOnReadScan(wider).count() }
        #expect(try MergeOnReadScan(wider, columns: plain.schema).count() == 30)
    }
}

extension JSONValue {
    /// The object restricted to the columns of a schema.
    fileprivate func keeping(_ schema: Schema) -> JSONValue {
        var result = JSONObject()
        for field in schema.fields { result[field.name] = asObject?[field.name] }
        return .object(result)
    }
}
