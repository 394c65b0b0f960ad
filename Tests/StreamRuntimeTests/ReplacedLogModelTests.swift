import Bytes
import EventLog
import Foundation
import StreamRuntime
import Testing
import WeirTesting

/// A topic that is recreated repeatedly, read by a table, by a second table that is added and removed, and by a topic.
/// Each of them may crash, and processes share the source at some times. Every record read reaches each of them once.
@Suite struct ReplacedLogModelTests {
    private struct World {
        let fixture: IngestFixture
        var random: SeededGenerator
        let topic: MemoryTopic
        var nextId = 0
        /// The records that each has taken or still has to take: the table, the topic, and the second table.
        var all: [Int] = []
        var sent: [Int] = []
        var copied: [Int] = []
        /// The records of the current log.
        var present: [Int] = []
        /// Whether the second table is part of the topology, and whether it missed records.
        var hasCopy = true
        /// Whether processes share the source. Then each partition is claimed, and the topic's transactions
        /// differ.
        var isShared = false

        func text() -> String {
            let copy = hasCopy ? "  - { name: shop.copy, columns: { id: long } }\n" : ""
            let route = hasCopy ? "  - { source-table: shop.public.visits, sink-table: shop.copy }\n" : ""
            return """
                name: test
                pipeline: { commit.interval: 1h, commit.bytes: 1kb, materialize: off }
                source:
                  name: visits
                  type: file-log
                  topics: [visits]
                  format: debezium-json
                  scan.on-lost-offsets: earliest
                tables:
                  - { name: shop.visits, columns: { id: long } }
                \(copy)route:
                  - { source-table: shop.public.visits, sink-table: shop.visits }
                \(route)sink: { type: mixed-iceberg }
                """
        }

        mutating func append(_ count: Int) throws {
            let writer = FileLogWriter(try FileLog(root: fixture.logRoot))
            defer { writer.close() }
            let ids = Array(nextId..<nextId + count)
            nextId += count
            for id in ids {
                let value =
                    "{\"before\":null,\"after\":{\"id\":\(id)},\"op\":\"c\","
                    + "\"source\":{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"visits\"}}"
                try DebeziumHistory.append([.init(key: nil, value: value)], to: writer, topic: "visits")
            }
            (all, sent, present) = (all + ids, sent + ids, present + ids)
            if hasCopy { copied += ids }
        }

        /// Replaces the log. Unread records of the old log are lost.
        mutating func replace() throws {
            all = (try? fixture.ids("shop.visits")) ?? []
            copied = (try? fixture.ids("shop.copy")) ?? []
            sent = topicIds()
            try FileManager.default.removeItem(atPath: fixture.logRoot + "/visits")
            try FileLog(root: fixture.logRoot).createTopic("visits")
            present = []
        }

        mutating func toggleCopy() {
            hasCopy.toggle()
            // The topology returns to a log that it may have read in part.
            if hasCopy { copied += present.filter { !copied.contains($0) } }
        }

        func run(failAt step: Int? = nil) throws {
            let files = FaultyFileSystem(failAt: step)
            let catalog = try fixture.catalog(files: files)
            let plan = try IngestPlan.resolve(
                IngestFixture.topology(text()),
                catalog: catalog,
                nowMilliseconds: 1_700_000_000_000
            ) { (_) throws(WeirError) in try FileLog(root: fixture.logRoot) }
            let source = plan.sources[0]
            let shared = IngestPlan.Source(
                name: source.name,
                log: GroupedFileLog(try FileLog(root: fixture.logRoot)),
                topics: source.topics,
                includes: source.includes,
                onLostOffsets: source.onLostOffsets,
                group: "weir"
            )
            // If one source can be read by one process only, no source is shared.
            let alone = IngestPlan.Source(name: "alone", log: source.log, topics: ["idle"], includes: { $0 == "idle" })
            let mirrored = IngestPlan(
                topology: plan.topology,
                sources: isShared ? [shared] : [shared, alone],
                targets: plan.targets,
                topics: [topic.output(table: "shop.visits", sink: 0, schema: plan.targets[0].outputSchema)],
                route: plan.route,
                commitMilliseconds: plan.commitMilliseconds,
                commitBytes: plan.commitBytes
            )
            try IngestRun(mirrored, deadLetterPath: fixture.deadLetters, files: files).run(untilCaughtUp: true)
        }

        /// The ids in the topic; each occurs once.
        func topicIds() -> [Int] {
            topic.values.compactMap { value in
                Int(value.filter(\.isNumber))
            }.sorted()
        }
    }

    @Test(arguments: SeededGenerator.seeds(3))
    func `whatever is read goes everywhere once`(seed: UInt64) throws {
        try withTemporaryFolder { folder in
            var world = World(
                fixture: IngestFixture(folder: folder),
                random: SeededGenerator(seed: seed),
                topic: MemoryTopic(keepsLast: seed % 2 == 0)
            )
            for topic in ["visits", "idle"] { try FileLog(root: world.fixture.logRoot).createTopic(topic) }
            var replaced = 0
            for round in 0..<30 {
                switch world.random.next() % 6 {
                case 0:
                    try world.replace()
                    replaced += 1
                case 1: world.toggleCopy()
                case 2: world.isShared.toggle()
                default: break
                }
                try world.append(Int(world.random.next() % 25))
                for _ in 0..<Int(world.random.next() % 4) {
                    if world.random.next() % 8 == 0 {
                        try world.replace()
                        try world.append(Int(world.random.next() % 40))
                        replaced += 1
                    }
                    if world.random.next() % 3 == 0 { world.topic.fail(after: Int(world.random.next() % 3)) }
                    _ = try? world.run(failAt: Int(world.random.next() % 90))
                    world.topic.fail(after: -1)
                }
                try world.run()
                let hint = "seed \(seed), round \(round)"
                #expect(try world.fixture.ids("shop.visits") == world.all, "\(hint)")
                #expect(world.topicIds() == world.sent, "\(hint)")
                if world.hasCopy { #expect(try world.fixture.ids("shop.copy") == world.copied.sorted(), "\(hint)") }
            }
            print("replaced logs, seed \(seed): \(replaced) times, \(world.all.count) records")
        }
    }
}
