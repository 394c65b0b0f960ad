import Bytes
import ChangeEvents
import EventLog
import Foundation
import Testing
import Topology

/// Sources and sinks of type kafka, start positions, and LogStores.
@Suite struct KafkaTests {
    private static let file = "type: file-log\n    topics: [shop.public.orders]\n"
    private static let servers = "    properties.bootstrap.servers: localhost:9092\n"
    private static let kafka = "type: kafka\n    topics: [shop.public.orders]\n" + servers

    private static func source(_ replacement: String, _ problem: String) -> Defect {
        Defect(file, replacement, problem)
    }
    private static func kafka(_ extra: String, _ problem: String) -> Defect {
        Defect(file, kafka + "    " + extra + "\n", problem)
    }
    private static func log(_ extra: String, _ problem: String) -> Defect {
        Defect(file, file + "    " + extra + "\n", problem)
    }
    private static func startTime(_ text: String) -> Defect {
        log(
            "scan.startup.mode: timestamp\n    scan.startup.timestamp-millis: '\(text)'",
            "8:36: error: '\(text)' is no value of 'scan.startup.timestamp-millis'; write milliseconds since 1970"
        )
    }
    /// A sink next to the warehouse, from line 32 on.
    private static func sink(_ text: String, _ problem: String) -> Defect {
        Defect("sink: { type: mixed-iceberg }", "sink:\n  - type: mixed-iceberg\n  - { type: kafka, \(text) }", problem)
    }
    private static func properties(_ text: String, _ problem: String) -> Defect {
        Defect("base.file-index.hash-bucket: 4", text, problem)
    }
    private static let broker = "properties.bootstrap.servers: 'a:1'"

    static let defects = [
        source(
            "type: kafka\n    topics: [a]\n",
            "4:5: error: source 'cdc' needs 'properties.bootstrap.servers'; write host:port of one or more brokers"
        ),
        source(
            "type: kafka\n    topics: [a]\n    properties.bootstrap.server: a\n",
            "7:5: error: source 'cdc' needs 'properties.bootstrap.servers'; 'properties.bootstrap.server' is not it"
        ),
        source("type: kafak\n    topics: [a]\n", "5:11: error: 'kafak' is no value of 'type'; did you mean 'kafka'?"),
        source("type: kafka\n" + servers, "4:5: error: source 'cdc' needs 'topics' or 'topic-pattern'"),
        log(
            servers.trimmingCharacters(in: .whitespacesAndNewlines),
            "7:5: error: 'properties.bootstrap.servers' has no effect in source 'cdc'; it belongs to type: kafka"
        ),
        log("topic-pattern: a.*", "7:20: error: source 'cdc' has both 'topics' and 'topic-pattern'; keep one of them"),
        log(
            "topic-patern: a.*",
            "7:5: error: unknown key 'topic-patern' in source 'cdc'; did you mean 'topic-pattern'?"
        ),
        kafka("propertes.group.id: g", "8:5: error: unknown key 'propertes.group.id' in source 'cdc'; known are"),
        kafka("properties.group.id: [g]", "8:26: error: 'properties.group.id' must be a single value, not a list"),
        kafka(
            "properties.group.id: ' '",
            "8:26: error: 'properties.group.id' is empty; give the consumer group a name, or leave it out for weir-<name of the topology>"
        ),
        source(
            kafka.replacingOccurrences(of: "9092", with: "99999"),
            "7:35: error: 'localhost:99999' is no address of a broker: '99999' is no port; ports are 1 to 65535; brokers mostly listen on 9092"
        ),
        source(
            kafka.replacingOccurrences(of: "localhost", with: "http://localhost"),
            "7:35: error: 'http://localhost:9092' is no address of a broker: Kafka is not reached over 'http://'; write host:port"
        ),
        kafka("path: /logs", "8:5: error: 'path' has no effect in source 'cdc'; it is the root of a file-log"),
        kafka(
            "topic-pattern: '('",
            "8:20: error: '(' is no value of 'topic-pattern'; write a regular expression that matches whole names, such as shop.public.(.*)"
        ),
        kafka(
            "scan.startup.mode: group-offset",
            "8:24: error: 'group-offset' is no value of 'scan.startup.mode'; did you mean 'group-offsets'?"
        ),
        kafka(
            "scan.startup.mode: group-offsets",
            "8:24: error: source 'cdc' needs 'properties.group.id'; scan.startup.mode: group-offsets begins where that group stopped"
        ),
        log(
            "scan.startup.mode: group-offsets",
            "7:24: error: a file-log keeps no group offsets; choose another mode; tables keep their own positions"
        ),
        log(
            "scan.startup.mode: specific-offsets",
            "7:24: error: source 'cdc' needs 'scan.startup.specific-offsets'; scan.startup.mode: specific-offsets begins at those offsets"
        ),
        log(
            "scan.startup.specific-offsets: 'partition:0,offset:1'",
            "7:5: error: 'scan.startup.specific-offsets' has no effect; it belongs to scan.startup.mode: specific-offsets"
        ),
        log(
            "scan.startup.timestamp-millis: 1",
            "7:5: error: 'scan.startup.timestamp-millis' has no effect; it belongs to scan.startup.mode: timestamp"
        ),
        startTime("yesterday"),
        startTime("-1"),
        startTime("1.7e12"),
        startTime("2023-11-14T22:13:20"),
        startTime("99999999999999999999"),
        log(
            "scan.on-lost-offsets: latst",
            "7:27: error: 'latst' is no value of 'scan.on-lost-offsets'; did you mean 'latest'?"
        ),
        sink(
            "topic: t, format: json",
            "33:5: error: sink needs 'properties.bootstrap.servers'; write host:port of one"
        ),
        sink(
            "topic-prefix: t., \(broker)",
            "33:5: error: sink needs 'format'; known are debezium-json, json, upsert-kafka"
        ),
        sink(
            "format: jsn, topic-prefix: t, \(broker)",
            "33:28: error: 'jsn' is no value of 'format'; did you mean 'json'?"
        ),
        sink("format: json, \(broker)", "33:5: error: sink needs 'topic' or 'topic-prefix'"),
        sink(
            "format: json, topic: t, \(broker)",
            "33:34: error: 'topic' takes one table, and sink has 3; choose one with 'tables', or give each its own topic with 'topic-prefix'"
        ),
        sink(
            "format: json, topic: t, topic-prefix: p, \(broker)",
            "33:44: error: sink has both 'topic' and 'topic-prefix'; keep one of them"
        ),
        sink(
            "format: json, topic: a b, tables: [shop.orders], \(broker)",
            "33:41: error: 'a b' is no name of a topic; use letters, digits, '-', '_' and '.' only"
        ),
        sink(
            "format: json, topic-prefix: t, tables: [shop.order], \(broker)",
            "33:60: error: table 'shop.order' is not declared; did you mean 'shop.orders'?"
        ),
        sink(
            "format: json, topic-prefix: t, tables: [shop.orders, shop.orders], \(broker)",
            "33:73: error: sink lists table 'shop.orders' twice"
        ),
        sink("topc: t, \(broker)", "33:20: error: unknown key 'topc' in sink; did you mean 'topic'?"),
        sink(
            "format: json, topic-prefix: t, warehouse: w, \(broker)",
            "33:51: error: 'warehouse' has no effect in sink; it belongs to type: mixed-iceberg"
        ),
        Defect(
            "type: mixed-iceberg",
            "type: mixed-iceberg, topic: t",
            "31:30: error: 'topic' has no effect in sink; it belongs to type: kafka"
        ),
        Defect(
            "type: mixed-iceberg",
            "type: kafka, format: json, topic-prefix: t, \(broker)",
            "31:7: error: the topology needs a sink of type mixed-iceberg; it keeps the tables and how far the sources were read; list it beside the others"
        ),
        Defect(
            "sink: { type: mixed-iceberg }",
            "sink:\n  - type: mixed-iceberg\n  - type: mixed-iceberg",
            "33:5: error: sink of type 'mixed-iceberg' is declared twice; the first is on line 32"
        ),
        Defect(
            "primary-key: [order_id]\nsink: { type: mixed-iceberg }",
            "description: none\nsink: [{ type: mixed-iceberg }, { type: kafka, format: upsert-kafka, topic-prefix: t, \(broker) }]",
            "31:56: error: upsert-kafka needs a primary key, and 'shop.enriched' has none; declare one, or leave the table to another sink with 'tables'"
        ),
        properties(
            "log-store.enabled: true, log-store.address: 'a:1'",
            "13:38: error: table 'shop.orders' needs the property 'log-store.topic'; it is the topic that log-store.enabled: true writes changes to"
        ),
        properties(
            "log-store.enabled: true, log-store.topic: t",
            "13:38: error: table 'shop.orders' needs the property 'log-store.address'; write host:port of the brokers, or log-store.type: file"
        ),
        sink(
            "format: json, topic-prefix: t, \(broker)",
            "33:28: warning: format json cannot express deletes: those of 'shop.orders', 'shop.customers', 'shop.enriched' become dead letters; updates are written like inserts; use upsert-kafka or debezium-json, unless rows are only added"
        ),
        sink(
            "format: json, topic-prefix: t, properties.bootstrap.servers: ':9092'",
            "33:81: error: ':9092' is no address of a broker: it names no host; write host:port"
        ),
        properties(
            "log-store.enabled: true, log-store.topic: t, log-store.address: 'a:0'",
            "13:83: error: 'a:0' is no address of a broker: '0' is no port; ports are 1 to 65535; brokers mostly listen on 9092"
        ),
        properties(
            "log-store.enabled: true, log-store.type: file, log-store.topic: shop.public.orders",
            "13:83: error: table 'shop.orders' writes its LogStore to the topic 'shop.public.orders', which source 'cdc' reads; give the LogStore a topic of its own"
        ),
        properties(
            "log-store.type: kafak",
            "13:35: error: 'kafak' is no value of 'log-store.type'; did you mean 'kafka'?"
        ),
        properties(
            "log-store.data-format: jsn",
            "13:42: error: 'jsn' is no value of 'log-store.data-format'; did you mean 'json'?"
        ),
        properties(
            "log-store.topc: t",
            "13:35: error: unknown table property 'log-store.topc'; did you mean 'log-store.topic'?"
        ),
        properties(
            "mixed-format.emit.mode: 'auto,log'",
            "13:43: error: 'auto,log' is no value of 'mixed-format.emit.mode'; write file, log, 'file,log' or auto"
        ),
        properties(
            "mixed-format.emit.mode: log",
            "13:43: error: mixed-format.emit.mode: log writes to a log store; add log-store.enabled: true"
        ),
        properties(
            "mixed-format.emit.auto-write-to-logstore.watermark-gap: soon",
            "13:75: error: 'soon' is no value of 'mixed-format.emit.auto-write-to-logstore.watermark-gap'; write a duration such as 30s"
        ),
    ]

    @Test(arguments: defects)
    func `reports each defect at its position`(defect: Defect) throws {
        let found = try problems(defect.part, defect.replacement)
        #expect(found.contains { $0.hasPrefix(defect.problem) }, "found \(found.joined(separator: "\n"))")
    }

    @Test(arguments: [
        ("partition:0", "is no value"), ("partition:0,offset:-1", "is no value"),
        ("offset:1,partition:x", "is no value"),
        ("partition:0,offset:1,offset:2", "is no value"), ("partition:0,ofset:1", "is no value"),
        ("topic:x,partition:0,offset:1", "does not read topic 'x'"), (";", "names no partition"),
        ("partition:0,offset:1;partition:0,offset:2", "names partition 0 of 'shop.public.orders' twice"),
    ])
    func `explains offsets that cannot be`(offsets: String, problem: String) throws {
        let keys = "    scan.startup.mode: specific-offsets\n    scan.startup.specific-offsets: '\(offsets)'\n"
        let found = try problems(Self.file, Self.kafka + keys)
        #expect(found.count == 1 && found[0].hasPrefix("9:36: error: ") && found[0].contains(problem), "\(found)")
    }

    @Test func `offsets need their topic where there are several`() throws {
        let several = Self.file.replacingOccurrences(of: "orders]", with: "orders, b]")
        let keys = "    scan.startup.mode: specific-offsets\n    scan.startup.specific-offsets: "
        let found = try problems(Self.file, several + keys + "'partition:0,offset:1'\n")
        #expect(found.count == 1 && found[0].contains("names no topic, and source 'cdc' may read several"), "\(found)")
        let named = keys + "'topic:b,partition:0,offset:1; partition:2, topic:shop.public.orders, offset:3'\n"
        #expect(
            try sources(several + named)[0].startup
                == .offsets([
                    TopicPartition(topic: "b", partition: 0): 1,
                    TopicPartition(topic: "shop.public.orders", partition: 2): 3,
                ])
        )
    }

    private func plan(_ part: String, _ text: String, _ environment: [String: String] = [:]) throws -> Topology {
        let yaml = sound.replacingOccurrences(of: part, with: text)
        let (topology, problems) = Topology.check(yaml: yaml, environment: environment)
        #expect(problems.isEmpty, "\(problems)")
        return try #require(topology)
    }

    private func sources(_ text: String, _ environment: [String: String] = [:]) throws -> [Topology.Source] {
        try plan(Self.file, text, environment).sources
    }

    @Test func `plans a source`() throws {
        let extra = """
                topic-pattern: shop\\.new\\..*
                properties.group.id: weir
                properties.sasl.password: "${env:PASSWORD}"
                scan.startup.mode: specific-offsets
                scan.startup.specific-offsets: topic:shop.public.orders,partition:0,offset:42;topic:shop.new.a,partition:1,offset:300
                scan.on-lost-offsets: earliest

            """
        let source = try sources(Self.kafka + extra, ["PASSWORD": "secret!"])[0]
        #expect(source.kind == .kafka && source.onLostOffsets == .earliest)
        #expect(source.reads(topic: "shop.public.orders") && source.reads(topic: "shop.new.x"))
        #expect(!source.reads(topic: "my.shop.new.x"))
        #expect(
            source.startup
                == .offsets([
                    TopicPartition(topic: "shop.public.orders", partition: 0): 42,
                    TopicPartition(topic: "shop.new.a", partition: 1): 300,
                ])
        )
        #expect(source.properties.keys.sorted() == ["bootstrap.servers", "group.id", "sasl.password"])
        #expect(try source.properties["sasl.password"]?.reveal() == "secret!")
        #expect(try source.properties["bootstrap.servers"]?.reveal() == "localhost:9092")
        var dumped = ""
        dump(source, to: &dumped)
        for text in ["\(source)", dumped, String(reflecting: source)] { #expect(!text.contains("secret!"), "\(text)") }
        let group = Self.kafka + "    properties.group.id: g\n    scan.startup.mode: group-offsets\n"
        #expect(try sources(group)[0].startup == .groupOffsets)
    }

    @Test func `sinks with clients of their own have producers of their own`() {
        func found(_ first: String, _ second: String) -> [String] {
            let kafka = "type: kafka, format: debezium-json, \(Self.broker)"
            let sinks = "sink: [{ type: mixed-iceberg }, { \(kafka), \(first) }, { \(kafka), \(second) }]"
            return Topology.check(
                yaml: sound.replacingOccurrences(of: "sink: { type: mixed-iceberg }", with: sinks),
                environment: [:]
            ).problems.map(\.description)
        }
        let orders = "topic-prefix: out., tables: [shop.orders]"
        let customers = "topic-prefix: out., tables: [shop.customers]"
        let linger = "properties.linger.ms: 50"
        let problems = found(orders, "\(customers), \(linger)")
        #expect(
            problems.count == 1
                && problems[0].hasSuffix(
                    "error: sink would have the transactions of the sink on line 31, whose properties are others; give each a 'name' of its own"
                ),
            "\(problems)"
        )
        #expect(found("name: t, \(orders)", "topic: t, tables: [shop.customers], \(linger)").count == 1)
        // One client serves both.
        #expect(found(orders, customers).isEmpty)
        #expect(found("name: a, \(orders)", "\(customers), \(linger)").isEmpty)
        #expect(found(orders, "\(customers), \(linger), transactional.id.prefix: p").isEmpty)
    }

    @Test func `refuses to read what it writes`() throws {
        let yaml = sound.replacingOccurrences(of: Self.file, with: Self.kafka)
        func found(_ servers: String, _ prefix: String) -> [String] {
            let sink =
                "{ type: kafka, format: debezium-json, topic-prefix: \(prefix), properties.bootstrap.servers: '\(servers)' }"
            let sinks = "sink: [{ type: mixed-iceberg }, \(sink)]"
            return Topology.check(
                yaml: yaml.replacingOccurrences(of: "sink: { type: mixed-iceberg }", with: sinks)
                    .replacingOccurrences(of: "topics: [shop.public.orders]", with: "topic-pattern: cdc.*"),
                environment: [:]
            ).problems.map(\.description)
        }
        #expect(found("localhost:9092", "cdc.").count == 3)
        #expect(
            found("localhost:9092", "cdc.").first
                == "32:33: error: sink writes 'shop.orders' to the topic 'cdc.shop.orders', which source 'cdc' reads; write to a topic of its own"
        )
        #expect(found("localhost:9092", "out.").isEmpty && found("other:9092", "cdc.").isEmpty)
        // One broker that both name is enough.
        #expect(found("other:9092, PLAINTEXT://LocalHost", "cdc.").count == 3)
    }

    /// A LogStore of shop.orders, on line 13, with its source on Kafka.
    private static func mirrored(_ properties: String, _ source: String = kafka) -> String {
        sound.replacingOccurrences(of: file, with: source)
            .replacingOccurrences(of: "base.file-index.hash-bucket: 4", with: "log-store.enabled: true, " + properties)
    }

    private func messages(_ yaml: String) -> [String] {
        Topology.check(yaml: yaml, environment: [:]).problems.map(\.description)
    }

    @Test func `a LogStore is no topic that a source reads`() {
        let own = "log-store.address: 'other, localhost', log-store.topic: shop.public.orders"
        let patterned = Self.kafka.replacingOccurrences(
            of: "topics: [shop.public.orders]",
            with: "topic-pattern: shop.*"
        )
        for source in [Self.kafka, patterned] {
            let found = messages(Self.mirrored(own, source))
            #expect(found.count == 1, "\(found)")
            #expect(
                found.first?.contains(
                    "error: table 'shop.orders' writes its LogStore to the topic 'shop.public.orders', which source 'cdc' reads"
                ) == true,
                "\(found)"
            )
        }
        // Other brokers, another log, a root of its own, or a LogStore that is not written.
        for fine in [
            "log-store.address: 'other', log-store.topic: shop.public.orders",
            "log-store.type: file, log-store.topic: shop.public.orders",
            "log-store.address: localhost, log-store.topic: orders.log",
            "log-store.address: localhost, log-store.topic: shop.public.orders, mixed-format.emit.mode: file",
        ] {
            #expect(messages(Self.mirrored(fine)).isEmpty, "\(fine)")
        }
        let rooted = "type: file-log\n    topics: [shop.public.orders]\n    path: ./logs\n"
        let files = "log-store.type: file, log-store.topic: shop.public.orders, log-store.address: "
        #expect(messages(Self.mirrored(files + "logs/", rooted)).count == 1)
        #expect(messages(Self.mirrored(files + "others", rooted)).isEmpty)
    }

    @Test func `a LogStore is no topic that something else is written to`() {
        let own = "log-store.address: localhost, log-store.topic: out.shop.enriched"
        let sinks = """
            sink:
              - type: mixed-iceberg
              - { name: out, type: kafka, format: debezium-json, topic-prefix: out., properties.bootstrap.servers: localhost }
            """
        let beside = messages(
            Self.mirrored(own).replacingOccurrences(of: "sink: { type: mixed-iceberg }", with: sinks)
        )
        #expect(beside.count == 1, "\(beside)")
        #expect(
            beside.first?.contains(
                "'out.shop.enriched', which sink 'out' writes changes of 'shop.enriched' to; give the LogStore a topic of its own"
            ) == true,
            "\(beside)"
        )
        // A join's, on the last lines.
        let twice = messages(
            Self.mirrored(own).replacingOccurrences(
                of: "    primary-key: [order_id]\nsink:",
                with: "    primary-key: [order_id]\n    properties: { log-store.enabled: true, \(own) }\nsink:"
            )
        )
        #expect(twice.count == 1, "\(twice)")
        #expect(
            twice.first?.contains(
                "error: join 'shop.enriched' writes its LogStore to the topic 'out.shop.enriched', which is the LogStore of table 'shop.orders'"
            ) == true,
            "\(twice)"
        )
    }

    @Test func `json is for tables without a key`() throws {
        let sink = "{ type: kafka, format: json, topic: t, tables: [shop.enriched], \(Self.broker) }"
        let yaml = sound.replacingOccurrences(of: "sink: { type", with: "sink: [\(sink), { type")
            .replacingOccurrences(of: "mixed-iceberg }", with: "mixed-iceberg }]")
        func isWarned(_ yaml: String) -> Bool {
            messages(yaml).contains { $0.contains("format json cannot express deletes") }
        }
        #expect(isWarned(yaml))
        let unkeyed = yaml.replacingOccurrences(of: "    primary-key: [order_id]\nsink", with: "sink")
        #expect(unkeyed != yaml && !isWarned(unkeyed))
    }

    @Test func `plans several sinks`() throws {
        let sinks = """
            sink:
              - { type: mixed-iceberg, warehouse: /lake }
              - name: enriched
                type: kafka
                format: upsert-kafka
                topic: enriched
                tables: [shop.enriched]
                transactional.id.prefix: shop-1
                properties.bootstrap.servers: localhost:9092
              - { type: kafka, format: debezium-json, topic-prefix: cdc., properties.bootstrap.servers: "a:1" }
            """
        let topology = try plan("sink: { type: mixed-iceberg }", sinks)
        #expect(topology.sinks.map(\.kind) == [.mixedIceberg, .kafka, .kafka])
        #expect(topology.sink.warehouse == "/lake" && topology.sink.topic(of: "shop.orders") == nil)
        let enriched = topology.sinks[1]
        #expect(enriched.name == "enriched" && enriched.format == .upsertKafka)
        #expect(enriched.transactionalIDPrefix == "shop-1")
        #expect(enriched.topic(of: "shop.enriched") == "enriched" && enriched.topic(of: "shop.orders") == nil)
        #expect(topology.sinks[2].topic(of: "shop.orders") == "cdc.shop.orders")
        #expect(try topology.sinks[2].properties["bootstrap.servers"]?.reveal() == "a:1")
    }

    @Test(arguments: [
        "log-store.enabled: true, log-store.topic: t, log-store.address: 'a:1', mixed-format.emit.mode: 'log,file'",
        "log-store.enabled: true, log-store.topic: t, log-store.type: file, log-store.data-format: columnar",
        "log-store.enabled: false, mixed-format.emit.mode: file", "mixed-format.emit.mode: auto",
    ])
    func `takes log stores`(properties: String) throws {
        let table = try #require(try plan("base.file-index.hash-bucket: 4", properties).table(named: "shop.orders"))
        #expect(!table.properties.isEmpty)
    }
}
