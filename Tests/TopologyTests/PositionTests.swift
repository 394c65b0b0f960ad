import Testing

@testable import Topology

/// File positions of values whose problems are found later.
@Suite struct PositionTests {
    private static let yaml = """
        name: shop
        source:
          - name: first
            type: kafka
            topics: [shop.public.orders]
            properties.bootstrap.servers: 127.0.0.1:1
          - type: kafka
            topics:
              - shop.public.payments # not shop.public.orders
              - shop.public.customers
            name: second
            properties.bootstrap.servers: ${env:BROKERS}
        # shop.orders
        tables:
          - { name: shop.orders_old, columns: { id: long } }
          - name: shop.orders
            columns: { id: long, "total": decimal(9,2) }
        sink:
          - { type: mixed-iceberg, warehouse: ./warehouse }
          - name: out
            type: kafka
            topic-prefix: cdc.
            properties.bootstrap.servers: 127.0.0.1:1
        """

    private static func positions(_ yaml: String = yaml) throws -> Topology.Positions {
        var reader = DocumentReader(environment: ["BROKERS": "shop.secret:1"])
        let root = reader.read(yaml)
        return Topology.Positions(try #require(root))
    }

    private struct Case: Sendable {
        let declaration: Topology.Declaration
        let paths: [[String]]
        let expected: String

        init(_ section: Topology.Declaration.Section, _ name: String?, _ paths: [[String]], _ expected: String) {
            declaration = Topology.Declaration(section, name)
            self.paths = paths
            self.expected = expected
        }
    }

    private static let cases = [
        Case(.source, "first", [["topics", "shop.public.orders"]], "5:14"),
        Case(.source, "second", [["topics", "shop.public.payments"]], "9:9"),
        // Of another source, and in a comment.
        Case(.source, "second", [["topics", "shop.public.orders"]], "7:5"),
        Case(.source, "second", [["properties.bootstrap.servers"]], "12:5"),
        Case(.source, "second", [["properties.bootstrap.servers", "shop.secret:1"]], "7:5"),
        Case(.source, "second", [], "7:5"),
        Case(.source, "third", [["nothing"]], "2:1"),
        Case(.tables, "shop.orders", [["columns", "total"]], "17:26"),
        Case(.tables, "shop.orders", [["total"]], "16:5"),
        Case(.tables, "shop.orders_old", [["columns", "id"]], "15:41"),
        Case(.sink, "out", [["topic", "cdc.shop.orders"], ["topic-prefix"]], "22:5"),
        Case(.sink, nil, [["properties.bootstrap.servers"]], "23:5"),
        Case(.join, "any", [["columns", "id"]], "1"),
    ]

    @Test func `keys and values are found in the declaration that is meant`() throws {
        let positions = try Self.positions()
        for wanted in Self.cases {
            let found = positions.position(of: wanted.declaration, at: wanted.paths)
            let text = "\(found.line)" + (found.column.map { ":\($0)" } ?? "")
            #expect(text == wanted.expected, "\(wanted)")
        }
    }

    @Test func `a section may be a single block`() throws {
        let positions = try Self.positions("name: a\nsink: { type: kafka, topic: t }\n")
        let topic = positions.position(of: .init(.sink, nil), at: [["topic", "t"]])
        #expect(topic == Topology.Position(line: 2, column: 29))
        let source = positions.position(of: .init(.source, nil), at: [["topic", "t"]])
        #expect(source == Topology.Position(line: 1, column: nil))
    }

    @Test func `values of the command line have none`() throws {
        var reader = DocumentReader(environment: [:])
        let read = reader.read(Self.yaml)
        var root = try #require(read)
        reader.apply("sink.out.topic-prefix", "new.", to: &root)
        let prefix = Topology.Positions(root).position(of: .init(.sink, "out"), at: [["topic-prefix", "new."]])
        #expect(prefix.line == 0)
    }
}
