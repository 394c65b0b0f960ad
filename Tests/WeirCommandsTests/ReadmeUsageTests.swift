import Foundation
import Testing
import WeirTesting

@testable import WeirCommands

/// The usage described in the README; each test is named by its words.
@Suite(.hangGuard) struct ReadmeUsageTests {
    @Test("Every command has `--help` with an example.") func examples() throws {
        for (name, _) in ReadmeClaimsTests.commands(Weir.self) {
            let help = try WeirBinary(folder: NSTemporaryDirectory()).run(
                name.split(separator: " ").map(String.init) + ["--help"]
            )
            #expect(help.status == 0 && help.output.contains("Example"), "\(name): \(help.errors)")
        }
    }

    @Test("Every command takes `--quiet` and `-o table|json|csv`; `weir read` takes `-o json|csv|debezium`.")
    func formats() throws {
        for (name, help) in ReadmeClaimsTests.commands(Weir.self) {
            #expect(help.contains("--quiet"), "\(name)")
            #expect(help.contains("values: \(name == "read" ? "json, csv, debezium" : "table, json, csv")"), "\(name)")
        }
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            let columns = ["--column", "id:long", "--primary-key", "id"]
            #expect(try weir.run(["table", "create", "shop.t"] + columns).status == 0)
            let drop = try weir("table", "drop", "shop.t", "--yes", "-o", "json")
            #expect(drop.status == 0 && drop.lines.count == 1, "\(drop.errors)")
            #expect(drop.output.contains("\"dropped\":[\"shop.t\",\"shop.t_change_\"]"), "\(drop.output)")
        }
    }

    @Test("Exit codes: 0 ok, 1 failure, 2 usage, 3 a check found problems.") func exitCodes() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            try "name: x\n".write(toFile: folder + "/bad.yaml", atomically: true, encoding: .utf8)
            #expect(try weir("version").status == 0)
            #expect(try weir("scan", "shop.nowhere").status == 1)
            #expect(try weir("scan").status == 2)
            #expect(try weir("check", "bad.yaml").status == 3)
            let doctor = try weir("doctor", "--topology", "bad.yaml")
            #expect(doctor.status == 3 && doctor.output.contains("fail"), "\(doctor.output)")
            let columns = ["--column", "id:long", "--primary-key", "id"]
            #expect(try weir.run(["table", "create", "shop.t"] + columns).status == 0)
            let well = try weir("doctor", "-o", "json")
            #expect(well.status == 0 && well.output.contains(#""check":"log","status":"ok""#), "\(well.output)")
            #expect(well.output.contains("catalog.db opens, 1 table\""), "\(well.output)")
        }
    }

    @Test("`weir lookup` ends with 1 when no key has a row.") func missingKeys() throws {
        try withTemporaryFolder { folder in
            let weir = try OneTable.prepare(folder, columns: "id: long, name: string", #"{"id":1,"name":"ada"}"#)
            #expect(try weir("lookup", "a.t", "1").status == 0)
            #expect(try weir("lookup", "a.t", "2").status == 1)
        }
    }

    @Test("The warehouse is `--warehouse`, else the topology's sink, else `WEIR_WAREHOUSE`, else `./warehouse`.")
    func warehouses() throws {
        try withTemporaryFolder { folder in
            func made() throws -> Set<String> {
                let names = try FileManager.default.contentsOfDirectory(atPath: folder)
                return Set(names.filter { FileManager.default.fileExists(atPath: "\(folder)/\($0)/catalog.db") })
            }
            var weir = WeirBinary(folder: folder)
            let create = ["table", "create", "a.t", "--column", "id:long"]
            #expect(try weir.run(create).status == 0)
            #expect(try made() == ["warehouse"])
            weir.environment["WEIR_WAREHOUSE"] = folder + "/environment"
            #expect(try weir.run(create).status == 0)
            #expect(try made() == ["warehouse", "environment"])
            let text = OneTable.topology(columns: "id: long")
                .replacingOccurrences(of: "mixed-iceberg", with: "mixed-iceberg, warehouse: ./sink")
            try text.write(toFile: folder + "/t.yaml", atomically: true, encoding: .utf8)
            for name in ["sink", "option"] {
                let options = name == "option" ? ["--warehouse", "option"] : []
                #expect(try weir.run(["log", "create", "t", "--warehouse", name]).status == 0)
                let run = try weir.run(["run", "t.yaml", "--until-caught-up"] + options)
                #expect(run.status == 0, "\(run.errors)")
                #expect(try made().contains(name))
            }
        }
    }

    @Test(
        "In JSON, decimals are strings with their scale, times have six digits, binary is hexadecimal, and nulls are written out."
    )
    func valuesInJSON() throws {
        try withTemporaryFolder { folder in
            let columns = "id: long, d: \"decimal(5,2)\", t: timestamptz, b: binary, n: string"
            let row = #"{"id":1,"d":"1.5","t":"2026-01-31T12:00:00Z","b":"AP8=","n":null}"#
            let weir = try OneTable.prepare(folder, columns: columns, row)
            let scan = try weir("scan", "a.t", "-o", "json")
            #expect(
                scan.output == #"{"id":1,"d":"1.50","t":"2026-01-31T12:00:00.000000+00:00","b":"00ff","n":null}"# + "\n"
            )
        }
    }

    @Test("`--set pipeline.commit.interval=1s` replaces a value of the topology for one run.") func overrides() throws {
        try withTemporaryFolder { folder in
            let weir = try OneTable.prepare(folder, columns: "id: long")
            let set = ["--set", "pipeline.commit.interval=1s"]
            let check = try weir.run(["check", "t.yaml"] + set)
            #expect(check.output.contains("every 1.0 seconds"), "\(check.output)\(check.errors)")
            #expect(try weir.run(["run", "t.yaml", "--until-caught-up"] + set).status == 0)
        }
    }

    @Test("names every mistake with its line; a key that Weir does not know is a mistake, too") func mistakes() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            let text = OneTable.topology(columns: "id: lung").replacingOccurrences(of: "format:", with: "formt:")
            try text.write(toFile: folder + "/t.yaml", atomically: true, encoding: .utf8)
            let check = try weir("check", "t.yaml")
            let told = check.output + check.errors
            #expect(check.status == 3 && told.contains("t.yaml:2:") && told.contains("t.yaml:4:"), "\(told)")
            #expect(told.contains("'formt'") && told.contains("lung"), "\(told)")
        }
    }
}
