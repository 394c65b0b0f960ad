import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import Testing
import WeirTesting

/// Consumers: who reads, what stays for them, and what is told when it is gone.
@Suite struct ConsumerTests {
    private static func session(_ id: String, process: Int64 = 1) -> ConsumerSession {
        ConsumerSession(id: id, host: "db-3", process: process)
    }

    private static func claim(
        _ world: ConsumerWorld,
        _ id: String,
        from start: ConsumerPlace? = nil,
        ttlMs: Int64? = nil,
        takesOver: Bool = false,
        isGone: @escaping @Sendable (ConsumerSession) -> Bool = { _ in false }
    ) throws -> ConsumerKeeper {
        let claim = ConsumerClaim(
            "search",
            by: session(id),
            startingAt: start,
            ttlMs: ttlMs,
            takesOver: takesOver
        )
        let (table, _, consumer) = try world.table.refreshed()
            .claiming(claim, nowMilliseconds: world.clock.now, isGone: isGone)
        let clock = world.clock
        return ConsumerKeeper("search", consumer, of: table) { clock.now }
    }

    private static func refused(_ code: WeirError.Code, _ text: String, _ body: () throws -> Void) {
        let error = #expect(throws: WeirError.self) { try body() }
        #expect(error?.code == code && "\(error as Any)".contains(text), "\(error as Any)")
    }

    @Test(arguments: [["id"], []])
    func `a name has one reader, until that ends, is silent, or is taken over`(key: [String]) throws {
        try withTemporaryFolder { folder in
            var world = try ConsumerWorld(folder, key: key)
            try world.write(3)
            let start = ConsumerPlace(.beginning)
            Self.refused(.notFound, "has no consumer 'search' yet") { _ = try Self.claim(world, "a") }
            let first = try Self.claim(world, "a", from: start)
            Self.refused(.alreadyExists, "weir consumer reset") { _ = try Self.claim(world, "b", from: start) }
            Self.refused(.locked, "process 1 on db-3") { _ = try Self.claim(world, "b") }
            // One that shows that it lives keeps the name.
            for _ in 0..<20 {
                world.clock.advance(60_000)
                try first.keep(start)
            }
            Self.refused(.locked, "--take-over") { _ = try Self.claim(world, "b") }
            // It has ended.
            let second = try Self.claim(world, "b") { $0.id == "a" }
            world.clock.advance(1000)
            Self.refused(.fenced, "has taken it over") { try first.keep(ConsumerPlace(world.table.newestChange)) }
            Self.refused(.fenced, "has taken it over") { try first.close(start) }
            #expect(try world.table.refreshed().consumer("search")?.place == start)
            let third = try Self.claim(world, "c", takesOver: true)
            Self.refused(.fenced, "has taken it over") { try second.close(start) }
            // It is silent.
            world.clock.advance(ConsumerClaim.holdMilliseconds - 1)
            Self.refused(.locked, "wait 1 s") { _ = try Self.claim(world, "d") }
            world.clock.advance(1)
            let fourth = try Self.claim(world, "d")
            Self.refused(.fenced, "has taken it over") { try third.close(start) }
            let place = ConsumerPlace(world.table.newestChange)
            try fourth.close(place)
            try fourth.close(place)
            #expect(try Self.claim(world, "e").consumer.place == place)
        }
    }

    @Test func `a clock that was set back or is wrong locks nobody out`() throws {
        try withTemporaryFolder { folder in
            var world = try ConsumerWorld(folder, key: ["id"])
            try world.write(1)
            world.clock.advance(86_400_000)
            let first = try Self.claim(world, "a", from: ConsumerPlace(.beginning))
            world.clock.advance(-86_400_000)
            // It goes on storing, with the time that it is now.
            try first.keep(ConsumerPlace(world.table.newestChange))
            #expect(try world.table.refreshed().consumer("search")?.seenMs == world.clock.now)
            world.clock.advance(86_400_000)
            try first.keep(ConsumerPlace(.beginning))
            world.clock.advance(-86_400_000)
            _ = try Self.claim(world, "b")
        }
    }

    @Test func `a consumer is moved, made and dropped while nobody reads for it`() throws {
        try withTemporaryFolder { folder in
            var world = try ConsumerWorld(folder, key: ["id"])
            for _ in 0..<3 { try world.write(2) }
            let now = world.clock.now
            let rows = try ConsumerPlace(
                world.table.newestChange,
                rows: ConsumerPlace.Rows(ReadPoint(current: world.table), of: world.table)
            )
            world.table = try world.table.resetting(consumer: "search", to: rows, ttlMs: 50_000, nowMilliseconds: now) {
                _ in
                false
            }
            let tag = Consumer.tagName("search")
            #expect(world.table.change?.metadata.references[tag]?.maxReferenceAgeMs == 50_000)
            #expect(world.table.consumer("search", ttl: 50_000))
            let reader = try Self.claim(world, "a")
            #expect(reader.consumer.place == rows)
            Self.refused(.locked, "stop that process first") {
                _ = try world.table.refreshed().dropping(consumer: "search", nowMilliseconds: now) { _ in false }
            }
            // The scan is done: nothing is pinned for it.
            try reader.close(ConsumerPlace(world.table.newestChange))
            world.table = try world.table.refreshed()
            #expect(world.table.change?.metadata.references[tag] == nil)
            world.table = try world.table.resetting(consumer: "search", to: rows, nowMilliseconds: now) { _ in false }
            #expect(world.table.change?.metadata.references[tag] != nil)
            world.table = try world.table.dropping(consumer: "search", nowMilliseconds: now) { _ in false }
            #expect(world.table.consumers.isEmpty && world.table.change?.metadata.references[tag] == nil)
            Self.refused(.invalid, "is no name") {
                _ = try world.table.resetting(consumer: "a b", to: rows, nowMilliseconds: now) { _ in false }
            }
        }
    }

    @Test func `a damaged entry is told, and can be moved or dropped`() throws {
        try withTemporaryFolder { folder in
            var world = try ConsumerWorld(folder, key: ["id"])
            try world.write(1)
            func damage() throws {
                var transaction = Transaction(try world.table.refreshed().ingestStore)
                transaction.setProperties([Consumer.propertyName("search"): "{\"sequence\":true}"])
                _ = try transaction.commit()
                world.table = try world.table.refreshed()
            }
            try damage()
            Self.refused(.corrupt, "weir consumer reset") { _ = try Self.claim(world, "a") }
            #expect(world.table.consumers.oldestNeeded(nowMilliseconds: .max) == 0)
            let place = ConsumerPlace(world.table.newestChange)
            world.table = try world.table.resetting(consumer: "search", to: place, nowMilliseconds: 0) { _ in false }
            #expect(try world.table.consumer("search")?.place == place)
            try damage()
            world.table = try world.table.dropping(consumer: "search", nowMilliseconds: 0) { _ in false }
            #expect(world.table.consumers.isEmpty)
        }
    }

    @Test func `what a consumer needs stays until it was silent for its TTL`() throws {
        try withTemporaryFolder { folder in
            var world = try ConsumerWorld(folder, key: ["id"])
            for _ in 0..<4 { try world.write(3) }
            let keeper = try Self.claim(world, "a", from: ConsumerPlace(.beginning), ttlMs: 600_000)
            let two = try #require(world.commits.dropFirst().first?.sequence)
            try keeper.close(ConsumerPlace(ChangePosition(sequence: two)))
            for _ in 0..<6 {
                try world.write(2)
                try world.optimize()
                try world.expireChanges()
            }
            let behind = world.commits.filter { $0.sequence > two }.flatMap(\.changes)
            #expect(try world.read(since: ChangePosition(sequence: two)) == behind)
            Self.refused(.notFound, "are gone") { _ = try world.read(since: .beginning) }
            world.clock.advance(600_001)
            #expect(try world.table.consumer("search")?.isLive(nowMilliseconds: world.clock.now) == false)
            // Nothing has removed it yet, so it goes on.
            let back = try Self.claim(world, "b")
            #expect(try world.read(since: back.consumer.place.position) == behind)
            try back.close(back.consumer.place)
            world.clock.advance(600_001)
            try world.write(1)
            try world.optimize()
            try world.expireChanges()
            Self.refused(.notFound, "are gone") { _ = try world.read(since: back.consumer.place.position) }
        }
    }

    @Test(arguments: [["id"], []])
    func `a scan goes on exactly where it stopped, while the table is written, optimized and expires`(key: [String])
        throws
    {
        try withTemporaryFolder { folder in
            var world = try ConsumerWorld(folder, key: key)
            for _ in 0..<5 { try world.write(6) }
            try world.optimize()
            try world.write(4)
            let point = ReadPoint(current: world.table)
            var expected: [String] = []
            try MergeOnReadScan(world.table, at: point).forEachInOrder { (batch) throws(WeirError) in
                for row in 0..<batch.count { expected.append("\(batch.modelRow(row))") }
                return true
            }
            let start = ConsumerPlace(world.table.newestChange, rows: try ConsumerPlace.Rows(point, of: world.table))
            var place = start
            try Self.claim(world, "0", from: start).close(start)
            var found: [String] = []
            var number = 0
            while found.count < expected.count {
                number += 1
                let keeper = try Self.claim(world, "\(number)")
                place = keeper.consumer.place
                let rows = try #require(place.rows)
                var skip = Int(rows.delivered)
                var left = 2
                try rows.scan(of: world.table.refreshed()).forEachInOrder { (batch) throws(WeirError) in
                    for row in 0..<batch.count {
                        if skip > 0 {
                            skip -= 1
                        } else if left > 0 {
                            found.append("\(batch.modelRow(row))")
                            left -= 1
                            place.advance(rows: 1)
                        }
                    }
                    return left > 0
                }
                try keeper.close(place)
                for _ in 0..<2 { try world.write(3) }
                try world.optimize()
                try world.expireChanges()
            }
            #expect(found == expected)
            let behind = world.commits.filter { $0.sequence > start.position.sequence }.flatMap(\.changes)
            #expect(try world.read(since: place.position) == behind)
        }
    }

    @Test func `an unkeyed table whose files are joined keeps what a consumer needs, and only that`() throws {
        try withTemporaryFolder { folder in
            var world = try ConsumerWorld(folder, key: [])
            for _ in 0..<3 { try world.write(2) }
            let place = ConsumerPlace(world.table.newestChange)
            let keeper = try Self.claim(world, "a", from: place)
            for _ in 0..<4 {
                for _ in 0..<6 { try world.write(2) }
                try world.optimize()
            }
            let behind = world.commits.filter { $0.sequence > place.position.sequence }.flatMap(\.changes)
            for start in [place.position, ChangePosition(sequence: place.position.sequence)] {
                #expect(try world.read(since: start) == behind)
            }
            // Three that are kept anyway, and each join with the commit before it.
            #expect(world.table.base.snapshots.count <= 3 + 2 * 4)
            try keeper.close(ConsumerPlace(world.table.newestChange))
            for _ in 0..<6 { try world.write(1) }
            world.clock.advance(13 * 3_600_000)
            for _ in 0..<6 { try world.write(1) }
            #expect(world.table.base.snapshots.count == 3)
            Self.refused(.notFound, "have expired") { _ = try world.read(since: place.position) }
        }
    }

    @Test(arguments: [["id"], []])
    func `whoever has read a commit that was rolled back is told, also once it has expired`(key: [String]) throws {
        try withTemporaryFolder { folder in
            var world = try ConsumerWorld(folder, key: key)
            for _ in 0..<3 { try world.write(2) }
            let lost = world.table.newestChange
            try world.rollBack()
            #expect(world.table.ingestStore.metadata.commit(ofSequence: lost.sequence) == .elsewhere)
            var other = try ConsumerWriter(world)
            for _ in 0..<8 { try other.write() }
            let table = try world.table.refreshed()
            let metadata = table.ingestStore.metadata
            #expect(metadata.snapshots.count == 3)
            #expect(metadata.commit(ofSequence: lost.sequence) == .elsewhere)
            #expect(metadata.commit(ofSequence: lost.sequence - 1) == .expired)
            #expect(metadata.commit(ofSequence: lost.sequence + 1) == .expired)
            #expect(metadata.commit(ofSequence: metadata.lastSequenceNumber + 1) == .toCome)
            let error = #expect(throws: WeirError.self) { try ChangeLogScan(table, since: lost) }
            #expect(error?.message.contains("rolled back") == true, "\(error as Any)")
        }
    }

    @Test(arguments: [["id"], []])
    func `from each commit on, and amid each, the rest of the changes is read`(key: [String]) throws {
        try withTemporaryFolder { folder in
            var world = try ConsumerWorld(folder, key: key)
            for round in 1...7 {
                try world.write(round % 4 + 1)
                // A commit without changes.
                if round == 3 {
                    var transaction = Transaction(world.table.ingestStore)
                    transaction.append([])
                    _ = try transaction.commit()
                    world.table = try world.table.refreshed()
                }
            }
            for index in -1..<world.commits.count {
                let sequence = index < 0 ? 0 : world.commits[index].sequence
                let rest = world.commits[(index + 1)...].flatMap(\.changes)
                let next = index + 1 < world.commits.count ? world.commits[index + 1].changes.count : 0
                for skip in 0...next {
                    let start = ChangePosition(sequence: sequence)
                    let found = try world.read(since: start, skipping: ChangeSkip(count: Int64(skip)))
                    #expect(found == Array(rest.dropFirst(skip)), "behind \(sequence), without \(skip)")
                }
                Self.refused(.notFound, "cannot be skipped") {
                    let skip = ChangeSkip(count: Int64(next) + 1)
                    _ = try world.read(since: ChangePosition(sequence: sequence), skipping: skip)
                }
            }
            let wrong = ChangeSkip(count: 1, commit: 2)
            Self.refused(.notFound, "rolled back") { _ = try world.read(since: .beginning, skipping: wrong) }
            let marks = try ChangeLogScan(world.table, since: .beginning).marks
            // Of the commits that have expired, those without changes are not known.
            let without: Int64 = 4
            #expect(marks.map(\.sequence) == (1...8).filter { $0 != without })
            #expect(try ChangeLogScan(world.table, after: 6).marks.map(\.sequence) == [7, 8])
            #expect(marks.map(\.changes).filter { $0 > 0 } == world.commits.map { Int64($0.changes.count) })
        }
    }
}

extension MixedTable {
    fileprivate func consumer(_ name: String, ttl: Int64) -> Bool { consumers.all[name]?.ttlMs == ttl }
}

/// Another writer of the table.
private struct ConsumerWriter {
    private let clock: ConsumerWorld.Clock
    private var table: MixedTable

    init(_ world: ConsumerWorld) throws {
        clock = world.clock
        table = try world.table.refreshed()
    }

    mutating func write() throws {
        clock.advance(1000)
        var transaction = Transaction(table.ingestStore)
        transaction.append([])
        _ = try transaction.commit()
        table = try table.refreshed()
    }
}
