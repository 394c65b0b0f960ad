import ChangeEvents
import EventLog
import Foundation
import StreamRuntime
import Testing
import Topology
import WeirTesting

/// Checks a topic's newest records against the columns and routes of a topology.
@Suite struct SourceSampleTests {
    private static let yaml = """
        name: shop
        source:
          - { name: cdc, type: file-log, topics: [orders], format: debezium-json, scan.startup.mode: earliest-offset }
        tables:
          - name: shop.orders
            columns: { id: long, amount: "decimal(8,2)", note: string, tier: { type: string, required: true } }
            primary-key: [id]
        route:
          - { source-table: shop.public.orders, sink-table: shop.orders }
        sink: { type: mixed-iceberg, warehouse: ./warehouse }
        """

    private static func event(_ row: String, table: String = "orders") -> String {
        #"{"op":"c","before":null,"after":\#(row),"source":{"db":"shop","schema":"public","table":"\#(table)"}}"#
    }

    private static func findings(
        _ values: [String],
        yaml: String = yaml,
        units: SourceUnits = SourceUnits()
    ) throws -> [SourceSample.Finding] {
        try withTemporaryFolder { folder in
            let (topology, problems) = Topology.check(yaml: yaml, overrides: [])
            let checked = try #require(topology, "\(problems)")
            let log = try FileLog(root: folder)
            try log.createTopic("orders", partitions: 2)
            let writer = FileLogWriter(log)
            defer { writer.close() }
            for (number, value) in values.enumerated() {
                var batch = RecordBatchBuilder()
                try Array(value.utf8).withUnsafeBytes { try batch.append(key: nil, value: $0, timestamp: 1) }
                _ = try writer.append(topic: "orders", partition: number % 2, records: batch.finish())
            }
            return try SourceSample(checked, checked.sources[0], topic: "orders", log: log, units: units).findings()
        }
    }

    @Test func `records that fit, and a topic without any, are nothing to speak of`() throws {
        let row = #"{"id":1,"amount":"2.50","note":null,"tier":"gold"}"#
        #expect(try Self.findings([Self.event(row), #"{"payload":\#(Self.event(row))}"#]).isEmpty)
        #expect(try Self.findings([]).isEmpty)
    }

    @Test func `a column that no record has is named, with what the records have`() throws {
        let found = try Self.findings([
            Self.event(#"{"id":1,"amount":"2.50","notes":"a","tier":"x"}"#),
            Self.event(#"{"id":2,"amount":"2.50","notes":"b","tier":"y"}"#),
        ])
        #expect(found.compactMap(\.column) == ["note"])
        #expect(found.first?.table == "shop.orders")
        #expect(found.first?.problem.message.contains("2 newest records of shop.public.orders") == true)
        #expect(found.first?.problem.advice?.contains("notes") == true, "\(found)")
    }

    @Test func `records that a table would refuse are counted, and the first is told`() throws {
        let good = Self.event(#"{"id":1,"amount":"2.50","note":"a","tier":"x"}"#)
        let found = try Self.findings([
            good, Self.event(#"{"id":2,"amount":"a lot","note":"a","tier":"x"}"#), "{", good,
        ])
        let message = try #require(found.first?.problem.message)
        #expect(found.count == 1)
        #expect(message.contains("2 of the 4 newest records of topic 'orders'"), "\(message)")
        #expect(message.contains("partition 0, offset 1: the event is not a well-formed object"), "\(message)")
    }

    @Test func `deletes whose old row is the key alone say nothing of columns`() throws {
        let row = #"{"id":1}"#
        let delete =
            #"{"op":"d","before":\#(row),"after":null,"source":{"db":"shop","schema":"public","table":"orders"}}"#
        #expect(try Self.findings([delete, delete]).isEmpty)
    }

    @Test func `columns that no table takes are named`() throws {
        let row = #"{"id":1,"amount":"2.50","note":"a","tier":"x","vat":1,"memo":"y"}"#
        let found = try Self.findings([Self.event(row), Self.event(row)])
        #expect(
            found.map(\.problem.message) == [
                "columns vat, memo of shop.public.orders are left out: no table that takes its records (shop.orders) has such"
            ]
        )
    }

    @Test func `a column in another case is told, and is not missing`() throws {
        let found = try Self.findings([Self.event(#"{"id":1,"AMOUNT":"2.50","note":"a","tier":"x"}"#)])
        #expect(found.map(\.column) == ["amount"])
        #expect(found.first?.problem.advice?.contains("did you mean 'AMOUNT'?") == true, "\(found)")
    }

    @Test func `what integers count is told before dates are stored, and asked when it is not clear`() throws {
        let yaml = Self.yaml.replacing("note: string", with: "at: timestamp")
        let clear = try Self.findings([Self.event(#"{"id":1,"amount":1,"tier":"x","at":1711961000000}"#)], yaml: yaml)
        #expect(clear.count == 1 && clear.first?.column == "at", "\(clear)")
        #expect(clear.first?.problem.message.contains("at of shop.public.orders counts milliseconds") == true)
        let unclear = try Self.findings([Self.event(#"{"id":1,"amount":1,"tier":"x","at":1500}"#)], yaml: yaml)
        #expect(unclear.count == 1 && unclear.first?.column == "at", "\(unclear)")
        #expect(unclear.first?.problem.advice?.contains("debezium-json.timestamp-unit.at") == true, "\(unclear)")
        let units = SourceUnits(["orders": ["timestamp-unit.shop.public.orders.at": .microseconds]])
        let early = Self.event(#"{"id":1,"amount":1,"tier":"x","at":1500}"#)
        #expect(try Self.findings([early], yaml: yaml, units: units).isEmpty)
        let other = Self.event(#"{"id":1,"amount":1,"tier":"x","at":1711961000000}"#)
        let contradicted = try Self.findings([early, other], yaml: yaml, units: units)
        #expect(contradicted.first?.problem.message.contains("is read as microseconds") == true, "\(contradicted)")
        let mode = "scan.startup.mode: earliest-offset"
        let told = yaml.replacing(mode, with: mode + ", debezium-json.timestamp-unit.at: milliseconds")
        #expect(try Self.findings([Self.event(#"{"id":1,"amount":1,"tier":"x","at":1500}"#)], yaml: told).isEmpty)
    }

    @Test func `seconds for milliseconds are told, also where the unit is`() throws {
        let yaml = Self.yaml.replacing("note: string", with: "at: timestamp")
        let seconds = Self.event(#"{"id":1,"amount":1,"tier":"x","at":1711961001}"#)
        let units = SourceUnits(["orders": ["timestamp-unit.shop.public.orders.at": .milliseconds]])
        let mode = "scan.startup.mode: earliest-offset"
        let told = yaml.replacing(mode, with: mode + ", debezium-json.timestamp-unit.at: milliseconds")
        for found in [try Self.findings([seconds], yaml: yaml, units: units), try Self.findings([seconds], yaml: told)]
        {
            #expect(found.map(\.column) == ["at"], "\(found)")
            #expect(found.first?.problem.message.contains("as seconds it is 2024-04-01") == true, "\(found)")
        }
    }

    @Test func `columns of a table that differ in case alone are missing without their exact names`() throws {
        let yaml = Self.yaml.replacing("note: string", with: "note: string, NOTE: string")
        let found = try Self.findings(
            [Self.event(#"{"id":1,"amount":1,"tier":"x","note":"a"}"#)],
            yaml: yaml
        )
        #expect(found.map(\.column) == ["NOTE"], "\(found)")
    }

    @Test func `records of a table that no route matches are told`() throws {
        let row = #"{"id":1,"amount":"2.50","note":"a","tier":"x"}"#
        let found = try Self.findings([Self.event(row), Self.event(row, table: "refunds")])
        #expect(found.map(\.problem.message.localizedLowercase).contains { $0.contains("shop.public.refunds") })
        #expect(found.count == 1)
    }
}
