import Bytes
import ChangeEvents
import EventLog
import Foundation
import MixedTables
import StreamRuntime
import Testing
import WeirTesting

/// A warehouse, a file log and the members of one topology, each a run on a thread of this process.
final class LiveTopology {
    private static let text = """
        name: live
        pipeline: { commit.interval: 20ms }
        source: { name: all, type: file-log, topics: [people, visits], format: debezium-json }
        tables:
          - name: shop.people
            columns: { id: long, name: string }
            primary-key: [id]
          - name: shop.visits
            columns: { id: long, person: long }
            primary-key: [id]
        route: [{ source-table: shop.public.(.*), sink-table: shop.$1 }]
        join:
          - name: shop.visitors
            from: shop.visits
            lookup: shop.people
            as: p
            on: person = p.id
            type: left
            select: "visits.id, person, p.name AS who"
            primary-key: [id]
        sink: { type: mixed-iceberg }
        """
    private static let partitions = 3
    private static let membersMax = 3

    let fixture: IngestFixture
    private let writer: FileLogWriter
    private let fileLog: FileLog
    private let group: GroupedFileLog
    private var members: [LiveRun] = []
    private let time = SkippingClock()
    private var other: OtherEngine
    private var started = 0
    private var refused = 0

    init(folder: String) throws {
        fixture = IngestFixture(folder: folder)
        fileLog = try FileLog(root: fixture.logRoot)
        for topic in ["people", "visits"] { try fileLog.createTopic(topic, partitions: Self.partitions) }
        writer = FileLogWriter(fileLog)
        group = GroupedFileLog(fileLog)
        other = OtherEngine(fixture)
    }

    // MARK: - Members

    /// Starts one more member, up to a limit.
    func start() throws {
        guard members.count < Self.membersMax else { return }
        started += 1
        let plan = try fixture.plan(Self.text)
        // Some find the key indexes of members that were stopped, and some those of members that still run.
        let stateFolder = "\(fixture.folder)/keys/\(started % 4)"
        members.append(
            LiveRun(fixture, plan, member: started, of: group, stateFolder: stateFolder, clock: time.clock)
        )
    }

    /// Stops one member in order, except the last one.
    func stopOne(_ pick: Int) throws {
        guard members.count > 1 else { return }
        try end(members.remove(at: pick % members.count))
    }

    /// Stops all members and returns the number of refused commits.
    func stop() throws -> Int {
        while let member = members.popLast() { try end(member) }
        return refused
    }

    /// Stops everything, whatever the state.
    func abandon() {
        for member in members { member.run.stop() }
        writer.close()
    }

    private func end(_ member: LiveRun) throws {
        if let failure = member.end() { throw failure }
        refused += member.run.progress.fenced
    }

    /// Simulates a machine that was suspended for an hour.
    func suspend() { time.skip(.seconds(3600)) }

    /// Removes some members from the group without notifying them. Returns how many.
    func stall(_ parity: Int) -> Int { members.count > 1 ? group.stall { $0 % 2 == parity } : 0 }

    func wake() { group.wake() }

    // MARK: - What comes from outside

    func append(_ records: [DebeziumHistory.Record], to topic: String) throws {
        for record in records {
            var key = record.key ?? ""
            var value = record.value ?? ""
            var builder = RecordBatchBuilder()
            let partition = try key.withUTF8 { key in
                try value.withUTF8 { value in
                    try builder.append(
                        key: UnsafeRawBufferPointer(key),
                        value: UnsafeRawBufferPointer(value),
                        timestamp: 1_700_000_000_000
                    )
                }
                return KeyPartitioner.partition(of: UnsafeRawBufferPointer(key), count: Self.partitions)
            }
            _ = try writer.append(topic: topic, partition: partition, records: builder.finish())
        }
    }

    /// Merges a table's changes into base like another process; yields to a faster writer.
    func optimize(_ name: String) throws {
        do {
            _ = try FullOptimize(fixture.table(name), nowMilliseconds: 1_700_000_000_000).run()
        } catch let error as WeirError where error.code == .conflict {
            return
        }
    }

    /// Appends a row to the base store like an engine that does not know change stores.
    func appendToBase(_ person: (id: Int, name: String)) throws { try other.append([person.id], name: person.name) }

    // MARK: - What is there

    func people() throws -> [Int: String] { try fixture.contents("shop.people") }

    /// Waits for a state that must be reached.
    func waits(until holds: () throws -> Bool) throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(60)
        while try !holds() {
            if ContinuousClock.now > deadline || members.contains(where: \.isOver) { return false }
            Thread.sleep(forTimeInterval: 0.01)
        }
        return true
    }

    /// Waits until everything is committed and compares. Returns nil when all tables are as expected.
    func settle(_ oracle: LiveOracle) throws -> String? {
        let isRead = try waits(until: isCaughtUp)
        if !isRead {
            let failures = members.filter(\.isOver).compactMap { $0.end()?.description }
            return "records are not committed after a minute; \(failures.joined(separator: "; "))"
        }
        if let difference = try difference(oracle) { return difference }
        // What other engines read follows by itself.
        let isInBase = try waits { try fixture.baseContents("shop.people") == oracle.people }
        return isInBase ? nil : "people in base: \(try fixture.baseContents("shop.people")), not \(oracle.people)"
    }

    func difference(_ oracle: LiveOracle) throws -> String? {
        let people = try people()
        if let unlike = Self.unlike(people, oracle.people, { $0 == oracle.people[$1] }) { return "people: \(unlike)" }
        return Self.unlike(try visitors(), oracle.visits, oracle.allows).map { "visitors: \($0)" }
    }

    private static func unlike<Value>(
        _ found: [Int: Value],
        _ wanted: [Int: Value],
        _ isAllowed: (Value?, Int) -> Bool
    ) -> String? {
        let ids = Set(found.keys).union(wanted.keys).sorted().filter { !isAllowed(found[$0], $0) }
        if ids.isEmpty { return nil }
        return ids.prefix(4).map { id in
            "\(id) is \(found[id].map { "\($0)" } ?? "missing"), not \(wanted[id].map { "\($0)" } ?? "there")"
        }.joined(separator: "; ") + (ids.count > 4 ? " and \(ids.count - 4) more" : "")
    }

    private func visitors() throws -> [Int: LiveOracle.Joined] {
        var rows: [Int: LiveOracle.Joined] = [:]
        try MergeOnReadScan(fixture.table("shop.visitors")).forEachInOrder { (batch) throws(WeirError) in
            for row in 0..<batch.count {
                guard case .long(let id) = batch.columns[0].scalar(row),
                    case .long(let person) = batch.columns[1].scalar(row)
                else { throw WeirError(.corrupt, "a visitor without id or person") }
                var joined = LiveOracle.Joined(person: Int(person))
                if case .string(let name) = batch.columns[2].scalar(row) { joined.name = name }
                if rows.updateValue(joined, forKey: Int(id)) != nil {
                    throw WeirError(.corrupt, "\(id) is there twice")
                }
            }
            return true
        }
        return rows
    }

    private func isCaughtUp() throws -> Bool {
        for (topic, tables) in [("people", ["shop.people"]), ("visits", ["shop.visits", "shop.visitors"])] {
            for name in tables {
                let ledger = try fixture.table(name).ledger(topology: "live")
                for number in 0..<Self.partitions {
                    let end = try fileLog.offsets(topic: topic, partition: number).end
                    if ledger.next(topic: topic, partition: number) ?? 0 < end { return false }
                }
            }
        }
        return true
    }
}
