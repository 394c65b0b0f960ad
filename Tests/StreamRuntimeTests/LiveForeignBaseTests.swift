import Bytes
import EventLog
import Foundation
import MixedTables
import StreamRuntime
import Testing
import WeirTesting

/// A long-lived run while another engine adds rows to the base store of its table and removes them.
@Suite struct LiveForeignBaseTests {
    private static let topology = IngestFixture.people.replacingOccurrences(
        of: "commit.interval: 1h, commit.bytes: 1kb",
        with: "commit.interval: 20ms"
    )

    private static func record(_ id: Int, _ row: DebeziumHistory.Row?) -> DebeziumHistory.Record {
        let value = """
            {"before":null,"after":\(DebeziumHistory.json(id, row)),"source":{"db":"shop","schema":"public",\
            "table":"people","ts_ms":1},"op":"\(row == nil ? "d" : "c")","ts_ms":2}
            """
        let before =
            row == nil ? value.replacingOccurrences(of: "\"before\":null", with: "\"before\":{\"id\":\(id)}") : value
        return DebeziumHistory.Record(key: "{\"id\":\(id)}", value: before)
    }

    @Test(.hangGuard, arguments: SeededGenerator.seeds(2))
    func `every key has one row at every quiet moment`(seed: UInt64) throws {
        try IngestFixture.withPeople { fixture, appender in
            let run = try LiveRun(fixture, fixture.plan(Self.topology))
            defer { run.run.stop() }

            var history = DebeziumHistory(seed: seed)
            var random = SeededGenerator(seed: seed ^ 0xba5e)
            var other = OtherEngine(fixture)
            // Rows with the ids that the other engine starts with, and the markers of idle periods.
            var rows: [Int: DebeziumHistory.Row] = [:]
            func row(_ name: String) -> DebeziumHistory.Row {
                DebeziumHistory.Row(name: name, amountCents: 100, country: nil)
            }
            var appended = 0
            func burst(_ count: Int) throws {
                history.extend(count)
                try history.append(appended..<history.records.count, to: appender, topic: "people")
                appended = history.records.count
            }
            func tell(_ changes: [(id: Int, row: DebeziumHistory.Row?)]) throws {
                for change in changes { rows[change.id] = change.row }
                try DebeziumHistory.append(
                    changes.map { Self.record($0.id, $0.row) },
                    to: appender,
                    topic: "people"
                )
            }
            for round in 0..<8 {
                let ids = (0..<4).map { 1000 + round * 10 + $0 }
                for _ in 0..<2 {
                    try burst(10)
                    Thread.sleep(forTimeInterval: Double(random.next() % 40) / 1000)
                }
                try other.append(ids, name: "other")
                rows[ids[3]] = row("other")
                // The stream changes the same keys, either at once or after the run was idle for a while.
                if random.next() % 2 == 0 { Thread.sleep(forTimeInterval: 0.06) }
                try tell([(ids[0], row("inserted")), (ids[1], row("updated")), (ids[2], nil)])
                if round % 3 == 2, let gone = try other.remove() {
                    // The stream's rows with other keys stay.
                    if rows[gone[3]]?.name == "other" { rows[gone[3]] = nil }
                    if random.next() % 2 == 0 { try tell([(gone[3], row("again"))]) }
                }
                try burst(10)
                try tell([(5000 + round, row("mark"))])
                var found: [Int: DebeziumHistory.Row] = [:]
                try run.wait("the mark of round \(round), seed \(seed)") {
                    found = try fixture.people()
                    return found[5000 + round] != nil
                }
                #expect(found == history.rows.merging(rows) { $1 }, "seed \(seed), round \(round)")
            }
            try run.stop()
            #expect(try fixture.people() == history.rows.merging(rows) { $1 }, "seed \(seed), at the end")
        }
    }
}
