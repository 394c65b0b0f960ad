import Bytes
import EventLog
import Foundation
import MixedTables
import StreamRuntime
import Testing
import WeirTesting

/// When changes reach each stage on their way into a table, as its commits say.
@Suite struct FreshnessTests {
    private static let topology = """
        name: test
        pipeline: { commit.interval: 30ms }
        source: { name: s, type: file-log, topics: [people], format: debezium-json }
        tables: [{ name: shop.people, columns: { id: long, name: string }, primary-key: [id] }]
        route: [{ source-table: shop.public.(.*), sink-table: shop.$1 }]
        sink: { type: mixed-iceberg }
        """

    private static func append(_ ids: Range<Int>, at time: Int64, to appender: FileLogWriter) throws {
        var builder = RecordBatchBuilder()
        for id in ids {
            let text =
                #"{"op":"c","after":{"id":\#(id),"name":"n\#(id)"},"source":{"db":"shop","schema":"public","table":"people"}}"#
            try Array("{\"id\":\(id)}".utf8).withUnsafeBytes { key in
                try Array(text.utf8).withUnsafeBytes { try builder.append(key: key, value: $0, timestamp: time) }
            }
        }
        _ = try appender.append(topic: "people", partition: 0, records: builder.finish())
    }

    @Test(.hangGuard) func `commits tell when their changes reached each stage, in bursts and after pauses`() throws {
        try IngestFixture.withPeople { fixture, appender in
            let began = Int64(Date().timeIntervalSince1970 * 1000)
            let live = LiveRun(fixture, try fixture.plan(Self.topology))
            defer { live.run.stop() }
            let source = began - 5000
            for round in 0..<4 {
                for burst in 0..<5 {
                    let first = round * 50 + burst * 10
                    try Self.append(first..<first + 10, at: source + Int64(round), to: appender)
                }
                try live.wait("the rows of round \(round)") {
                    try fixture.contents("shop.people").count == round * 50 + 50
                }
                try live.wait("base of round \(round)") {
                    let freshness = try Freshness(fixture.table("shop.people"))
                    return freshness.backlog == Freshness.Backlog(commits: 0, oldest: nil)
                }
                // An idle pause.
                Thread.sleep(forTimeInterval: 0.1)
            }
            let now = Int64(Date().timeIntervalSince1970 * 1000)
            let freshness = try Freshness(fixture.table("shop.people"), commitsMax: 1000)
            #expect(freshness.commits.count >= 4)
            for commit in freshness.commits {
                let times = try #require(commit.times)
                let from = try #require(times.source)
                #expect(from >= source && from < source + 4)
                let order = [began, times.read, times.decoded, times.cut, commit.committed, commit.inBase ?? 0, now]
                #expect(order == order.sorted(), "\(order)")
                #expect(commit.visibleAfter == commit.committed - from)
                #expect(commit.durations.count == FreshnessStage.allCases.count)
            }
            #expect(freshness.medians[.read] ?? 0 >= 5000 - 4)
            #expect(live.run.state.visibleAfter ?? 0 >= 5000 - 4)
            try live.stop()
            #expect(try fixture.table("shop.people").topologies == ["test"])
        }
    }

    @Test(.hangGuard) func `commits that base lacks are counted, and records without a time have none`() throws {
        try IngestFixture.withPeople { fixture, appender in
            let text = Self.topology.replacing("30ms }", with: "30ms, materialize: off }")
            try Self.append(0..<5, at: -1, to: appender)
            try fixture.run(text)
            try Self.append(5..<9, at: -1, to: appender)
            try fixture.run(text)
            let table = try fixture.table("shop.people")
            let freshness = try Freshness(table)
            #expect(freshness.commits.count == 2)
            #expect(freshness.commits.allSatisfy { $0.inBase == nil && $0.times != nil && $0.times?.source == nil })
            #expect(freshness.commits.allSatisfy { $0.visibleAfter == nil && $0.durations[.read] == nil })
            #expect(freshness.backlog?.commits == 2)
            #expect(freshness.backlog?.oldest == freshness.commits.first?.committed)
        }
    }
}
