import Testing

@testable import Topology

/// Where in the file something is written that is found to be wrong later.
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
        return Topology.Positions(try #require(reader.read(yaml)))
    }

    @Test(arguments: [
        ("source", "first", ["shop.public.orders"], "5:14"), ("source", "second", ["shop.public.payments"], "9:9"),
        // Of another source, and in a comment.
        ("source", "second", ["shop.public.orders"], "7:5"),
        ("source", "second", ["properties.bootstrap.servers"], "12:5"), ("source", "second", ["shop.secret"], "7:5"),
        ("source", "second", ["nothing"], "7:5"), ("source", "third", ["nothing"], "2:1"),
        ("tables", "shop.orders", ["total"], "17:26"), ("tables", "shop.orders_old", ["id"], "15:41"),
        ("sink", "out", ["cdc.shop.orders", "cdc."], "22:19"),
        ("sink", nil, ["properties.bootstrap.servers"], "23:5"), ("join", "any", ["id"], "1"),
    ])
    func `words are found in the block that is meant`(
        section: String,
        name: String?,
        words: [String],
        expected: String
    ) throws {
        let found = try Self.positions().position(of: words, in: section, named: name)
        #expect("\(found.line)" + (found.column.map { ":\($0)" } ?? "") == expected)
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
        var root = try #require(reader.read(Self.yaml))
        reader.apply("sink.out.topic-prefix", "new.", to: &root)
        #expect(Topology.Positions(root).position(of: ["new."], in: "sink", named: "out").line == 0)
    }
}
