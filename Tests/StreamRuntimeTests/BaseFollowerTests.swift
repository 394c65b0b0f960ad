import Bytes
import EventLog
import Foundation
import IcebergFormat
import MixedTables
import StreamRuntime
import Synchronization
import Testing
import WeirTesting

/// Large engines read the base stores of two tables, of format version 2 and 3, while a run keeps changing them. One
/// process of the engine reads all rounds, since it takes long to start.
@Suite(
    .mostlyWaits,
    .serialized,
    .hangGuard,
    .enabled(if: Peers.Environment.soakPeers.isInstalled, "scripts/install-soak-peers has not run")
)
struct BaseFollowerTests {
    enum Engine: String, CaseIterable, CustomTestStringConvertible {
        case spark, clickhouse

        var testDescription: String { rawValue }
        /// Beside the one in which the engine starts.
        var rounds: Int { self == .spark ? 4 : 80 }
    }

    private static let topology = """
        name: test
        pipeline: { commit.interval: 30ms }
        source: { name: people, type: file-log, topics: [people], format: debezium-json }
        tables:
          - name: shop.two
            columns: { id: long, name: string }
            primary-key: [id]
            properties: { snapshot.keep.max-count: 3 }
          - name: shop.three
            columns: { id: long, name: string }
            primary-key: [id]
            properties: { format-version: 3, snapshot.keep.max-count: 3 }
        route:
          - { source-table: shop.public.people, sink-table: shop.two }
          - { source-table: shop.public.people, sink-table: shop.three }
        sink: { type: mixed-iceberg }
        """

    private static let tables = ["shop.two", "shop.three"]

    /// What an engine found in one round, or why it refused.
    private struct Answer {
        var rows: [String] = []
        var refusal: String?
    }

    private static func answers(_ output: String, rounds: Int) throws -> [String: [Answer]] {
        var found = Dictionary(uniqueKeysWithValues: tables.map { ($0, Array(repeating: Answer(), count: rounds)) })
        for line in output.split(separator: "\n") {
            let object = try #require(try JSONValue.parse(String(line)).asObject)
            guard let table = object["table"]?.asString else { continue }
            let round = Int(try object.long("round"))
            if let row = object["row"]?.asObject {
                found[table]?[round].rows.append(try PeopleStream.text(row))
            } else {
                found[table]?[round].refusal = try object.string("refused")
            }
        }
        return found
    }

    @Test(arguments: Engine.allCases)
    func `what they read is the table as of one commit, and newer each time`(engine: Engine) throws {
        try IngestFixture.withPeople { fixture, appender in
            let live = LiveRun(fixture, try fixture.plan(Self.topology))
            defer { live.run.stop() }
            // With files of some size, rows are deleted by their positions and files are not written again.
            var stream = PeopleStream(seed: 12)
            try DebeziumHistory.append(stream.settlers(1000..<2000), to: appender, topic: "people")
            let first = stream.rows
            for table in Self.tables {
                try live.wait("base of \(table)") { try fixture.baseContents(table) == first }
            }
            let rounds = engine.rounds
            let answer = Mutex<Result<String, any Error>?>(nil)
            Thread.detachNewThread {
                let arguments = [engine.rawValue, fixture.folder + "/catalog.db", String(rounds)] + Self.tables
                let result = Result { try Peers.run("follow_base.py", arguments, in: .soakPeers) }
                answer.withLock { $0 = result }
            }
            var deletes = [0, 0]
            while answer.withLock({ $0 == nil }) {
                try DebeziumHistory.append((0..<3).map { _ in stream.next() }, to: appender, topic: "people")
                Thread.sleep(forTimeInterval: 0.02)
                for (index, table) in Self.tables.enumerated() where stream.count % 30 == 0 && deletes[index] == 0 {
                    let summary = try fixture.table(table).base.currentSnapshot?.summary
                    deletes[index].formMax(Int(summary?["total-position-deletes"] ?? "") ?? 0)
                }
            }
            let output = try #require(answer.withLock { $0 }).get()
            for (table, answers) in try Self.answers(output, rounds: rounds) {
                var newest = 0
                var refused = 0
                for (round, found) in answers.enumerated() {
                    if let refusal = found.refusal {
                        // ClickHouse does not read deletion vectors, and says so.
                        let isKnown = engine == .clickhouse && table == "shop.three"
                        #expect(isKnown && refusal.contains("Position deletes are supported only"), "\(refusal)")
                        refused += 1
                        continue
                    }
                    let what = "\(engine), \(table), round \(round)"
                    let state = try #require(stream.change(of: found.rows.sorted(), notBefore: newest), "\(what)")
                    #expect(state >= newest, "\(what) went back to change \(state) of \(stream.count)")
                    newest = state
                }
                #expect(newest > 0 || refused > 0, "\(table): nothing of \(stream.count) changes was read")
                print("\(engine) beside a run: \(table), change \(newest) of \(stream.count), \(refused) refused")
            }
            #expect(deletes.allSatisfy { $0 > 0 }, "no row was deleted by its position: \(deletes)")
            let rows = stream.rows
            for table in Self.tables {
                try live.wait("base of \(table)") { try fixture.baseContents(table) == rows }
            }
            try live.stop()
        }
    }
}

extension Int {
    fileprivate mutating func formMax(_ other: Int) { self = Swift.max(self, other) }
}
