import Bytes
import Columnar
import EventLog
import Foundation
import IcebergFormat
import MixedTables
import ObjectStorage
import StreamRuntime
import Testing
import WeirTesting

/// A stream of visits joined with the people they refer to.
@Suite struct JoinTests {
    private struct Joined: Equatable {
        var note: String
        var person: Int?
        var name: String?
        var country: String?
    }

    private static func topology(_ type: String) -> String {
        """
        name: test
        pipeline: { commit.interval: 1h, commit.bytes: 1kb, materialize: off }
        source: { name: all, type: file-log, topics: [people, visits], format: debezium-json }
        tables:
          - name: shop.people
            columns: { id: long, name: string, amount: "decimal(12,2)", country: string }
            primary-key: [id]
          - name: shop.visits
            columns: { id: long, person: long, note: string }
            primary-key: [id]
        route: [{ source-table: shop.public.(.*), sink-table: shop.$1 }]
        join:
          - name: shop.visitors
            from: shop.visits
            lookup: shop.people
            as: p
            on: person = p.id
            type: \(type)
            select: "visits.id, note, person, p.name AS who, p.country"
            primary-key: [id]
        sink: { type: mixed-iceberg }
        """
    }

    private static func visitors(_ fixture: IngestFixture) throws -> [Int: Joined] {
        var rows: [Int: Joined] = [:]
        try MergeOnReadScan(fixture.table("shop.visitors")).forEachInOrder { (batch) throws(WeirError) in
            for row in 0..<batch.count {
                let values = batch.columns.map { $0.scalar(row) }
                func text(_ index: Int) -> String? {
                    if case .string(let text) = values[index] { text } else { nil }
                }
                guard case .long(let id) = values[0], let note = text(1) else { continue }
                var joined = Joined(note: note, name: text(3), country: text(4))
                if case .long(let person) = values[2] { joined.person = Int(person) }
                if rows.updateValue(joined, forKey: Int(id)) != nil {
                    throw WeirError(.corrupt, "\(id) is there twice")
                }
            }
            return true
        }
        return rows
    }

    /// The expected joined table after events that all saw the same people.
    private static func apply(
        _ events: ArraySlice<(id: Int, visit: VisitHistory.Visit?)>,
        _ people: [Int: DebeziumHistory.Row],
        isInner: Bool,
        to rows: inout [Int: Joined]
    ) {
        for (id, visit) in events {
            guard let visit else {
                rows[id] = nil
                continue
            }
            let match = visit.person.flatMap { people[$0] }
            if isInner, match == nil {
                rows[id] = nil
            } else {
                rows[id] = Joined(note: visit.note, person: visit.person, name: match?.name, country: match?.country)
            }
        }
    }

    @Test(arguments: SeededGenerator.seeds(2), ["left", "inner"])
    func `joined rows show the dimension as it was committed before they came`(seed: UInt64, type: String) throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("people")
            try log.createTopic("visits")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            var people = DebeziumHistory(seed: seed, keySpace: 20)
            // Ids 20 to 24 never exist.
            var visits = VisitHistory(seed: seed &+ 1, peopleMax: 25)
            var expected: [Int: Joined] = [:]
            for round in 0..<3 {
                let firstPerson = people.records.count
                people.extend(60)
                try people.append(firstPerson..<people.records.count, to: writer, topic: "people")
                try fixture.run(Self.topology(type))
                #expect(try Self.visitors(fixture) == expected, "the dimension alone changes nothing, seed \(seed)")
                let firstVisit = visits.records.count
                visits.extend(120)
                let new = Array(visits.records[firstVisit...])
                try DebeziumHistory.append(new, to: writer, topic: "visits")
                try fixture.run(Self.topology(type))
                Self.apply(visits.events[firstVisit...], people.rows, isInner: type == "inner", to: &expected)
                #expect(try Self.visitors(fixture) == expected, "\(type), round \(round), seed \(seed)")
                #expect(try fixture.people() == people.rows, "round \(round), seed \(seed)")
            }
            #expect(!expected.isEmpty)
            if type == "left" { #expect(expected.count == visits.rows.count) }
        }
    }

    @Test func `a crash at any step of a topology with a join loses nothing and doubles nothing`() throws {
        var people = DebeziumHistory(seed: 3, keySpace: 6)
        people.extend(20)
        var visits = VisitHistory(seed: 4, peopleMax: 8)
        visits.extend(50)
        var expected: [Int: Joined] = [:]
        Self.apply(visits.events[...], people.rows, isInner: true, to: &expected)
        func prepare(_ folder: String) throws -> IngestFixture {
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("people")
            try log.createTopic("visits")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            try people.append(0..<people.records.count, to: writer, topic: "people")
            try fixture.run(Self.topology("inner"))
            try DebeziumHistory.append(visits.records, to: writer, topic: "visits")
            return fixture
        }
        let total = try withTemporaryFolder { folder in
            let files = FaultyFileSystem()
            try prepare(folder).run(Self.topology("inner"), files: files)
            return files.steps
        }
        #expect(total > 30)
        for step in stride(from: 0, to: total, by: Soak.stride(5)) {
            try withTemporaryFolder { folder in
                let fixture = try prepare(folder)
                let files = FaultyFileSystem(failAt: step)
                let failed = (try? fixture.run(Self.topology("inner"), files: files)) == nil
                if failed && step % 2 == 0 { files.loseUnsynced() }
                try fixture.run(Self.topology("inner"))
                #expect(try Self.visitors(fixture) == expected, "after a crash at step \(step) of \(total)")
                let table = try fixture.table("shop.visits")
                #expect(try MergeOnReadScan(table).count() == visits.rows.count, "after a crash at step \(step)")
                let changes = try ChangeLogScan(fixture.table("shop.visitors"), after: 0).replayedCount()
                #expect(changes == expected.count, "after a crash at step \(step) of \(total)")
            }
        }
        print("crash sweep of a join: \(total) steps")
    }

    @Test func `a table without a key keeps every insert and sets updates and deletes aside`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("people")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            let text = IngestFixture.people.replacingOccurrences(of: "    primary-key: [id]\n", with: "")
            var history = DebeziumHistory(seed: 21)
            var start = 0
            for _ in 0..<2 {
                history.extend(150)
                try history.append(start..<history.records.count, to: writer, topic: "people")
                start = history.records.count
                try fixture.run(text)
            }
            var inserted: [String] = []
            var refused = 0
            for record in history.records {
                guard let value = record.value, let object = try? JSONValue.parse(value).asObject,
                    let operation = object["op"]?.asString, let source = object["source"]?.asObject,
                    source["ts_ms"] != nil
                else { continue }
                if operation == "c" || operation == "r" {
                    inserted.append(object["after"]?.text ?? "")
                } else {
                    refused += 1
                }
            }
            let table = try fixture.table("shop.people")
            #expect(!table.isKeyed)
            let comparable = ComparableRows(table.schema)
            var rows: [String] = []
            try ChangeLogScan(table, after: 0).forEach { (batch) throws(WeirError) in
                rows += (try? comparable.texts(batch.rows)) ?? []
                return true
            }
            let expected = try inserted.map { comparable.text(try JSONValue.parse($0)) }
            #expect(rows == expected, "\(ComparableRows.difference(rows, expected))")
            #expect(try MergeOnReadScan(table).count() == inserted.count)
            let letters = try String(contentsOfFile: fixture.deadLetters, encoding: .utf8).split(separator: "\n")
            #expect(letters.count == refused + history.poisoned)
            #expect(letters.count { $0.contains("the table has no primary key") } == refused)
        }
    }
}

extension ChangeLogScan {
    /// The number of keys left after the inserts and deletes of the whole log.
    fileprivate func replayedCount() throws -> Int {
        var count = 0
        try forEach { (batch) throws(WeirError) in
            for row in 0..<batch.count {
                switch batch.kind(row) {
                case .insert: count += 1
                case .delete: count -= 1
                case .updateBefore, .updateAfter: continue
                }
            }
            return true
        }
        return count
    }
}
