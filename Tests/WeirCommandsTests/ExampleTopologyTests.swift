import Foundation
import Testing
import WeirTesting

/// Runs the example topologies with events in their topics and checks the tables.
@Suite(.serialized, .mostlyWaits, .hangGuard) struct ExampleTopologyTests {
    private static func event(_ source: String, _ after: String, operation: String = "c", before: String = "null")
        -> String
    {
        let names = source.split(separator: ".")
        let schema = names.count == 3 ? "\"schema\":\"\(names[1])\"," : ""
        return "{\"before\":\(before),\"after\":\(after),\"source\":{\"db\":\"\(names[0])\",\(schema)"
            + "\"table\":\"\(names[names.count - 1])\"},\"op\":\"\(operation)\",\"ts_ms\":1}\n"
    }

    private static func prepare(_ name: String, topics: [String], in folder: String) throws -> WeirBinary {
        let weir = WeirBinary(folder: folder)
        try FileManager.default.copyItem(
            atPath: Peers.checkout + "/topologies/" + name,
            toPath: folder + "/topology.yaml"
        )
        for topic in topics { #expect(try weir("log", "create", topic).status == 0) }
        #expect(try weir("check", "topology.yaml").status == 0)
        return weir
    }

    @Test func `a check says that a join does not follow its dimension`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(
                "shop.yaml",
                topics: ["shop.public.orders", "shop.public.customers"],
                in: folder
            )
            let check = try weir("check", "topology.yaml")
            let sentence = "later changes of shop.customers do not touch rows already joined"
            #expect(check.status == 0 && check.output.contains(sentence), "\(check.output)")
        }
    }

    private static func run(_ weir: WeirBinary) throws {
        let run = try weir("run", "topology.yaml", "--until-caught-up", "--quiet")
        #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
    }

    private static func rows(_ weir: WeirBinary, _ table: String) throws -> [String] {
        let scan = try weir("scan", table, "-o", "json")
        #expect(scan.status == 0, "\(scan.errors)")
        return scan.lines.sorted()
    }

    @Test func `shop: orders are cleaned, computed and completed by their customers`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(
                "shop.yaml",
                topics: ["shop.public.orders", "shop.public.customers"],
                in: folder
            )
            let customers = "shop.public.customers"
            let orders = "shop.public.orders"
            try weir(
                "log",
                "append",
                customers,
                input: Self.event(customers, "{\"id\":1,\"name\":\"Ada\",\"country\":\"DE\",\"tier\":\"gold\"}")
            )
            try Self.run(weir)
            func order(_ id: Int, _ customer: Int, _ status: String, _ amount: String) -> String {
                "{\"order_id\":\(id),\"customer_id\":\(customer),\"status\":\"\(status)\",\"amount\":\"\(amount)\","
                    + "\"created_at\":\"2026-01-0\(id)T12:00:00.5Z\"}"
            }
            try weir(
                "log",
                "append",
                orders,
                input: Self.event(orders, order(1, 1, "NEW", "12.34")) + Self.event(orders, order(2, 9, "NEW", "5.00"))
                    + Self.event(orders, order(3, 1, "TEST", "1.00")) + Self.event(orders, order(4, 1, "NEW", "7.00"))
                    + Self.event(orders, order(1, 1, "PAID", "12.34"), operation: "u")
                    + Self.event(orders, "null", operation: "d", before: order(4, 1, "NEW", "7.00"))
            )
            try Self.run(weir)
            #expect(
                try Self.rows(weir, "shop.orders") == [
                    #"{"order_id":1,"customer_id":1,"status":"PAID","amount":"12.34","created_at":"2026-01-01T12:00:00.500000+00:00","amount_cents":1234}"#,
                    #"{"order_id":2,"customer_id":9,"status":"NEW","amount":"5.00","created_at":"2026-01-02T12:00:00.500000+00:00","amount_cents":500}"#,
                ]
            )
            #expect(
                try Self.rows(weir, "shop.orders_enriched") == [
                    #"{"order_id":1,"amount":"12.34","status":"PAID","customer":"Ada","country":"DE"}"#,
                    #"{"order_id":2,"amount":"5.00","status":"NEW","customer":null,"country":null}"#,
                ]
            )
            // Changes as they are read: every one of them has its sequence and its row.
            let read = try weir("read", "shop.orders_enriched", "--from", "earliest", "-o", "json")
            let operations = read.lines.compactMap { $0.split(separator: "\"").dropFirst(2).dropFirst().first }
            #expect(operations.sorted() == ["+I", "+I", "+I", "+U", "-D", "-U"], "\(read.output)")
            #expect(
                read.lines.allSatisfy {
                    $0.hasPrefix("{\"op\":\"") && $0.contains("\",\"seq\":1,\"row\":{\"order_id\":")
                }
            )
            #expect(try weir("lookup", "shop.orders", "2", "-o", "json").lines.count == 1)
            let missing = try weir("lookup", "shop.orders", "4", "-o", "json")
            #expect(missing.status == 1 && missing.output.isEmpty && missing.errors.contains("4"))
        }
    }

    @Test func `log-store: a price is read before its commit`() throws {
        try withTemporaryFolder { folder in
            let topic = "shop.public.prices"
            let weir = try Self.prepare("log-store.yaml", topics: [topic], in: folder)
            func price(_ item: Int, _ text: String) -> String {
                Self.event(topic, "{\"item\":\(item),\"currency\":\"EUR\",\"price\":\"\(text)\"}")
            }
            try weir("log", "append", topic, input: price(1, "1.00"))
            try Self.run(weir)
            let run = try weir.start(["run", "topology.yaml", "--quiet", "--set", "pipeline.commit.interval=1h"])
            let reader = try weir.start(["read", "shop.prices", "--from", "full", "--follow"])
            let hasBegun = reader.wait(seconds: 20) { reader.output.contains("1.00") }
            #expect(hasBegun, "\(reader.errors)")
            try weir("log", "append", topic, input: price(1, "1.10") + price(2, "2.00"))
            let hasRead = reader.wait(seconds: 20) { reader.output.contains("2.00") }
            #expect(hasRead, "\(reader.output) \(reader.errors) \(run.errors)")
            #expect(reader.output.contains("\"seq\":null"))
            #expect(try Self.rows(weir, "shop.prices").count == 1)
            let fresh = try weir("scan", "shop.prices", "--fresh", "-o", "csv", "--columns", "item,price")
            #expect(Set(fresh.lines.dropFirst()) == ["1,1.10", "2,2.00"], "\(fresh.output) \(fresh.errors)")
            let lookup = try weir("lookup", "shop.prices", "2", "--fresh", "-o", "csv")
            #expect(lookup.lines.count == 2, "\(lookup.errors)")
            for process in [run, reader] {
                process.signal(SIGTERM)
                #expect(process.finish(seconds: 20).status == 0, "\(process.errors)")
            }
            #expect(try Self.rows(weir, "shop.prices").count == 2)
        }
    }

    @Test func `events: a log of page views keeps what is appended after the start`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare("events.yaml", topics: ["web.page_views.de"], in: folder)
            func view(_ id: Int) -> String {
                "{\"event_id\":\"00000000-0000-0000-0000-00000000000\(id)\",\"visitor\":\"v\",\"url\":\"/\",\"referrer\":null,"
                    + "\"seconds\":0.5,\"viewed_at\":\"2026-01-01T0\(id):00:00Z\"}"
            }
            let source = "web.page_views"
            try weir("log", "append", "web.page_views.de", input: Self.event(source, view(1)))
            // Starts after the existing records.
            try Self.run(weir)
            #expect(try Self.rows(weir, source) == [])
            try weir(
                "log",
                "append",
                "web.page_views.de",
                input: Self.event(source, view(2)) + Self.event(source, view(2)) + Self.event(source, view(3))
            )
            try Self.run(weir)
            let rows = try Self.rows(weir, source)
            #expect(rows.count == 3 && rows[0] == rows[1] && rows[2].contains("2026-01-01T03:00:00.000000+00:00"))
        }
    }

    @Test func `partitioned: invoices are cleaned on their way into partitions`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare("partitioned.yaml", topics: ["billing.invoices"], in: folder)
            func invoice(_ id: Int, _ country: String, net: String, issued: Int) -> String {
                "{\"invoice_id\":\(id),\"country\":\"\(country)\",\"customer\":\"  Ada \",\"net\":\(net),\"vat_rate\":\"0.190\","
                    + "\"issued_on\":\(issued),\"paid_at\":1767225600000}"
            }
            let source = "billing.invoices"
            try weir(
                "log",
                "append",
                source,
                input: Self.event(source, invoice(1, "DE", net: "\"100.00\"", issued: 20_454))
                    + Self.event(source, invoice(2, "FR", net: "null", issued: 20_454))
                    + Self.event(source, invoice(3, "FR", net: "\"1.00\"", issued: 100))
            )
            try Self.run(weir)
            #expect(
                try Self.rows(weir, source) == [
                    #"{"invoice_id":1,"country":"DE","customer":"Ada","net":"100.00","gross":"119.00","issued_on":"2026-01-01","is_paid":true}"#
                ]
            )
            #expect(try weir("lookup", source, "1,DE", "-o", "json").lines.count == 1)
        }
    }

    @Test func `changes are read once while a run follows the log and the table is optimized`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            let run = try weir.start(["run", "people.yaml", "--quiet"])
            try weir("log", "append", "people", input: BinaryTests.record(0, "first", operation: "c"))
            #expect(
                run.wait(seconds: 30) {
                    (try? weir("scan", "shop.people", "--count", "--quiet"))?.output.contains("1") == true
                }
            )
            let reader = try weir.start(["read", "shop.people", "--from", "full", "--follow"])
            var random = SeededGenerator(seed: SeededGenerator.seeds(1)[0])
            var model = [0: "first"]
            for round in 0..<Soak.rounds(8) {
                var text = ""
                for _ in 0..<50 {
                    let id = Int(random.next() % 40)
                    let name = "n\(random.next() % 100_000)"
                    let isDelete = random.next() % 6 == 0
                    text += BinaryTests.record(id, isDelete ? nil : name, operation: isDelete ? "d" : "u")
                    model[id] = isDelete ? nil : name
                }
                #expect(try weir("log", "append", "people", "--quiet", input: text).status == 0)
                if round % 2 == 1 {
                    let optimize = try weir("optimize", "shop.people", "--full", "--quiet")
                    #expect(optimize.status == 0, "\(optimize.errors)")
                }
            }
            let end = BinaryTests.record(1000, "last", operation: "c")
            #expect(try weir("log", "append", "people", "--quiet", input: end).status == 0)
            model[1000] = "last"
            #expect(reader.wait(seconds: 30) { reader.output.contains("\"last\"") })
            reader.signal(SIGTERM)
            let read = reader.finish(seconds: 20)
            run.signal(SIGTERM)
            #expect(run.finish(seconds: 30).status == 0)
            var rows: [Int: String] = [:]
            for line in read.lines {
                let change = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                let row = try #require(change["row"] as? [String: Any])
                let id = try #require(row["id"] as? Int)
                switch change["op"] as? String {
                case "+I":
                    #expect(rows[id] == nil, "+I of \(id), which is there")
                    rows[id] = row["name"] as? String
                case "+U":
                    #expect(rows[id] != nil, "+U of \(id), which is not there")
                    rows[id] = row["name"] as? String
                case "-D":
                    #expect(rows[id] != nil, "-D of \(id), which is not there")
                    rows[id] = nil
                default: #expect(rows[id] != nil, "-U of \(id), which is not there")
                }
            }
            #expect(rows == model)
            #expect(try BinaryTests.rows(weir) == model)
        }
    }
}
