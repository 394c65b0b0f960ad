import Bytes
import ChangeEvents
import MixedTables
import Testing
import WeirTesting

/// The JSON that ledgers have in table properties: other versions of the program read it.
@Suite struct LedgerFormTests {
    @Test func `positions and claims are sorted by topic, then by the number of the partition`() throws {
        let json = #"{"a.b":{"0":5},"b":{"2":3,"10":1}}"#
        let ledger = PositionLedger(["b": [10: 1, 2: 3], "a.b": [0: 5]])
        #expect(ledger.json == json && PositionLedger().json == "{}")
        #expect(try PositionLedger(json: json) == ledger)
        #expect(try PartitionClaim(json: json).json == json)
    }

    @Test func `last records, routes and units are objects by topic`() throws {
        let mark = RecordMark(offset: 4, timestamp: 1_764_144_000_000, crc32c: 7)
        let last =
            #"{"a/b":{"0":{"crc32c":7,"offset":4,"timestamp":1764144000000}},"c":{"1":{"crc32c":7,"offset":4,"#
            + #""timestamp":1764144000000}}}"#
        #expect(LastRecords(["c": [1: mark], "a/b": [0: mark]]).json == last && LastRecords().json == "{}")
        #expect(try LastRecords(json: last)["c", 1] == mark)
        let routes = #"{"t":{"0":{"from":100,"route":"r"},"1":{"route":"s"}}}"#
        let entries = PositionRoutes(["t": [0: .init(route: "r", from: 100), 1: .init(route: "s", from: nil)]])
        #expect(entries.json == routes && PositionRoutes().json == "{}")
        #expect(try PositionRoutes(json: routes) == entries)
        #expect(SourceUnits(["t": ["time-unit.a": .microseconds]]).json == #"{"t":{"time-unit.a":"microseconds"}}"#)
    }

    /// A partition that has lost its entry leaves no trace in the text.
    @Test func `a topic without partitions is not written`() throws {
        let partition = TopicPartition(topic: "t", partition: 0)
        var ledger = PositionLedger(["t": [0: 5]])
        ledger.remove(partition)
        var last = LastRecords(["t": [0: RecordMark(offset: 4, timestamp: 1, crc32c: 7)]])
        last.remove(partition)
        var routes = PositionRoutes(["t": [0: .init(route: "r", from: nil)]])
        routes[partition] = nil
        #expect([ledger.json, last.json, routes.json] == ["{}", "{}", "{}"])
        #expect(ledger.isEmpty && last.isEmpty && routes.isEmpty)
    }

    @Test(arguments: ["", "[]", #"{"t":5}"#, #"{"t":{"zero":5}}"#, #"{"t":{"0":"5"}}"#])
    func `another form is refused as damage`(_ json: String) throws {
        let error = #expect(throws: WeirError.self) { try PositionLedger(json: json) }
        #expect(error?.code == .corrupt)
        #expect(throws: WeirError.self) { try LastRecords(json: json) }
        #expect(throws: WeirError.self) { try PositionRoutes(json: json) }
        #expect(throws: WeirError.self) { try PartitionClaim(json: json) }
    }
}
