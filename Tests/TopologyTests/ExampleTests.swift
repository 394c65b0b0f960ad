import Columnar
import Foundation
import Testing
import Topology

/// The files of `topologies/` at the root of the package, and the topologies of `docker/`.
let examples: [String] = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    func files(_ folder: String, _ prefix: String) -> [String] {
        let path = root.appendingPathComponent(folder).path
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasPrefix(prefix) && $0.hasSuffix(".yaml") }.sorted().map { "\(path)/\($0)" }
    }
    return files("topologies", "") + files("docker", "topology")
}()

func example(_ name: String) throws -> Topology {
    let path = try #require(examples.first { $0.hasSuffix("/\(name).yaml") })
    return try Topology.load(path: path, environment: [:]).topology
}

@Suite struct ExampleTests {
    @Test func `finds the examples`() { #expect(examples.count >= 8) }

    @Test(arguments: examples)
    func `every example is free of problems`(path: String) throws {
        #expect(try Topology.load(path: path, environment: [:]).warnings.isEmpty)
    }

    @Test func `a table that is only looked up in is another topology's`() throws {
        let text = """
            name: visits
            source: { name: all, type: file-log, topics: [visits], format: debezium-json }
            tables:
              - { name: shop.people, columns: { id: long, name: string }, primary-key: [id] }
              - { name: shop.visits, columns: { id: long, person: long }, primary-key: [id] }
            route: [{ source-table: shop.public.visits, sink-table: shop.visits }]
            join:
              - { name: shop.visitors, from: shop.visits, lookup: shop.people, as: p, on: person = p.id, type: left,
                  select: "visits.id, p.name", primary-key: [id] }
            sink: { type: mixed-iceberg }
            """
        let topology = try #require(Topology.check(yaml: text).0)
        #expect(!topology.mayRoute(to: "shop.people") && topology.route("shop.people") == [])
        #expect(topology.mayRoute(to: "shop.visits") && topology.route("shop.visits") == ["shop.visits"])
        let unrouted = text.split(separator: "\n").filter { !$0.hasPrefix("route:") }.joined(separator: "\n")
        let plain = try #require(Topology.check(yaml: unrouted).0)
        #expect(plain.mayRoute(to: "shop.people") && plain.route("shop.people") == ["shop.people"])
    }

    @Test func `plans the shop`() throws {
        let shop = try example("shop")
        #expect(shop.name == "shop")
        #expect(shop.pipeline.commitInterval == .seconds(10))
        #expect(shop.pipeline.parallelism == 2)
        #expect(shop.sources.map(\.topics) == [["shop.public.orders", "shop.public.customers"]])
        #expect(shop.sources[0].startup == .earliest)
        #expect(shop.route("shop.public.orders") == ["shop.orders"])
        #expect(shop.route("shop.public.returns") == [])
        #expect(shop.route("shop.customers") == ["shop.customers"])
        #expect(shop.route("xshop.public.orders") == [])
        let orders = try #require(shop.table(named: "shop.orders"))
        #expect(
            orders.sourceSchema.fields.map(\.name) == ["order_id", "customer_id", "status", "amount", "created_at"]
        )
        #expect(orders.sinkSchema.fields.map(\.id) == [1, 2, 3, 4, 5, 6])
        #expect(orders.sinkSchema.fields.last.map { "\($0.name) \($0.type)" } == "amount_cents long")
        #expect(orders.sinkSchema.field(named: "order_id")?.isRequired == true)
        #expect(orders.partitions.map(\.description) == ["day(created_at)"])
        #expect(orders.partitions.map(\.fieldID) == [5])
        #expect(orders.properties == ["base.file-index.hash-bucket": "4"])
        #expect(orders.transform?.filter?.text == "status <> 'TEST'")
        let join = try #require(shop.joins.first)
        #expect(join.keys.map(\.from) == [1] && join.keys.map(\.lookup) == [0])
        #expect(join.schema.fields.map(\.name) == ["order_id", "amount", "status", "customer", "country"])
        #expect(join.combinedSchema.count == 10)
        #expect(join.primaryKey == ["order_id"])
        #expect(join.kind == .left && join.alias == "c")
        #expect(shop.sink.warehouse == "./warehouse")
    }

    @Test func `plans an unkeyed table`() throws {
        let events = try example("events")
        #expect(events.tables[0].isKeyed == false)
        #expect(events.tables[0].partitions.map(\.description) == ["hour(viewed_at)", "bucket(16, visitor)"])
        #expect(events.tables[0].sourceSchema.fields[1].doc == "cookie, changes when it is deleted")
        #expect(events.sources[0].reads(topic: "web.page_views_de"))
        #expect(!events.sources[0].reads(topic: "my.web.page_views"))
        #expect(events.route("web.page_views_de") == ["web.page_views"])
        #expect(events.pipeline.commitBytes == 256 << 20)
    }

    @Test func `plans topologies with Kafka`() throws {
        let source = try example("kafka-source").sources[0]
        #expect(source.kind == .kafka && source.reads(topic: "shop.archive.orders"))
        #expect(try source.properties["bootstrap.servers"]?.reveal() == "localhost:9092")
        #expect(try example("kafka-source").route("shop.archive.orders") == ["shop.orders"])
        let sinks = try example("kafka-sink").sinks
        #expect(sinks.map { $0.topic(of: "shop.orders") } == [nil, nil, "changes.shop.orders"])
        #expect(sinks.map { $0.topic(of: "shop.orders_enriched") } == [nil, "shop.orders_enriched.latest", nil])
        let table = try #require(try example("kafka-log-store").table(named: "shop.orders"))
        #expect(table.properties["log-store.address"] == "localhost:9092")
    }

    @Test func `plans a transform over several lines`() throws {
        let invoices = try #require(try example("partitioned").table(named: "billing.invoices"))
        #expect(
            invoices.sinkSchema.fields.map { "\($0.name) \($0.type)" } == [
                "invoice_id long", "country string", "customer string", "net decimal(14,2)", "gross decimal(14,2)",
                "issued_on date", "is_paid boolean",
            ]
        )
        #expect(invoices.primaryKey == ["invoice_id", "country"])
        #expect(invoices.partitions.map(\.description) == ["country", "month(issued_on)"])
    }
}
