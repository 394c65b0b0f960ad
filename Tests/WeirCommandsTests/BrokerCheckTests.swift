import Bytes
import Testing
import Topology

@testable import WeirCommands

/// What `weir check` and `weir doctor` say about brokers, and where.
@Suite struct BrokerCheckTests {
    private static let yaml = """
        name: shop
        source:
          - name: first
            type: kafka
            topics: [shop.public.orders]
            format: debezium-json
            properties.bootstrap.servers: 127.0.0.1:1
          - type: kafka
            topics:
              - shop.public.payments # not shop.public.orders
              - shop.public.customers
            name: second
            format: debezium-json
            properties.bootstrap.servers: 127.0.0.1:2
        tables:
          - name: shop.orders
            columns: { id: long }
            primary-key: [id]
        route:
          - { source-table: shop.public.(.*), sink-table: shop.$1 }
        sink:
          - { type: mixed-iceberg, warehouse: ./warehouse }
          - name: out
            type: kafka
            format: upsert-kafka
            topic-prefix: cdc.
            properties.bootstrap.servers: 127.0.0.1:1

        """

    private static func topology() throws -> Topology {
        let (topology, problems) = Topology.check(yaml: yaml, overrides: [])
        return try #require(topology, "\(problems)")
    }

    @Test func `lines are looked for in the source or sink that is meant`() {
        let lines = TopologyLines(Self.yaml)
        #expect(lines.line(section: "source", name: "first", words: ["shop.public.orders"]) == 5)
        #expect(lines.line(section: "source", name: "second", words: ["shop.public.payments"]) == 10)
        #expect(lines.line(section: "source", name: "second", words: ["shop.public.orders"]) == 8)
        #expect(lines.line(section: "source", name: "second", words: ["properties.bootstrap.servers"]) == 14)
        #expect(lines.line(section: "source", name: "second", words: ["nothing"]) == 8)
        #expect(lines.line(section: "sink", name: "out", words: ["cdc.shop.orders", "cdc."]) == 26)
        #expect(lines.line(section: "sink", name: nil, words: ["properties.bootstrap.servers"]) == 27)
        let flow = TopologyLines("name: a\nsink: { type: kafka, topic: t }\n")
        #expect(flow.line(section: "sink", name: nil, words: ["t"]) == 2)
        #expect(flow.line(section: "source", name: nil, words: ["t"]) == 1)
    }

    @Test func `brokers that are down are told at the lines of those who use them`() throws {
        let findings = try TopologyBrokers(Self.topology(), timeoutMilliseconds: 500).findings()
        let problems = CheckCommand.problems(findings, TopologyLines(Self.yaml))
        #expect(problems.map(\.line) == [7, 14, 27], "\(problems)")
        #expect(problems.allSatisfy { $0.severity == .error })
        #expect(
            problems.first?.message
                == "source 'first': cannot list the topics: broker 127.0.0.1:1 refused the connection (127.0.0.1:1)"
        )
        #expect(problems.last?.message.hasPrefix("sink 'out': cannot list the topics: ") == true)
        #expect(problems.first?.advice == "is the broker running, and does it listen on that port?")
        // One line for each broker, however many use it.
        let checks = BrokerChecks.lines(findings)
        #expect(checks.map(\.name) == ["kafka 127.0.0.1:1", "kafka 127.0.0.1:2"])
        #expect(checks.allSatisfy { $0.status == .fail })
    }

    @Test func `a topic that is missing is told at its line`() throws {
        let uses = try TopologyBrokers(Self.topology()).uses
        #expect(uses.map(\.text) == ["source 'first'", "source 'second'", "sink 'out'"])
        #expect(uses.map(\.topics).last == ["cdc.shop.orders"] && uses[0].group == "weir-shop")
        let missing = WeirError(.notFound, "there is no topic 'cdc.shop.orders'", at: "b:1", advice: "create it")
        let finding = TopologyBrokers.Finding(
            use: uses[2],
            brokers: "b:1",
            topic: "cdc.shop.orders",
            result: .failure(missing)
        )
        let problem = CheckCommand.problems([finding], TopologyLines(Self.yaml)).first
        #expect(problem?.line == 26)
        #expect(problem?.message == "sink 'out': there is no topic 'cdc.shop.orders' (b:1)")
        #expect(BrokerChecks.lines([finding]).first?.name == "sink topic cdc.shop.orders")
    }

    @Test func `a property that is wrong is told at its line`() throws {
        let wrong = Self.yaml.replacing("properties.bootstrap.servers: 127.0.0.1:2", with: "properties.acks: never")
        let (found, _) = Topology.check(
            yaml: wrong.replacing("name: second", with: "name: second\n    properties.bootstrap.servers: b:1"),
            overrides: []
        )
        let topology = try #require(found)
        let findings = try TopologyBrokers(topology, timeoutMilliseconds: 300).findings()
        let words = findings.first { $0.use.name == "second" }?.words
        #expect(words == ["properties.acks", "properties.bootstrap.servers"])
    }

    @Test func `the plan names the topics of sinks`() throws {
        let plan = TopologyPlanText(try Self.topology(), [])
        #expect(plan.text.contains("  out: kafka, upsert-kafka\n    changes of shop.orders to topic cdc.shop.orders\n"))
        #expect(plan.json.text.contains(#""topics":[{"table":"shop.orders","topic":"cdc.shop.orders"}]"#))
    }
}
