import Bytes
import Foundation
import Testing
import Topology
import WeirTesting

@testable import WeirCommands

/// Broker messages of `weir check` and `weir doctor`, and their positions.
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

    @Test func `brokers that are down are told at the lines of those who use them`() throws {
        let findings = try TopologyBrokers(Self.topology(), timeoutMilliseconds: 500).findings()
        let problems = CheckCommand.problems(findings, try Self.topology().positions)
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

    @Test func `addresses that are none are told before anything is contacted`() {
        for (brokers, reason) in [("a:99999", "'99999' is no port"), ("http://a", "not reached over 'http://'")] {
            let checks = BrokerChecks.all(TopologyBrokers(brokers: brokers))
            #expect(checks.map(\.name) == ["kafka"] && checks.map(\.status) == [.fail])
            #expect(checks.first?.detail.contains(reason) == true, "\(checks)")
        }
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
        let problem = try CheckCommand.problems([finding], Self.topology().positions).first
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
        let paths = findings.first { $0.use.name == "second" }?.paths
        #expect(paths == [["properties.acks"], ["properties.bootstrap.servers"]])
    }

    @Test func `the plan names the topics of sinks`() throws {
        let plan = TopologyPlanText(try Self.topology())
        #expect(plan.text.contains("  out: kafka, upsert-kafka\n    changes of shop.orders to topic cdc.shop.orders\n"))
        #expect(plan.json.text.contains(#""topics":[{"table":"shop.orders","topic":"cdc.shop.orders"}]"#))
    }

    @Test func `the plan names the topics that match now`() throws {
        let yaml = Self.yaml.replacing("topics: [shop.public.orders]", with: "topic-pattern: shop.archive.*")
        let topology = try #require(Topology.check(yaml: yaml, overrides: []).topology)
        func source(_ topics: [String]?) -> String {
            let plan = TopologyPlanText(topology, matching: topics.map { ["first": $0] } ?? [:])
            return plan.text.split(separator: "\n")[2...3].joined(separator: "\n")
        }
        let first = "  first: topics that match shop.archive.* (kafka, debezium-json)\n"
        #expect(source(["shop.archive.a", "b"]) == first + "    matching now: shop.archive.a, b")
        let many = (0..<12).map { "t\($0)" }
        #expect(source(many).hasSuffix("t8, t9 and 2 more"))
        #expect(source([]) == first + "    no topic matches yet")
        // Where no broker was asked.
        #expect(!source(nil).contains("match now") && !source(nil).contains("yet\n"))
        let json = TopologyPlanText(topology, matching: ["first": ["a"]]).json.text
        #expect(json.contains(#""matching_topics":["a"]"#) && json.contains(#""matching_topics":null"#))
    }

    // MARK: LogStores

    @Test func `the plan names LogStores`() throws {
        let topology = try Self.mirroredTopology()
        let plan = TopologyPlanText(topology, existing: ["shop.returns": [:]])
        for line in [
            "    LogStore: topic orders.log (kafka, json), emit mode auto\n",
            "    LogStore: topic payments.log (file, json), emit mode auto\n",
            "already joined\n    LogStore: topic named.log (kafka, json), emit mode auto\n",
        ] {
            #expect(plan.text.contains(line), "\(plan.text)")
        }
        // The table was created without a LogStore and stays without one.
        #expect(!plan.text.contains("returns.log"))
        #expect(TopologyPlanText(topology).text.contains("topic returns.log (kafka, json), emit mode file\n"))
        let store = #""log_store":{"type":"file","topic":"payments.log","format":"json","emit_mode":"auto"}"#
        #expect(plan.json.text.contains(store) && plan.json.text.contains(#""log_store":null"#))
    }

    private static let mirrored = """
        name: shop
        source: { name: s, type: file-log, topics: [shop.public.orders], format: debezium-json }
        tables:
          - name: shop.orders
            columns: { id: long, customer: long }
            primary-key: [id]
            properties:
              log-store.enabled: true
              log-store.topic: orders.log
              log-store.address: 127.0.0.1:1
              properties.receive.message.max.bytes: "1000000000"
          - name: shop.customers # no route leads here; another topology fills it
            columns: { id: long, name: string }
            primary-key: [id]
            properties: { log-store.enabled: true, log-store.topic: customers.log, log-store.address: "127.0.0.1:2" }
          - name: shop.payments
            columns: { id: long }
            primary-key: [id]
            properties: { log-store.enabled: true, log-store.type: file, log-store.topic: payments.log }
          - name: shop.returns
            columns: { id: long }
            primary-key: [id]
            properties:
              log-store.enabled: true
              log-store.topic: returns.log
              log-store.address: 127.0.0.1:3
              mixed-format.emit.mode: file
        route:
          - { source-table: shop.public.orders, sink-table: shop.orders }
          - { source-table: shop.customers, sink-table: shop.orders }
          - { source-table: shop.public.payments, sink-table: shop.payments }
          - { source-table: shop.public.returns, sink-table: shop.returns }
        join:
          name: shop.named
          from: shop.orders
          lookup: shop.customers
          as: c
          type: left
          on: customer = c.id
          select: orders.id, customer, c.name
          primary-key: [id]
          properties:
            log-store.enabled: true
            log-store.topic: named.log
            log-store.address: 127.0.0.1:1
        sink: { type: mixed-iceberg, warehouse: ./warehouse }

        """

    private static func mirroredTopology(_ yaml: String = mirrored) throws -> Topology {
        let (topology, problems) = Topology.check(yaml: yaml, overrides: [])
        return try #require(topology, "\(problems)")
    }

    @Test func `LogStores on brokers are looked up where the run writes or reads them`() throws {
        let brokers = try TopologyBrokers(Self.mirroredTopology(), timeoutMilliseconds: 500)
        #expect(
            brokers.uses.map(\.text) == ["shop.orders", "shop.customers", "shop.named"].map { "LogStore of '\($0)'" }
        )
        #expect(brokers.uses.map(\.topics) == [["orders.log"], ["customers.log"], ["named.log"]])
        #expect(brokers.uses.map(\.isRead) == [false, true, false])
        let positions = try Self.mirroredTopology().positions
        let findings = brokers.findings()
        let problems = CheckCommand.problems(findings, positions)
        #expect(problems.map(\.line) == [10, 15, 45], "\(problems)")
        #expect(
            problems.first?.message
                == "LogStore of 'shop.orders': cannot list the topics: broker 127.0.0.1:1 refused the connection "
                + "(127.0.0.1:1)"
        )
        let checks = BrokerChecks.lines(findings)
        #expect(checks.map(\.name) == ["kafka 127.0.0.1:1", "kafka 127.0.0.1:2"])
        #expect(checks.map(\.advice).first == "is the broker running, and does it listen on that port?")
        let missing = WeirError(.notFound, "there is no topic 'named.log'", at: "b:1")
        let finding = TopologyBrokers.Finding(
            use: brokers.uses[2],
            brokers: "b:1",
            topic: "named.log",
            result: .failure(missing)
        )
        #expect(CheckCommand.problems([finding], positions).first?.line == 44)
        #expect(BrokerChecks.lines([finding]).first?.name == "LogStore topic named.log")
    }

    @Test func `a wrong property of a LogStore is told at its line`() throws {
        let wrong = Self.mirrored.replacing("properties.receive.message.max.bytes:", with: "properties.no.such.thing:")
        let topology = try Self.mirroredTopology(wrong)
        let findings = try TopologyBrokers(topology, timeoutMilliseconds: 300).findings()
        let problem = CheckCommand.problems(findings, topology.positions).first
        #expect(problem?.line == 11, "\(String(describing: problem))")
    }

    @Test func `a table that is there keeps the LogStore it was made with`() throws {
        let topology = try Self.mirroredTopology()
        let existing = [
            "shop.orders": ["log-store.enabled": "true", "log-store.topic": "old.log", "log-store.address": "a:1"],
            "shop.customers": [:],
            "shop.returns": ["log-store.enabled": "perhaps"],
        ]
        let brokers = try TopologyBrokers(topology, existing: existing, timeoutMilliseconds: 300)
        #expect(brokers.uses.map(\.name) == ["shop.orders", "shop.returns", "shop.named"])
        #expect(brokers.uses.map(\.topics) == [["old.log"], [], ["named.log"]])
        let positions = try Self.mirroredTopology().positions
        let broken = CheckCommand.problems(brokers.findings(), positions).first { $0.message.contains("perhaps") }
        #expect(broken?.line == 26 && broken?.message.hasPrefix("LogStore of 'shop.returns': ") == true)
        let ignored = CheckCommand.ignoredLogStores(topology, existing)
        #expect(ignored.map(\.line) == [9, 15, 26] && ignored.allSatisfy { $0.severity == .warning }, "\(ignored)")
        #expect(
            ignored.map(\.message).prefix(2) == [
                "'log-store.topic' changes nothing: table shop.orders exists and has 'old.log'",
                "'log-store.address' changes nothing: table shop.customers exists and is made without it",
            ]
        )
    }

    @Test(.hangGuard, .enabled(if: KafkaBroker.isAvailable, "no Kafka broker is installed"))
    func `the topics of LogStores must be there`() throws {
        try withTemporaryFolder { folder in
            let broker = try KafkaBroker(.noida, folder: folder + "/broker")
            try broker.create("orders.log", partitions: 3)
            try broker.create("customers.log", partitions: 2)
            let yaml = Self.mirrored.replacing(#/127.0.0.1:[12]/#, with: broker.address)
            let path = folder + "/shop.yaml"
            try yaml.write(toFile: path, atomically: true, encoding: .utf8)
            let weir = WeirBinary(folder: folder)
            let topic = try weir("log", "create", "shop.public.orders")
            #expect(topic.status == 0, "\(topic.errors)")
            let missing = try weir("check", "shop.yaml")
            #expect(missing.status == 3)
            #expect(
                missing.output.contains(
                    "shop.yaml:44:22: error: LogStore of 'shop.named': there is no topic 'named.log' (\(broker.address))\n"
                        + "  hint: create it, a run makes no topics on brokers; known are customers.log, orders.log"
                ),
                "\(missing.output)"
            )
            // The run says the same.
            let run = try weir("run", "shop.yaml", "--until-caught-up")
            #expect(run.status == 1 && run.errors.contains("there is no topic 'named.log'"), "\(run.errors)")
            try broker.create("named.log", partitions: 1)
            let found = try weir("check", "shop.yaml")
            #expect(found.status == 0, "\(found.output)\(found.errors)")
            let doctor = try weir("doctor", "--topology", "shop.yaml", "-o", "csv")
            for line in [
                "LogStore topic orders.log,ok,3 partitions",
                "LogStore topic customers.log,ok,\"2 partitions, readable\"",
            ] {
                #expect(doctor.output.contains(line), "\(doctor.output)")
            }
        }
    }
}
