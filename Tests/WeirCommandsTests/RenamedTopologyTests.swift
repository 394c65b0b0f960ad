import Foundation
import Testing
import WeirTesting

/// Renaming a topology, end to end.
@Suite(.serialized, .mostlyWaits, .hangGuard) struct RenamedTopologyTests {
    @Test func `check and run say what to do, and --adopt does it`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            func append(_ ids: Range<Int>) throws {
                let lines = ids.map { BinaryTests.record($0, "n\($0)", operation: "c") }.joined()
                let added = try weir("log", "append", "people", input: lines)
                try #require(added.status == 0, "\(added.errors)")
            }
            try append(0..<5)
            let first = try weir("run", "people.yaml", "--until-caught-up")
            try #require(first.status == 0, "\(first.errors)")
            let renamed = BinaryTests.topology.replacingOccurrences(of: "name: people\n", with: "name: folk\n")
            try renamed.write(toFile: folder + "/folk.yaml", atomically: true, encoding: .utf8)

            let check = try weir("check", "folk.yaml")
            #expect(check.status == 3)
            #expect(
                check.output.contains("table shop.people holds the positions of topology 'people'"),
                "\(check.output)"
            )
            #expect(check.output.contains("--adopt people"), "\(check.output)")
            let run = try weir("run", "folk.yaml", "--until-caught-up")
            #expect(run.status == 1 && run.errors.contains("--adopt people"), "\(run.errors)")
            let unknown = try weir("run", "folk.yaml", "--until-caught-up", "--adopt", "peple")
            #expect(unknown.status == 1 && unknown.errors.contains("people"), "\(unknown.errors)")

            try append(5..<8)
            for inserts in [3, 0] {
                let adopted = try weir("run", "folk.yaml", "--until-caught-up", "--adopt", "people", "-o", "json")
                try #require(adopted.status == 0, "\(adopted.errors)")
                let counts = try JSONSerialization.jsonObject(with: Data(adopted.output.utf8)) as? [String: Any]
                #expect(counts?["inserts"] as? Int == inserts, "\(adopted.output)")
            }
            #expect(try BinaryTests.rows(weir).count == 8)
            #expect(try weir("check", "folk.yaml").status == 0)
            #expect(try weir("check", "people.yaml").status == 3)
            #expect(try weir("run", "--help").output.contains("--adopt"))
        }
    }
}
