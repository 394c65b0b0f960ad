import Columnar
import Foundation
import IcebergFormat
import Testing
import WeirTesting

/// The binary on a warehouse of PyIceberg. Its output must match the scripts of other engines.
@Suite(
    .serialized,
    .mostlyWaits,
    .hangGuard,
    .enabled(if: Peers.shouldRun, "scripts/install-test-peers has not run")
) struct ForeignWarehouseTests {
    /// Columns of the script's tables whose numbers have several spellings.
    private static let comparable = ComparableRows(
        Schema([
            Field(id: 1, name: "id", type: .long), Field(id: 5, name: "single", type: .float),
            Field(id: 6, name: "double_", type: .double),
        ])
    )

    @Test func `rows of every type, filters and snapshots print as other engines print them`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            let warehouse = folder + "/warehouse"
            var expected: [String: [JSONValue]] = [:]
            var snapshots: [(id: Int64, count: Int64)] = []
            for line in try Peers.run("pyiceberg_create.py", [warehouse]).split(separator: "\n") {
                let object = try #require(try JSONValue.parse(String(line)).asObject)
                if let row = object["row"] {
                    expected[try object.string("table"), default: []].append(row)
                } else {
                    snapshots.append((try object.long("snapshot"), try object.long("count")))
                }
            }
            for table in ["db.types", "db.evolved", "db.deleted", "db.empty", "db.by_hour", "db.hive", "db.mapped"] {
                let rows = (expected[table] ?? []).map { Self.comparable.text($0) }.sorted()
                let scan = try weir("scan", table, "-o", "json")
                #expect(scan.status == 0, "\(scan.errors)")
                let ours = try Self.comparable.sorted(lines: scan.output)
                #expect(ComparableRows.difference(ours, rows) == "", "\(table)")
                let csv = try weir("scan", table, "-o", "csv", "--columns", "id")
                #expect(csv.lines.first == "id" && csv.lines.count == rows.count + 1, "\(table): \(csv.output)")
                // Columns come in schema order, which JSON text keeps.
                if let first = scan.lines.first, table != "db.evolved" { #expect(first.hasPrefix("{\"id\":")) }
            }
            for (id, count) in snapshots {
                let scan = try weir("scan", "db.appends", "--snapshot", "\(id)", "--count", "-o", "json")
                #expect(scan.output == "{\"count\":\(count)}\n")
            }
            try Self.checkTimeTravel(weir, warehouse)
            let filters = [
                "id > 10 AND id <= 20", "text = 'gamma'", "small IS NULL", "price < 1.00", "day >= DATE '2024-03-10'",
                "text = 'alpha' OR flag = true", "single > 2.0",
            ]
            // A column that is in no file is filtered by the value its partition has.
            let west = try weir("scan", "db.hive", "--where", "text = 'west' AND small < 0", "--count", "-o", "json")
            #expect(west.output == "{\"count\":6}\n", "\(west.errors)")
            for table in ["db.deleted", "db.by_day"] {
                for filter in filters {
                    let ours = try weir("scan", table, "-o", "json", "--where", filter)
                    #expect(ours.status == 0, "\(filter): \(ours.errors)")
                    let metadata = try Self.metadata(warehouse, table)
                    let theirs = try Peers.run("duckdb_scan.py", [metadata, "--where", filter])
                    let difference = ComparableRows.difference(
                        try Self.comparable.sorted(lines: ours.output),
                        try Self.comparable.sorted(lines: theirs)
                    )
                    #expect(difference == "", "\(table) where \(filter)")
                }
            }
            // Nested columns are refused by name, with or without rows; the others are read.
            let nested = try weir("scan", "db.nested")
            #expect(nested.status == 1 && nested.errors.contains("tags"), "\(nested.errors)")
            #expect(try weir("scan", "db.nested", "--columns", "id", "-o", "csv").lines.count == 5)
            #expect(try weir("read", "db.nested", "--from", "earliest").status == 1)
            for table in ["db.nested", "db.empty"] {
                #expect(try weir("table", "describe", table).status == 0)
                #expect(try weir("table", "files", table).status == 0)
                #expect(try weir("table", "snapshots", table).status == 0)
            }
            #expect(try weir("optimize", "db.nested", "--full").status == 1)
        }
    }

    /// Reads the first snapshot of a table whose columns were later renamed, widened and dropped.
    private static func checkTimeTravel(_ weir: WeirBinary, _ warehouse: String) throws {
        let document = try #require(
            try JSONValue.parse(Array(Data(contentsOf: URL(fileURLWithPath: metadata(warehouse, "db.evolved")))))
                .asObject
        )
        let snapshot = try #require(try document.array("snapshots").first?.asObject)
        let id = "\(try snapshot.long("snapshot-id"))"
        let arguments = [warehouse + "/catalog.db", warehouse, "db.evolved", "--snapshot", id]
        let theirs = try Peers.run("pyiceberg_scan.py", arguments)
        let time = "\(try snapshot.long("timestamp-ms"))"
        for point in [["--snapshot", id], ["--as-of", time]] {
            let ours = try weir.run(["scan", "db.evolved", "-o", "json"] + point)
            #expect(ours.lines.count == 4 && ours.lines[0].contains("\"flag\""), "\(ours.errors)")
            #expect(
                ComparableRows.difference(
                    try comparable.sorted(lines: ours.output),
                    try comparable.sorted(lines: theirs)
                ) == ""
            )
            let dropped = try weir.run(
                ["scan", "db.evolved", "-o", "csv", "--columns", "flag", "--where", "large = 3000000000000000"] + point
            )
            #expect(dropped.lines == ["flag", "false"], "\(dropped.errors)")
        }
        #expect(try weir("scan", "db.evolved", "--columns", "flag").status == 1)
    }

    /// The newest metadata file of a table, by PyIceberg's numbering.
    private static func metadata(_ warehouse: String, _ table: String) throws -> String {
        let folder = warehouse + "/" + table.replacingOccurrences(of: ".", with: "/") + "/metadata"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        return folder + "/" + (try #require(names.filter { $0.hasSuffix(".metadata.json") }.sorted().last))
    }
}
