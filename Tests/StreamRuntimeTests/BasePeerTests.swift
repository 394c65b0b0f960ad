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
    private static func rows(_ output: String, of engine: String) throws -> [String] {
        var rows: [String] = []
        for line in output.split(separator: "\n") {
            let object = try #require(try JSONValue.parse(String(line)).asObject)
            guard try object.string("engine") == engine else { continue }
            let row = try #require(object["row"]?.asObject, "\(line)")
            rows.append(try PeopleStream.text(row))
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
            var stream = PeopleStream(seed: 11)
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
                    let before = newest[engine] ?? 0
                    let state = try #require(
                        stream.change(of: found, notBefore: before),
                        "\(engine), round \(round): \(found)"
                    )
                    #expect(state >= before, "\(engine) went back to change \(state) of \(stream.count)")
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
