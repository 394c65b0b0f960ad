import Bytes
import EventLog
import Foundation
import IcebergFormat
import StreamRuntime
import Synchronization
import Testing
import WeirTesting

/// Other engines read base while a run keeps changing it.
@Suite(.enabled(if: Peers.shouldRun, "scripts/install-test-peers has not run")) struct BasePeerTests {
    /// Changes of fifty rows, and the rows after each of them.
    private struct Stream {
        private(set) var rows: [Int: String] = [:]
        /// Rows as texts → how many changes led to them, the first time.
        private(set) var states: [[String]: Int] = [[]: 0]
        private var random = SeededGenerator(seed: 11)
        private(set) var count = 0

        mutating func next() -> DebeziumHistory.Record {
            let id = Int(random.next() % 50)
            let old = rows[id]
            count += 1
            rows[id] = random.next() % 4 == 0 ? nil : "n\(count)"
            let texts = rows.map { BasePeerTests.text($0.key, $0.value) }.sorted()
            if states[texts] == nil { states[texts] = count }
            let image = { (name: String?) in name.map { "{\"id\":\(id),\"name\":\"\($0)\"}" } ?? "null" }
            let operation = rows[id] == nil ? "d" : old == nil ? "c" : "u"
            return DebeziumHistory.Record(
                key: "{\"id\":\(id)}",
                value: """
                    {"before":\(rows[id] == nil ? "{\"id\":\(id)}" : image(old)),"after":\(image(rows[id])),\
                    "source":{"db":"shop","schema":"public","table":"people"},"op":"\(operation)"}
                    """
            )
        }
    }

    private static func text(_ id: Int, _ name: String) -> String { "\(id)=\(name)" }

    private static func rows(_ output: String, of engine: String) throws -> [String] {
        var rows: [String] = []
        for line in output.split(separator: "\n") {
            let object = try #require(try JSONValue.parse(String(line)).asObject)
            guard try object.string("engine") == engine else { continue }
            let row = try #require(object["row"]?.asObject, "\(line)")
            rows.append(text(Int(try row.long("id")), try row.string("name")))
        }
        return rows.sorted()
    }

    /// Version 2 with position deletes, and version 3 with deletion vectors.
    @Test(.hangGuard, arguments: [2, 3])
    func `what they read is the table as of one commit, and newer each time`(formatVersion: Int) throws {
        try IngestFixture.withPeople { fixture, appender in
            let text = IngestFixture.people.replacingOccurrences(
                of: "commit.interval: 1h, commit.bytes: 1kb, materialize: off",
                with: "commit.interval: 30ms"
            ).replacingOccurrences(
                // A snapshot that is read expires meanwhile.
                of: "primary-key: [id]",
                with: """
                    primary-key: [id]
                        properties: { format-version: \(formatVersion), snapshot.keep.max-count: 3 }
                    """
            )
            let live = LiveRun(fixture, try fixture.plan(text))
            defer { live.run.stop() }
            var stream = Stream()
            var newest = ["pyiceberg": 0, "duckdb": 0]
            for round in 0..<3 {
                let answer = Mutex<Result<String, any Error>?>(nil)
                Thread.detachNewThread {
                    let result = Result {
                        try Peers.run(
                            "engine_rows.py",
                            [fixture.folder + "/catalog.db", fixture.folder, "shop.people"]
                        )
                    }
                    answer.withLock { $0 = result }
                }
                while answer.withLock({ $0 == nil }) {
                    try DebeziumHistory.append((0..<7).map { _ in stream.next() }, to: appender, topic: "people")
                    Thread.sleep(forTimeInterval: 0.01)
                }
                let output = try #require(answer.withLock { $0 }).get()
                for engine in newest.keys {
                    let found = try Self.rows(output, of: engine)
                    let state = try #require(stream.states[found], "\(engine), round \(round): \(found)")
                    #expect(state >= newest[engine] ?? 0, "\(engine) went back to change \(state) of \(stream.count)")
                    newest[engine] = state
                }
            }
            #expect(newest.values.allSatisfy { $0 > 0 }, "\(newest) of \(stream.count) changes")
            let rows = stream.rows
            try live.wait("base to have everything") { try fixture.baseContents("shop.people") == rows }
            try live.stop()
            print(
                "other engines beside a run: \(live.run.progress.commits) commits, \(newest) of \(stream.count) changes"
            )
        }
    }
}
