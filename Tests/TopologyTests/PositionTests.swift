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
        let section: String
        let name: String?
        let words: [String]
        let expected: String

        init(_ section: String, _ name: String?, _ words: [String], _ expected: String) {
            self.section = section
            self.name = name
            self.words = words
            self.expected = expected
        }
    }

    private static let cases = [
        Case("source", "first", ["shop.public.orders"], "5:14"),
        Case("source", "second", ["shop.public.payments"], "9:9"),
        // Of another source, and in a comment.
        Case("source", "second", ["shop.public.orders"], "7:5"),
        Case("source", "second", ["properties.bootstrap.servers"], "12:5"),
        Case("source", "second", ["shop.secret"], "7:5"),
        Case("source", "second", ["nothing"], "7:5"),
        Case("source", "third", ["nothing"], "2:1"),
        Case("tables", "shop.orders", ["total"], "17:26"),
        Case("tables", "shop.orders_old", ["id"], "15:41"),
        Case("sink", "out", ["cdc.shop.orders", "cdc."], "22:19"),
        Case("sink", nil, ["properties.bootstrap.servers"], "23:5"),
        Case("join", "any", ["id"], "1"),
    ]

    @Test func `words are found in the block that is meant`() throws {
        let positions = try Self.positions()
        for wanted in Self.cases {
            let found = positions.position(of: wanted.words, in: wanted.section, named: wanted.name)
            let text = "\(found.line)" + (found.column.map { ":\($0)" } ?? "")
            #expect(text == wanted.expected, "\(wanted)")
        }
    }

    @Test func `a section may be a single block`() throws {
        let positions = try Self.positions("name: a\nsink: { type: kafka, topic: t }\n")
        #expect(positions.position(of: ["t"], in: "sink", named: nil) == Topology.Position(line: 2, column: 29))
        #expect(positions.position(of: ["t"], in: "source", named: nil) == Topology.Position(line: 1, column: nil))
    }

    @Test func `a message is shown at the name it holds`() throws {
        let positions = try Self.positions()
        #expect(positions.position(namedIn: "table shop.orders exists and differs").line == 16)
        #expect(positions.position(namedIn: "nothing it names") == Topology.Position(line: 1, column: nil))
    }

    @Test func `values of the command line have none`() throws {
        var reader = DocumentReader(environment: [:])
        let read = reader.read(Self.yaml)
        var root = try #require(read)
        reader.apply("sink.out.topic-prefix", "new.", to: &root)
        #expect(Topology.Positions(root).position(of: ["new."], in: "sink", named: "out").line == 0)
    }
}
