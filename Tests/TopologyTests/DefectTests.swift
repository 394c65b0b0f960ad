import Foundation
import Testing
import Topology

/// A valid topology. Tests introduce defects by replacing a part of it.
let sound = """
    name: shop
    pipeline: { commit.interval: 10s }
    source:
      - name: cdc
        type: file-log
        topics: [shop.public.orders]
        format: debezium-json
    tables:
      - name: shop.orders
        columns: { order_id: long, customer_id: long, region: string, status: string, at: timestamp }
        primary-key: [order_id]
        partition-by: [day(at)]
        properties: { base.file-index.hash-bucket: 4 }
      - name: shop.customers
        columns: { id: long, name: string }
        primary-key: [id]
    route:
      - { source-table: shop.public.(.*), sink-table: shop.$1 }
    transform:
      - source-table: shop.orders
        projection: "*, UPPER(status) AS loud"
        filter: "status <> 'TEST'"
    join:
      - name: shop.enriched
        from: shop.orders
        lookup: shop.customers
        as: c
        on: customer_id = c.id
        select: "order_id, c.name"
        primary-key: [order_id]
    sink: { type: mixed-iceberg }
    """

/// The problems of the sound topology with one part replaced, as text.
func problems(_ part: String, _ replacement: String, environment: [String: String] = [:]) throws -> [String] {
    try #require(sound.contains(part), "the fixture has no '\(part)'")
    let yaml = sound.replacingOccurrences(of: part, with: replacement)
    return Topology.check(yaml: yaml, environment: environment).problems.map(\.description)
}

struct Defect: CustomTestStringConvertible, Sendable {
    let part: String
    let replacement: String
    let problem: String
    var testDescription: String { replacement.isEmpty ? "without \(part)" : replacement }

    init(_ part: String, _ replacement: String, _ problem: String) {
        self.part = part
        self.replacement = replacement
        self.problem = problem
    }
}

@Suite struct DefectTests {
    static let defects = [
        Defect("pipeline:", "pipelne:", "2:1: error: unknown key 'pipelne' in the topology; did you mean 'pipeline'?"),
        Defect("topics:", "topcs:", "6:5: error: unknown key 'topcs' in source 'cdc'; did you mean 'topics'?"),
        Defect(
            "commit.interval",
            "commit.intervall",
            "2:13: error: unknown key 'commit.intervall' in pipeline; did you mean 'commit.interval'?"
        ),
        Defect("name: shop\n", "", "1:1: error: the topology needs 'name'"),
        Defect("    type: file-log\n", "", "4:5: error: source 'cdc' needs 'type'"),
        Defect(
            "10s",
            "10",
            "2:30: error: '10' is no value of 'commit.interval'; write a duration above zero with its unit, such as 500ms, 10s or 1min"
        ),
        Defect(
            "commit.interval: 10s",
            "commit.bytes: 12parsecs",
            "2:27: error: '12parsecs' is no value of 'commit.bytes'; write a size such as 64mb"
        ),
        Defect(
            "commit.interval: 10s",
            "state.memory: 64kb",
            "2:27: error: '64kb' is no value of 'state.memory'; write a size of at least 1mb, such as 512mb"
        ),
        Defect(
            "commit.interval: 10s",
            "state.dir: s3://lake/keys",
            "2:24: error: 's3://lake/keys' is no value of 'state.dir'; write the path of a folder of the local disk"
        ),
        Defect(
            "commit.interval: 10s",
            "state.memry: 1gb",
            "2:13: error: unknown key 'state.memry' in pipeline; did you mean 'state.memory'?"
        ),
        Defect(
            "commit.interval: 10s",
            "parallelism: many",
            "2:26: error: 'many' is no value of 'parallelism'; write a whole number from 1 to 1024"
        ),
        Defect(
            "commit.interval: 10s",
            "schema.change.behavior: evolv",
            "2:37: error: 'evolv' is no value of 'schema.change.behavior'; did you mean 'evolve'?"
        ),
        Defect(
            "format: debezium-json",
            "format: json",
            "7:13: error: 'json' is no value of 'format'; use 'debezium-json'"
        ),
        Defect(
            "format: debezium-json",
            "format: debezium-json\n    scan.startup.mode: timestamp",
            "8:24: error: source 'cdc' needs 'scan.startup.timestamp-millis'; scan.startup.mode: timestamp begins at that time"
        ),
        Defect(
            "topics: [shop.public.orders]",
            "topics.regex: \"(\"",
            "6:19: error: '(' is no value of 'topics.regex'; write a regular expression that matches whole names, such as shop.public.(.*)"
        ),
        Defect("at: timestamp", "at: datetime", "10:87: error: unknown type 'datetime'; Iceberg's name is timestamp"),
        Defect("status: string, at", "status: strin, at", "10:75: error: unknown type 'strin'; did you mean 'string'?"),
        Defect(
            "name: string }",
            "name: string, tags: list<string> }",
            "15:46: error: column 'tags' is nested, which is not supported yet; declare it as string to keep its JSON"
        ),
        Defect("{ id: long, name: string }", "{}", "15:14: error: table 'shop.customers' has no columns"),
        Defect(
            "primary-key: [id]",
            "primary-key: [idd]",
            "16:19: error: primary key column 'idd' is no column of table 'shop.customers'; did you mean 'id'?"
        ),
        Defect(
            "name: shop.customers",
            "name: shop.orders",
            "14:11: error: table 'shop.orders' is declared twice; the first is on line 9"
        ),
        Defect(
            "name: shop.enriched",
            "name: shop.orders",
            "24:11: error: table 'shop.orders' is declared twice; the first is on line 9"
        ),
        Defect(
            "name: shop.customers",
            "name: customers",
            "14:11: error: 'customers' is no name of a table; write database.table"
        ),
        Defect(
            "name: shop.customers\n    columns: { id: long, name: string }",
            "name: shop.orders\n    columns: { id: long, name: string }",
            "14:11: error: table 'shop.orders' is declared twice; the first is on line 9"
        ),
        Defect(
            "primary-key: [order_id]\n    partition",
            "primary-key: [oder]\n    partition",
            "11:19: error: primary key column 'oder' is no column of table 'shop.orders'; known are at, customer_id, order_id, region, status"
        ),
        Defect(
            "UPPER(status) AS loud",
            "UPPER(sttus) AS loud",
            "21:17: error: unknown column 'sttus' at position 10; did you mean 'status'?"
        ),
        Defect(
            "order_id, c.name",
            "order_id, c.nme",
            "29:13: error: unknown column 'c.nme' at position 11; did you mean 'name'?"
        ),
        Defect(
            "columns: { id",
            "colums: { id",
            "15:5: error: unknown key 'colums' in table 'shop.customers'; did you mean 'columns'?"
        ),
        Defect(
            "    primary-key: [id]",
            "    primary-kye: [id]",
            "16:5: error: unknown key 'primary-kye' in table 'shop.customers'; did you mean 'primary-key'?"
        ),
        Defect(
            "day(at)",
            "day(att)",
            "12:20: error: partition column 'att' is no column of table 'shop.orders'; did you mean 'at'?"
        ),
        Defect(
            "day(at)",
            "day(status)",
            "12:20: error: day does not work on 'status', which is a string; day takes dates and timestamps"
        ),
        Defect("day(at)", "dya(at)", "12:20: error: unknown transform 'dya'; did you mean 'day'?"),
        Defect(
            "day(at)",
            "bucket(region)",
            "12:20: error: 'bucket(region)' has the wrong arguments; write bucket(16, column)"
        ),
        Defect(
            "day(at)",
            "year(at)",
            "12:20: warning: Amoro changes the name of a year at each rewrite and shows rows twice; partition by month(at) where Amoro works on the table too"
        ),
        Defect(
            "hash-bucket: 4",
            "hash-bucket: 6",
            "13:48: error: '6' is no value of 'base.file-index.hash-bucket'; the number of buckets is a power of two, such as 4"
        ),
        Defect(
            "base.file-index.hash-bucket: 4",
            "log-store.enabled: 1",
            "13:38: error: '1' is no value of 'log-store.enabled'; write true or false"
        ),
        Defect(
            "sink-table: shop.$1",
            "sink-table: shp.$1",
            "18:51: error: no declared table has a name like 'shp.$1'; declared are shop.orders, shop.customers"
        ),
        Defect(
            "sink-table: shop.$1",
            "sink-table: shop.order",
            "18:51: error: sink table 'shop.order' is not declared; did you mean 'shop.orders'?"
        ),
        Defect(
            "sink-table: shop.$1",
            "sink-table: shop.$2",
            "18:51: error: 'shop.$2' uses $2, but 'shop.public.(.*)' has only 1; put (…) around the part to reuse"
        ),
        Defect(
            "source-table: shop.public.(.*)",
            "source-table: shop.(",
            "18:21: error: 'shop.(' is no value of 'source-table'; write a regular expression that matches whole names, such as shop.public.(.*)"
        ),
        Defect(
            "- source-table: shop.orders",
            "- source-table: shop.order",
            "20:19: error: 'shop.order' matches no declared table; did you mean 'shop.orders'?"
        ),
        Defect(
            "status <> 'TEST'",
            "stauts <> 'TEST'",
            "22:13: error: unknown column 'stauts' at position 1; did you mean 'status'?"
        ),
        Defect(
            "status <> 'TEST'",
            "status <> 5",
            "22:13: error: cannot compare status (string) with 5 (int) at position 1; write '5' in single quotes: status is a text"
        ),
        Defect(
            "status <> 'TEST'",
            "status",
            "22:13: error: a condition is needed, but status is a string at position 1"
        ),
        Defect("status <> 'TEST'", "status <>", "22:13: error: expected a value, found the end at position 10"),
        Defect(
            "UPPER(status) AS loud",
            "UPPER(status)",
            "21:17: error: the expression UPPER(status) needs a name at position 4; write UPPER(status) AS name"
        ),
        Defect(
            "*, UPPER(status) AS loud",
            "customer_id, status, at",
            "21:17: error: the projection drops primary key column 'order_id'; add order_id to it"
        ),
        Defect(
            "*, UPPER(status) AS loud",
            "order_id AS id, customer_id, at",
            "21:17: error: the projection renames primary key column 'order_id' to 'id'; keep its name: deletes find their rows by it"
        ),
        Defect(
            "*, UPPER(status) AS loud",
            "order_id + 0 AS order_id, customer_id, at",
            "21:17: error: the projection computes primary key column 'order_id'; keep the column as it is: deletes find their rows by it"
        ),
        Defect(
            "*, UPPER(status) AS loud",
            "order_id, customer_id",
            "12:20: error: partition column 'at' is no column of table 'shop.orders'; known are customer_id, order_id"
        ),
        Defect(
            "from: shop.orders",
            "from: shop.order",
            "25:11: error: table 'shop.order' is not declared; did you mean 'shop.orders'?"
        ),
        Defect(
            "lookup: shop.customers",
            "lookup: shop.people",
            "26:13: error: table 'shop.people' is not declared; known are shop.customers, shop.orders"
        ),
        Defect(
            "    primary-key: [id]\n",
            "",
            "25:13: error: lookup table 'shop.customers' has no primary key; a dimension is looked up by its key: declare one"
        ),
        Defect(
            "columns: { id: long, name: string }\n    primary-key: [id]",
            "columns: { id: long, name: string }\n    primary-key: [id, name]",
            "28:9: error: 'on' leaves out primary key column 'name' of 'shop.customers'; a lookup compares exactly its key: id, name"
        ),
        Defect(
            "on: customer_id = c.id",
            "on: status = c.name",
            "28:9: error: 'name' is no primary key column of 'shop.customers'; a lookup compares exactly its key: id"
        ),
        Defect(
            "on: customer_id = c.id",
            "on: status = c.id",
            "28:9: error: 'status' is a string, but 'id' is a long at position 1; give both the same type, in a projection of orders for example"
        ),
        Defect(
            "on: customer_id = c.id",
            "on: customer_id > c.id",
            "28:9: error: a join condition is made of equalities between columns, joined by AND at position 1; write it as in customer_id = c.id"
        ),
        Defect(
            "order_id, c.name",
            "order_id, d.name",
            "29:13: error: unknown table 'd' at position 11; did you mean 'c'?"
        ),
        Defect(
            "c.name\"\n    primary-key: [order_id]",
            "c.name\"\n    primary-key: [name]",
            "30:18: warning: the primary key of join 'shop.enriched' is not that of 'shop.orders'; updates and deletes are found by order_id: select it and make it the key"
        ),
        Defect(
            "type: mixed-iceberg",
            "type: iceberg",
            "31:15: error: 'iceberg' is no value of 'type'; known are kafka, mixed-iceberg"
        ),
        Defect(
            "type: mixed-iceberg",
            "type: mixed-iceberg, warehouse: \"${LAKE}/w\"",
            "31:41: error: the variable LAKE is not set; set it in the environment, or write ${LAKE:-default}"
        ),
        Defect(
            "type: mixed-iceberg",
            "type: mixed-iceberg, catalog: \"${env:CATALOG}\"",
            "31:39: error: the environment variable CATALOG is not set; set it, or take the secret from a file with ${file:PATH}"
        ),
        Defect(
            "type: mixed-iceberg",
            "type: mixed-iceberg, warehouse: \"${file:/etc/w}\"",
            "31:41: error: 'warehouse' is printed and logged, so it takes no secret; write ${NAME} instead"
        ),
    ]

    @Test func `the fixture is sound`() { #expect(Topology.check(yaml: sound, environment: [:]).problems.isEmpty) }

    @Test(arguments: defects)
    func `reports each defect at its position`(defect: Defect) throws {
        let found = try problems(defect.part, defect.replacement)
        #expect(found == [defect.problem], "found \(found.joined(separator: "\n"))")
    }

    @Test func `reports all problems at once, by line`() {
        let yaml = sound.replacingOccurrences(of: "10s", with: "soon").replacingOccurrences(
            of: "day(at)",
            with: "day(x)"
        )
        .replacingOccurrences(of: "status <>", with: "nothing <>").replacingOccurrences(of: "c.id", with: "c.key")
        let (topology, problems) = Topology.check(yaml: yaml, environment: [:])
        #expect(topology == nil)
        #expect(problems.map(\.line) == [2, 12, 22, 28])
    }

    @Test func `a mistake in a declaration hides none in what refers to it, and brings no other`() {
        let yaml = sound.replacingOccurrences(of: "at: timestamp }", with: "at: blob }")
            .replacingOccurrences(of: "primary-key: [id]", with: "primary-key: [idd]")
            .replacingOccurrences(of: "day(at)", with: "day(att)")
            .replacingOccurrences(of: "UPPER(status) AS loud", with: "UPPER(statsu) AS loud, regoin AS r")
            .replacingOccurrences(of: "status <> 'TEST'", with: "sttus <> 5")
            .replacingOccurrences(of: "on: customer_id = c.id", with: "on: custmer_id = c.id")
            .replacingOccurrences(of: "order_id, c.name", with: "order_id, c.nme, loud")
        let (topology, problems) = Topology.check(yaml: yaml, environment: [:])
        #expect(topology == nil)
        let told = problems.map { "\($0.line): \($0.message)" }
        #expect(
            told == [
                "10: unknown type 'blob'", "12: partition column 'att' is no column of table 'shop.orders'",
                "16: primary key column 'idd' is no column of table 'shop.customers'",
                "21: unknown column 'statsu' at position 10", "21: unknown column 'regoin' at position 27",
                "22: unknown column 'sttus' at position 1", "28: unknown column 'custmer_id' at position 1",
                "29: unknown column 'c.nme' at position 11",
            ]
        )
    }

    @Test func `names are checked where a projection cannot be read`() throws {
        let found = try problems("UPPER(status) AS loud\"", "UPPER(status AS loud\"")
        #expect(found.count == 1, "\(found)")
        let both = sound.replacingOccurrences(of: "UPPER(status) AS loud", with: "UPPER(status AS loud")
            .replacingOccurrences(of: "c.name", with: "c.nmae")
        let lines = Topology.check(yaml: both, environment: [:]).problems.map(\.line)
        #expect(lines == [21, 29])
    }

    @Test func `an undeclared table is told beside a misnamed one if its name is near`() throws {
        let yaml = sound.replacingOccurrences(of: "name: shop.customers", with: "name: customers")
            .replacingOccurrences(of: "from: shop.orders", with: "from: shop.order")
        let lines = Topology.check(yaml: yaml, environment: [:]).problems.map(\.line)
        #expect(lines == [14, 25])
    }

    @Test(arguments: [
        ("", "1:1: error: the topology is empty; start from one of the files in topologies/"),
        ("name: [a", "did not find expected"),
        ("name: a\nname: b", "the key 'name' is given twice"),
        ("- a", "1:1: error: the topology must be a mapping, not a list"),
    ])
    func `explains files that are no topology`(yaml: String, problem: String) {
        let problems = Topology.check(yaml: yaml, environment: [:]).problems.map(\.description)
        #expect(problems.contains { $0.contains(problem) }, "found \(problems)")
    }
}
