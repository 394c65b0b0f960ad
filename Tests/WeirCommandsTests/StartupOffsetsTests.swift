import Bytes
import EventLog
import Foundation
import Testing
import Topology
import WeirTesting

@testable import WeirCommands

/// Checks of `scan.startup.specific-offsets` by `weir check`.
@Suite struct StartupOffsetsTests {
    /// Partitions, each with its range of available offsets.
    private struct RangeLog: PartitionedLog {
        let ranges: [String: [Int: Range<Int64>]]

        func topics() -> [String] { ranges.keys.sorted() }
        func partitions(of topic: String) throws(WeirError) -> [Int] { (ranges[topic] ?? [:]).keys.sorted() }
        func offsets(topic: String, partition: Int) throws(WeirError) -> (earliest: Int64, end: Int64) {
            let range = ranges[topic]?[partition] ?? 0..<0
            return (range.lowerBound, range.upperBound)
        }
        func offset(topic: String, partition: Int, notBefore timestamp: Int64) throws(WeirError) -> Int64 { 0 }
        func reader(topic: String, partition: Int, from offset: Int64) throws(WeirError) -> any PartitionReader {
            throw WeirError(.notFound, "nothing is read")
        }
    }

    private static func yaml(_ offsets: String, _ more: String = "", pattern: String = "") -> String {
        """
        name: shop
        source:
          - name: s
            type: kafka
            topics: [orders]
            properties.bootstrap.servers: a:1
            format: debezium-json
            scan.startup.mode: specific-offsets
            scan.startup.specific-offsets: "\(offsets)"
            \(more)
            \(pattern)
        tables:
          - { name: shop.orders, columns: { id: long }, primary-key: [id] }
        sink: { type: mixed-iceberg }
        """
    }

    private static let log = RangeLog(ranges: ["orders": [0: 10..<20, 1: 0..<5, 2: 0..<0], "other": [0: 0..<1]])

    private func found(_ yaml: String, isNew: Bool = true) throws -> [String] {
        let (topology, problems) = Topology.check(yaml: yaml, overrides: [])
        let checked = try #require(topology, "\(problems)")
        let check = StartupOffsetsCheck(checked.sources[0], Self.log, isNew: isNew)
        return check.problems(Self.log.topics(), checked.positions).map(\.description)
    }

    @Test(arguments: ["partition:0,offset:10", "partition:0,offset:20", "partition:2,offset:0"])
    func `offsets that are there are taken`(_ offsets: String) throws {
        let rest = try #require(["0": "1, 2", "2": "0, 1"][String(offsets.dropFirst(10).prefix(1))])
        #expect(
            try found(Self.yaml(offsets)) == [
                "9:5: note: source 's': 'scan.startup.specific-offsets' leaves out partitions \(rest) of 'orders': begin at the "
                    + "earliest offset"
            ]
        )
        #expect(try found(Self.yaml("partition:0,offset:10;partition:1,offset:2;partition:2,offset:0")).isEmpty)
    }

    @Test(arguments: [
        (
            "partition:7,offset:0",
            "'scan.startup.specific-offsets' names partition 7 of topic 'orders', which is not there; its partitions are 0, 1, 2"
        ),
        (
            "partition:0,offset:9",
            "offset 9 of orders/0 lies before the first that is there, 10; write 10 or more, or scan.on-lost-offsets: earliest"
        ),
        ("partition:1,offset:6", "offset 6 of orders/1 lies beyond the end, 5; write 5 to begin there"),
    ])
    func `offsets that are not there are told`(_ offsets: String, _ message: String) throws {
        #expect(try found(Self.yaml(offsets)).first == "9:5: error: source 's': \(message)")
        // If every table has positions, these are used.
        #expect(try found(Self.yaml(offsets), isNew: false) == ["9:5: warning: source 's': \(message)"])
    }

    @Test func `lost offsets are passed over where the source says so`() throws {
        let found = try found(Self.yaml("partition:0,offset:9", "scan.on-lost-offsets: latest"))
        #expect(
            found.first
                == "9:5: warning: source 's': offset 9 of orders/0 lies before the first that is there, 10; reading "
                + "begins at the end, as scan.on-lost-offsets says"
        )
    }

    @Test func `topics that match are looked at as well`() throws {
        let offsets =
            "topic:orders,partition:0,offset:10;topic:orders,partition:1,offset:0;topic:orders,partition:2,"
            + "offset:0;topic:odd,partition:0,offset:0"
        #expect(
            try found(Self.yaml(offsets, pattern: "topic-pattern: o.*")) == [
                "9:5: note: source 's': 'scan.startup.specific-offsets' leaves out partition 0 of 'other': begins at the "
                    + "earliest offset",
                "9:5: warning: source 's': 'scan.startup.specific-offsets' names topic 'odd', which is not there; check its "
                    + "name; it may come later",
            ]
        )
    }

    @Test(.hangGuard, .enabled(if: KafkaBroker.isAvailable, "no Kafka broker is installed"))
    func `a broker is asked, unless it is to be left alone`() throws {
        try withTemporaryFolder { folder in
            let broker = try KafkaBroker(.noida, folder: folder + "/broker")
            try broker.create("orders", partitions: 2)
            let yaml = Self.yaml("partition:0,offset:7", pattern: "topic-pattern: ord.*")
                .replacing("partition:0", with: "topic:orders,partition:0").replacing("a:1", with: broker.address)
                .replacing("format:", with: "properties.receive.message.max.bytes: \"1000000000\"\n    format:")
            try yaml.write(toFile: folder + "/shop.yaml", atomically: true, encoding: .utf8)
            let weir = WeirBinary(folder: folder)
            let asked = try weir("check", "shop.yaml")
            #expect(asked.status == 3)
            #expect(
                asked.output.contains(
                    "shop.yaml:10:5: error: source 's': offset 7 of orders/0 lies beyond the end, 0\n"
                )
            )
            #expect(asked.output.contains("shop.yaml:10:5: note: source 's': "), "\(asked.output)")
            let offline = try weir("check", "shop.yaml", "--offline")
            #expect(offline.status == 0 && !offline.output.contains("orders/0 lies"), "\(offline.output)")
            #expect(!offline.output.contains("matching"))
            try yaml.replacing("offset:7", with: "offset:0")
                .write(toFile: folder + "/shop.yaml", atomically: true, encoding: .utf8)
            let right = try weir("check", "shop.yaml")
            #expect(right.status == 0 && right.output.contains("\n    matching now: orders\n"), "\(right.output)")
        }
    }
}
