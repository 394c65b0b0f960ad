import Foundation
import Testing
import WeirTesting

/// Messages of a run and a check about records that do not fit.
@Suite(.serialized, .mostlyWaits, .hangGuard) struct RefusedRecordsTests {
    private static func event(_ row: String) -> String {
        "{\"before\":null,\"after\":\(row),\"source\":{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"people\"},\"op\":\"c\"}\n"
    }

    @Test func `a check says of two columns that differ in case what a run does with them, once`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            try weir("log", "append", "people", input: Self.event("{\"Id\":3}") + Self.event("{\"id\":1,\"Id\":2}"))
            let check = try weir("check", "people.yaml")
            let told = "column Id of shop.public.people is taken for 'id' only in records that have no 'id'"
            #expect(check.output.contains(told), "\(check.output)")
            #expect(!check.output.contains("from which it differs in case alone"), "\(check.output)")
        }
    }

    @Test func `a run of which no record could be taken in exits with 3, one that took some with 0`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            let heartbeat = "{\"ts_ms\":1711961000000}\n"
            let nothing = "key\t\nnull\n"
            let input = heartbeat + nothing + Self.event("{\"id\":\"x\"}") + Self.event("{\"id\":[]}")
            #expect(try weir("log", "append", "people", input: input).status == 0)
            let refused = try weir("run", "people.yaml", "--until-caught-up", "-o", "json")
            #expect(refused.status == 3, "\(refused.errors)")
            #expect(refused.errors.contains("no record could be taken in: 2 dead letters"), "\(refused.errors)")
            #expect(refused.errors.contains("a record could not be taken in (topic people, partition 0, offset 3"))
            #expect(refused.output.contains("\"without_rows\":1"), "\(refused.output)")
            #expect(refused.output.contains("\"tombstones\":2"), "\(refused.output)")
            #expect(try weir("run", "people.yaml", "--until-caught-up").status == 0)
            let more = Self.event("{\"id\":1,\"NAME\":\"Ann\"}") + Self.event("{}")
            #expect(try weir("log", "append", "people", input: more).status == 0)
            let some = try weir("run", "people.yaml", "--until-caught-up")
            #expect(some.status == 0 && some.errors.contains("column NAME of shop.public.people is taken for 'name'"))
            #expect(try BinaryTests.rows(weir) == [1: "Ann"])
            let path = folder + "/warehouse/dead-letters/people.ndjson"
            for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
                let letter = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                #expect(letter?["table"] as? String == "shop.people", "\(line)")
                let time = try #require(letter?["time"] as? String)
                #expect(try Date(time, strategy: .iso8601) < Date().addingTimeInterval(60))
            }
        }
    }
}
