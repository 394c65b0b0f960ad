import Testing

@testable import Topology

/// Source options for values that records do not describe.
@Suite struct ValueOptionTests {
    private static func check(_ options: String) -> (topology: Topology?, problems: [Topology.Problem]) {
        Topology.check(
            yaml: """
                name: shop
                source: { name: cdc, type: file-log, topics: [orders], format: debezium-json\(options) }
                tables:
                  - { name: shop.orders, columns: { id: long, placed_at: timestamp, wait: time }, primary-key: [id] }
                sink: { type: mixed-iceberg, warehouse: ./w }
                """
        )
    }

    @Test func `units belong to single columns, by short and by whole names`() throws {
        let (topology, problems) = Self.check(
            ", debezium-json.timestamp-unit.placed_at: milliseconds, debezium-json.time-unit.shop.orders.wait: nanoseconds"
                + ", debezium-json.unavailable-value: gone"
        )
        #expect(problems.isEmpty, "\(problems)")
        let source = try #require(topology?.sources.first)
        #expect(source.timestampUnits == ["placed_at": .milliseconds])
        #expect(source.timeUnits == ["shop.orders.wait": .nanoseconds])
        #expect(source.timestampUnit == nil && source.timeUnit == nil && source.unavailableValue == "gone")
    }

    @Test func `a schema registry's header is refused unless it is to be skipped`() throws {
        #expect(Self.check("").topology?.sources.first?.registryHeader == .refuse)
        let skipping = Self.check(", debezium-json.schema-registry-header: skip")
        #expect(skipping.problems.isEmpty && skipping.topology?.sources.first?.registryHeader == .skip)
        #expect(!Self.check(", debezium-json.schema-registry-header: drop").problems.isEmpty)
    }

    @Test func `a column that no table has and a unit that is none are told`() {
        let missing = Self.check(", debezium-json.timestamp-unit.place_at: milliseconds").problems
        #expect(
            missing.map(\.severity) == [.warning] && missing.first?.advice?.contains("placed_at") == true,
            "\(missing)"
        )
        let wrong = Self.check(", debezium-json.timestamp-unit.placed_at: seconds").problems
        #expect(wrong.contains { $0.severity == .error && $0.message.contains("'seconds' is no value of") }, "\(wrong)")
        #expect(!Self.check(", debezium-json.timestamp-unit.: milliseconds").problems.isEmpty)
    }
}
