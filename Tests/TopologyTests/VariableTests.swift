import Bytes
import Foundation
import Testing
import Topology
import WeirTesting

@Suite struct VariableTests {
    private func sink(_ text: String, _ environment: [String: String] = [:]) throws -> Topology.Sink {
        let yaml = sound.replacingOccurrences(of: "type: mixed-iceberg", with: "type: mixed-iceberg, " + text)
        let (topology, problems) = Topology.check(yaml: yaml, environment: environment)
        #expect(problems.isEmpty, "\(problems)")
        return try #require(topology).sink
    }

    @Test func `fills in variables and defaults`() throws {
        #expect(try sink("warehouse: \"/${A}/${B:-b}/${C:-}x\"", ["A": "a"]).warehouse == "/a/b/x")
        #expect(try sink("warehouse: \"${A:-none}\"", ["A": "some"]).warehouse == "some")
        #expect(try sink("warehouse: \"$${A}/$1/$\"").warehouse == "${A}/$1/$")
    }

    @Test func `never prints a secret`() throws {
        let sink = try sink("catalog: \"${env:CATALOG}\"", ["CATALOG": "postgresql://u:pass@h/db"])
        let catalog = try #require(sink.catalog)
        #expect(try catalog.reveal() == "postgresql://u:pass@h/db")
        var dumped = ""
        dump(sink, to: &dumped)
        #expect("\(catalog)" == "***")
        for text in ["\(sink)", dumped, String(reflecting: sink)] { #expect(!text.contains("pass"), "\(text)") }
    }

    @Test func `reads a secret from a file when it is needed`() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/secret"
            let sink = try sink("catalog: \"${file:\(path)}\"")
            #expect(throws: WeirError.self) { try sink.catalog?.reveal() }
            try "sqlite:/tmp/x\n".write(toFile: path, atomically: true, encoding: .utf8)
            #expect(try sink.catalog?.reveal() == "sqlite:/tmp/x")
        }
    }

    @Test func `a table keeps how a secret is called, and readers fill it in`() throws {
        let table = """
            name: t
            source: { name: s, type: file-log, topics: [a], format: debezium-json }
            sink: { type: mixed-iceberg }
            tables:
              - name: shop.a
                columns: { id: long }
                properties:
                  properties.sasl.password: KEY
            """
        func check(_ text: String) -> (password: String?, problems: [String]) {
            let yaml = table.replacing("KEY", with: text)
            let (topology, problems) = Topology.check(yaml: yaml, environment: ["PASSWORD": "hush"])
            return (topology?.tables.first?.properties["properties.sasl.password"], problems.map(\.description))
        }
        let kept = check("\"${env:PASSWORD}\"")
        #expect(kept.password == "${env:PASSWORD}" && kept.problems.isEmpty, "\(kept.problems)")
        #expect(check("\"${file:/run/secret}\"").password == "${file:/run/secret}")
        let readable = check("hush")
        #expect(readable.password == "hush")
        #expect(readable.problems.first?.contains("is stored readable in the table; write ${env:NAME}") == true)
        let other = table.replacing("properties.sasl.password: KEY", with: "log-store.topic: \"${env:PASSWORD}\"")
        let unset = Topology.check(yaml: table.replacing("KEY", with: "\"${env:NONE}\""), environment: [:])
        #expect(unset.problems.count == 1, "\(unset.problems)")
        let refused = Topology.check(yaml: other, environment: ["PASSWORD": "hush"]).problems.map(\.description)
        #expect(refused.contains { $0.contains("stored readable, so it takes no secret") }, "\(refused)")

        #expect(try Secret.referenced(by: "${env:PASSWORD}", environment: ["PASSWORD": "hush"])?.reveal() == "hush")
        #expect(try Secret.referenced(by: "plain", environment: [:]) == nil)
        #expect(throws: WeirError.self) { try Secret.referenced(by: "${env:PASSWORD}", environment: [:]) }
    }

    @Test func `takes values from the command line`() throws {
        let (topology, problems) = Topology.check(
            yaml: sound,
            overrides: [
                ("pipeline.commit.interval", "500ms"), ("pipeline.parallelism", "3"),
                ("pipeline.state.memory", "2gb"), ("pipeline.state.dir", "/var/keys"), ("sink.warehouse", "${W}"),
                ("source.cdc.topics", "[a, b]"),
                ("tables.shop.orders.partition-by", "[bucket(8, order_id)]".quotedInside),
                ("source.0.path", "/logs"), ("source.scan.on-lost-offsets", "latest"), ("name", "other"),
            ],
            environment: ["W": "/lake"]
        )
        #expect(problems.isEmpty, "\(problems)")
        let plan = try #require(topology)
        #expect(plan.pipeline.commitInterval == .milliseconds(500))
        #expect(plan.pipeline.parallelism == 3)
        #expect(plan.pipeline.stateMemory == 2 << 30 && plan.pipeline.stateDirectory == "/var/keys")
        #expect(plan.sink.warehouse == "/lake")
        #expect(plan.sources[0].topics == ["a", "b"])
        #expect(plan.sources[0].path == "/logs")
        #expect(plan.sources[0].onLostOffsets == .latest)
        #expect(plan.tables[0].partitions.map(\.description) == ["bucket(8, order_id)"])
        #expect(plan.name == "other")
    }

    @Test func `sets properties of tables and joins that have no block of them yet`() throws {
        let codec = "write.parquet.compression-codec"
        let (topology, problems) = Topology.check(
            yaml: sound,
            overrides: [
                ("tables.shop.customers.properties.\(codec)", "zstd"),
                ("tables.shop.customers.properties.read.split.target-size", "1048576"),
                ("tables.shop.orders.properties.\(codec)", "gzip"),
                ("join.shop.enriched.properties.\(codec)", "snappy"), ("source.cdc.path", "/logs"),
            ],
            environment: [:]
        )
        #expect(problems.filter { $0.severity == .error }.isEmpty, "\(problems)")
        let plan = try #require(topology)
        #expect(
            plan.table(named: "shop.customers")?.properties == [codec: "zstd", "read.split.target-size": "1048576"]
        )
        let orders = [codec: "gzip", "base.file-index.hash-bucket": "4"]
        #expect(plan.table(named: "shop.orders")?.properties == orders)
        #expect(plan.joins.first?.properties == [codec: "snappy"])
        // A source's properties are keys with dots.
        let kafka = sound.replacing("type: file-log", with: "type: kafka")
        let broker = Topology.check(
            yaml: kafka,
            overrides: [("source.properties.bootstrap.servers", "b:1")],
            environment: [:]
        )
        #expect(broker.problems.isEmpty, "\(broker.problems)")
    }

    @Test func `tells which members a list has`() {
        let yaml = sound.replacing(
            "source:",
            with: "source:\n  - { name: other, type: file-log, topics: [o], format: debezium-json }"
        )
        let overrides = [("source.scan.on-lost-offsets", "latest")]
        let problems = Topology.check(yaml: yaml, overrides: overrides, environment: [:]).problems.map(\.description)
        #expect(
            problems.first?.hasSuffix(
                "write it as source.NAME.key=value, where NAME is one of other, cdc"
            ) == true,
            "\(problems)"
        )
    }

    @Test func `reports faults of the command line`() {
        let overrides = [
            ("pipelin.commit.interval", "1s"), ("sink.warehous", "x"), ("tables.shop.nothing.name", "a.b"),
        ]
        let problems = Topology.check(yaml: sound, overrides: overrides, environment: [:]).problems.map(\.description)
        #expect(
            problems == [
                "--set: error: there is no 'tables.shop.nothing.name' to set; write it as tables.NAME.key=value, where NAME is one of shop.orders, shop.customers",
                "--set: error: unknown key 'pipelin' in the topology; did you mean 'pipeline'?",
                "--set: error: unknown key 'warehous' in sink; did you mean 'warehouse'?",
            ]
        )
    }
}

extension String {
    /// A YAML list of one text that contains a comma.
    fileprivate var quotedInside: String { "[\"" + dropFirst().dropLast() + "\"]" }
}
