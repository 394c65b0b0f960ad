import Bytes
import ChangeEvents
import Columnar
import EventLog
import Foundation
import IcebergTables
import MixedTables
import StreamRuntime
import Testing
import WeirTesting

/// A warehouse, a file log and the members of one topology, each a run on a thread of this process.
final class LiveTopology {
    private static let text = """
        name: live
        pipeline: { commit.interval: 30ms }
        source: { name: all, type: file-log, topics: [people, visits], format: debezium-json }
        tables:
          - name: shop.people
            columns: { id: long, name: string }
            primary-key: [id]
            properties: { snapshot.keep.max-count: 4 }
          - name: shop.guests
            columns: { id: long, name: string }
            primary-key: [id]
            properties: { format-version: 3, snapshot.keep.max-count: 3, base.refresh-interval: 100 }
          - name: shop.visits
            columns: { id: long, person: long }
            primary-key: [id]
            properties: { snapshot.keep.duration: 1min, snapshot.keep.min-count: 2 }
          - name: shop.visit_log
            columns: { id: long, person: long }
            properties: { snapshot.keep.max-count: 5 }
        route:
          - { source-table: shop.public.(.*), sink-table: shop.$1 }
          - { source-table: shop.public.people, sink-table: shop.guests }
          - { source-table: shop.public.visits, sink-table: shop.visit_log }
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
    private var members: [LiveMember] = []
    private let time = SkippingClock()
    private var other: OtherEngine
    private var otherOfGuests: OtherEngine
    private let outside: BaseSession?
    private var started = 0
    private var refused = 0
    /// Members that met a failure of their storage and were replaced.
    private(set) var failures = 0
    private(set) var readsFromOutside = 0
    /// A reader of the changes of people.
    private var follower: (position: ChangePosition, rows: [Int: String]) = (.beginning, [:])

    init(folder: String) throws {
        fixture = IngestFixture(folder: folder)
        fileLog = try FileLog(root: fixture.logRoot)
        for topic in ["people", "visits"] { try fileLog.createTopic(topic, partitions: Self.partitions) }
        writer = FileLogWriter(fileLog)
        group = GroupedFileLog(fileLog)
        other = OtherEngine(fixture)
        otherOfGuests = OtherEngine(fixture, table: "shop.guests")
        outside = Peers.shouldRun ? try BaseSession() : nil
    }

    // MARK: - Members

    /// Starts one more member, up to a limit.
    func start() throws {
        guard members.count < Self.membersMax else { return }
        started += 1
        let files = FaultyFileSystem()
        let time = time
        let system = TransactionClock.system
        let clock = TransactionClock(
            nowMs: { time.wallMilliseconds },
            elapsedMs: system.elapsedMs,
            sleep: system.sleep,
            random: system.random
        )
        let plan = try fixture.plan(Self.text, files: files, clock: clock)
        let live = LiveRun(
            fixture,
            plan,
            member: started,
            of: group,
            // Some find the key indexes of members that were stopped, and some those of members that still run.
            stateFolder: "\(fixture.folder)/keys/\(started % 4)",
            files: files,
            clock: time.clock,
            nowMilliseconds: { time.wallMilliseconds }
        )
        members.append(LiveMember(live: live, files: files))
    }

    /// The storage of one member fails soon.
    func fail(_ pick: Int, after steps: Int, _ fault: FaultyFileSystem.Fault) {
        guard !members.isEmpty else { return }
        members[pick % members.count].files.fail(after: steps, fault)
    }

    /// Replaces members that a failure of their storage has ended. Fails when one has ended otherwise.
    private func replaceFailed() throws {
        for index in members.indices.reversed() where members[index].isOver {
            guard members[index].files.hasFailed else { throw members[index].live.end() ?? Self.endedByItself }
            try end(members.remove(at: index))
            failures += 1
            try start()
        }
    }

    private static let endedByItself = WeirError(.invalid, "a member has ended by itself")

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
        for member in members { member.live.run.stop() }
        writer.close()
    }

    private func end(_ member: LiveMember) throws {
        try member.end()
        refused += member.live.run.progress.fenced
    }

    /// Simulates a machine that was suspended for an hour.
    func suspend() { time.skip(.seconds(3600)) }

    /// The wall clock of the members' machine is set, forward or back.
    func setWall(byMinutes minutes: Int) { time.setWall(by: Int64(minutes) * 60_000) }

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

    func appendGuests(_ ids: [Int], name: String) throws { try otherOfGuests.append(ids, name: name) }

    /// Removes the oldest file of guests that the other engine has added; nil when it is not there any more.
    func removeGuests() throws -> [Int]? { try otherOfGuests.remove() }

    /// The other engine writes the base store of people again.
    func compact() throws { _ = try other.compact() }

    /// PyIceberg appends a person and deletes another one, if it is installed.
    func changeFromOutside(adding person: (id: Int, name: String), deleting id: Int) throws {
        try outside?.append([(Int64(person.id), person.name)], to: "shop.people", in: fixture.folder)
        try outside?.delete([Int64(id)], from: "shop.people", in: fixture.folder)
    }

    var hasOutside: Bool { outside != nil }

    // MARK: - What is there

    func people() throws -> [Int: String] { try fixture.contents("shop.people") }

    /// Waits for a state that must be reached.
    func waits(until holds: () throws -> Bool) throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(60)
        while try !holds() {
            if ContinuousClock.now > deadline { return false }
            try replaceFailed()
            Thread.sleep(forTimeInterval: 0.01)
        }
        return true
    }

    /// Waits until everything is committed and in base, and compares what each reader sees. Returns nil when all is as
    /// expected.
    func settle(_ oracle: LiveOracle) throws -> String? {
        guard try waits(until: isCaughtUp) else { return "records are not committed after a minute" }
        if let difference = try difference(oracle) { return difference }
        // What other engines read follows by itself.
        for (name, rows) in [("shop.people", oracle.people), ("shop.guests", oracle.guests)] {
            if try !waits(until: { try fixture.baseContents(name) == rows }) {
                return "\(name) in base: \(Self.unlike(try fixture.baseContents(name), rows) ?? "")"
            }
        }
        for name in ["shop.visits", "shop.visitors"] {
            let rows = try visitors(name)
            if try !waits(until: { try visitors(name, ofBase: true) == rows }) { return "base of \(name) is late" }
        }
        for name in ["shop.people", "shop.guests", "shop.visits", "shop.visitors", "shop.visit_log"] {
            if try !waits(until: { try freshnessProblem(name) == nil }) {
                return "freshness of \(name): \(try freshnessProblem(name) ?? "")"
            }
        }
        return try followedDifference(oracle)
    }

    func difference(_ oracle: LiveOracle) throws -> String? {
        for (name, rows) in [("shop.people", oracle.people), ("shop.guests", oracle.guests)] {
            if let unlike = Self.unlike(try fixture.contents(name), rows) { return "\(name): \(unlike)" }
        }
        let log = try visitLog()
        if log != oracle.log {
            return "the log of visits has \(log.count) rows, not \(oracle.log.count), or others"
        }
        return Self.unlike(try visitors("shop.visitors"), oracle.visits, oracle.allows).map { "visitors: \($0)" }
    }

    /// What PyIceberg and DuckDB read of base at a quiet moment.
    func differenceFromOutside(_ oracle: LiveOracle) throws -> String? {
        guard let outside else { return nil }
        for (name, rows) in [("shop.people", oracle.people), ("shop.guests", oracle.guests)] {
            let metadata = try fixture.table(name).base.metadataLocation
            for engine in BaseSession.Engine.allCases {
                readsFromOutside += 1
                let found = try outside.rows(engine, metadata: metadata)
                let byId = Dictionary(found.map { (Int($0.id), $0.name ?? "null") }) { first, _ in first }
                if let unlike = Self.unlike(byId, rows) { return "\(name) by \(engine): \(unlike)" }
                if found.count != rows.count { return "\(name) by \(engine): \(found.count) rows" }
            }
        }
        return nil
    }

    /// What the commits say of their times, when nothing is on its way.
    private func freshnessProblem(_ name: String) throws -> String? {
        let freshness = try Freshness(fixture.table(name))
        if let backlog = freshness.backlog, backlog.commits > 0 { return "base lacks \(backlog.commits) commits" }
        for commit in freshness.commits {
            guard let times = commit.times else { continue }
            // The stages follow the clock of the run, which jumps and is never set. A commit has the wall clock's time.
            let order = [times.read, times.decoded, times.cut]
            if order != order.sorted() || times.cut - times.read > 86_400_000 { return "stages at \(order)" }
        }
        return nil
    }

    /// Reads the changes of people since the last time and compares their outcome, for those whom no other engine knows.
    private func followedDifference(_ oracle: LiveOracle) throws -> String? {
        let table = try fixture.table("shop.people")
        var rows = follower.rows
        var problem: String?
        try ChangeLogScan(table, since: follower.position).forEach { (batch) throws(WeirError) in
            for row in 0..<batch.count {
                let id = Int(batch.rows.columns[0].pointer(as: Int64.self)[row])
                guard oracle.isOfStream(id), case .string(let name) = batch.rows.columns[1].scalar(row) else {
                    continue
                }
                let kind = batch.kind(row)
                if kind == .insert && rows[id] != nil { problem = "+I of \(id), which is there" }
                if kind.isRetraction && rows[id] == nil { problem = "a retraction of \(id), which is not there" }
                if kind != .updateBefore { rows[id] = kind == .delete ? nil : name }
            }
            return true
        }
        follower = (table.newestChange, rows)
        if let problem { return "changes: \(problem)" }
        let known = rows.filter { oracle.isOfStream($0.key) }
        return Self.unlike(known, oracle.people.filter { oracle.isOfStream($0.key) }).map { "changes: \($0)" }
    }

    private static func unlike(_ found: [Int: String], _ wanted: [Int: String]) -> String? {
        unlike(found, wanted) { $0 == wanted[$1] }
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

    /// The rows of the log, each as often as it is there.
    private func visitLog() throws -> [LiveOracle.Visit] {
        var rows: [LiveOracle.Visit] = []
        try MergeOnReadScan(fixture.table("shop.visit_log")).forEachInOrder { (batch) throws(WeirError) in
            let (ids, people) = (batch.columns[0].pointer(as: Int64.self), batch.columns[1].pointer(as: Int64.self))
            for row in 0..<batch.count { rows.append(LiveOracle.Visit(id: Int(ids[row]), person: Int(people[row]))) }
            return true
        }
        return rows.sorted()
    }

    private func visitors(_ name: String, ofBase: Bool = false) throws -> [Int: LiveOracle.Joined] {
        let table = try fixture.table(name)
        var rows: [Int: LiveOracle.Joined] = [:]
        let scanned = ofBase ? MixedTable(base: table.base, change: nil, primaryKey: []) : table
        try MergeOnReadScan(scanned).forEachInOrder { (batch) throws(WeirError) in
            for row in 0..<batch.count {
                guard case .long(let id) = batch.columns[0].scalar(row),
                    case .long(let person) = batch.columns[1].scalar(row)
                else { throw WeirError(.corrupt, "a visitor without id or person") }
                var joined = LiveOracle.Joined(person: Int(person))
                if batch.columns.count > 2, case .string(let name) = batch.columns[2].scalar(row) { joined.name = name }
                if rows.updateValue(joined, forKey: Int(id)) != nil {
                    throw WeirError(.corrupt, "\(id) is there twice")
                }
            }
            return true
        }
        return rows
    }

    private func isCaughtUp() throws -> Bool {
        let fed = [
            ("people", ["shop.people", "shop.guests"]), ("visits", ["shop.visits", "shop.visitors", "shop.visit_log"]),
        ]
        for (topic, tables) in fed {
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
