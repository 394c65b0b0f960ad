import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import Testing
import WeirTesting

/// Random histories of a table and of consumers that are killed at any moment: up to each place that was stored, every
/// change has been given once and in order.
@Suite struct ConsumerModelTests {
    /// A reader for a consumer, as a process is: it may end at any time.
    private struct Reader {
        let name: String
        var keeper: ConsumerKeeper?
        var place = ConsumerPlace(.beginning)
        /// What was given since the first reader of the name, up to the place stored last, and since then.
        var stored: [String] = []
        var given: [String] = []
        /// Where the first one began.
        var began: Int64
        /// The rows it began with.
        var rows: [String] = []
        var starts = 0
    }

    @Test(arguments: SeededGenerator.seeds(2), [["id"], []])
    func `consumers that are killed miss nothing and repeat nothing behind their places`(
        seed: UInt64,
        key: [String]
    ) throws {
        try withTemporaryFolder { folder in
            let keeps = ["2", "5", "200"][Int(seed >> 5) % 3]
            var world = try ConsumerWorld(folder, key: key, properties: ["snapshot.keep.max-count": keeps])
            var random = SeededGenerator(seed: seed)
            var readers: [Reader] = []
            try world.write(3)
            for step in 0..<100 {
                let what = "seed \(seed), \(key), step \(step)"
                switch random.next() % 16 {
                case 0...4: for _ in 0...random.next() % 3 { try world.write(Int(1 + random.next() % 9)) }
                case 5: world.clock.advance(Int64(random.next() % 3_600_000))
                case 6: try world.optimize()
                case 7: try world.expireChanges()
                case 8 where readers.count < 3: readers.append(try Self.start(readers.count, &world, &random))
                default:
                    guard !readers.isEmpty else { continue }
                    let index = Int(random.next() % UInt64(readers.count))
                    try Self.step(&readers[index], &world, &random, what)
                    try Self.check(readers[index], world, what)
                }
            }
            // Everyone reads to the end.
            for index in readers.indices {
                if readers[index].keeper == nil { try Self.open(&readers[index], world) }
                try Self.read(&readers[index], world, changesMax: .max)
                try Self.end(&readers[index])
                try Self.check(readers[index], world, "seed \(seed), \(key), end")
                let all = world.commits.filter { $0.sequence > readers[index].began }.flatMap(\.changes)
                #expect(readers[index].stored.count == all.count + readers[index].rows.count, "seed \(seed)")
            }
        }
    }

    private static func start(
        _ number: Int,
        _ world: inout ConsumerWorld,
        _ random: inout SeededGenerator
    ) throws -> Reader {
        world.table = try world.table.refreshed()
        let position = world.table.newestChange
        var start = ConsumerPlace(position)
        var rows: [String] = []
        if random.next() % 2 == 0 {
            let scan = try ConsumerPlace.Rows(ReadPoint(current: world.table), of: world.table)
            start.rows = scan
            try scan.scan(of: world.table).forEachInOrder { (batch) throws(WeirError) in
                for row in 0..<batch.count { rows.append("\(batch.modelRow(row))") }
                return true
            }
        }
        var reader = Reader(name: "r\(number)", began: position.sequence, rows: rows)
        try open(&reader, world, from: start)
        return reader
    }

    private static func open(_ reader: inout Reader, _ world: ConsumerWorld, from start: ConsumerPlace? = nil) throws {
        reader.starts += 1
        let session = ConsumerSession(id: "\(reader.name) \(reader.starts)", host: "h", process: 1)
        let claim = ConsumerClaim(reader.name, by: session, startingAt: start)
        // The one before is dead.
        let (table, _, consumer) = try world.table.refreshed()
            .claiming(claim, nowMilliseconds: world.clock.now) { _ in true }
        let clock = world.clock
        reader.keeper = ConsumerKeeper(reader.name, consumer, of: table) { clock.now }
        reader.place = consumer.place
        reader.given = []
    }

    private static func step(
        _ reader: inout Reader,
        _ world: inout ConsumerWorld,
        _ random: inout SeededGenerator,
        _ what: String
    ) throws {
        guard let keeper = reader.keeper else { return try open(&reader, world) }
        switch random.next() % 8 {
        case 0:
            // It is killed.
            reader.keeper = nil
            reader.given = []
        case 1: try end(&reader)
        case 2...3:
            world.clock.advance(Int64(random.next() % 2000))
            let before = keeper.consumer
            try keeper.keep(reader.place)
            guard keeper.consumer != before else { return }
            reader.stored += reader.given
            reader.given = []
        default: try read(&reader, world, changesMax: Int(1 + random.next() % 12))
        }
    }

    private static func end(_ reader: inout Reader) throws {
        try reader.keeper?.close(reader.place)
        reader.keeper = nil
        reader.stored += reader.given
        reader.given = []
    }

    private static func read(_ reader: inout Reader, _ world: ConsumerWorld, changesMax: Int) throws {
        let table = try world.table.refreshed()
        var left = changesMax
        if let rows = reader.place.rows {
            var place = reader.place
            var given: [String] = []
            var skip = rows.delivered
            try rows.scan(of: table).forEachInOrder { (batch) throws(WeirError) in
                for row in 0..<batch.count where left > 0 {
                    skip -= 1
                    if skip >= 0 { continue }
                    given.append("\(batch.modelRow(row))")
                    place.advance(rows: 1)
                    left -= 1
                }
                return left > 0
            }
            if left > 0 { place.rows = nil }
            reader.place = place
            reader.given += given
        }
        if left == 0 { return }
        let scan = try ChangeLogScan(table, since: reader.place.position, skipping: reader.place.skip)
        var place = reader.place
        var given: [String] = []
        try scan.forEach(
            { (batch) throws(WeirError) in
                let count = min(left, batch.count)
                given += ConsumerWorld.texts(batch).prefix(count)
                place.advance(changes: count, of: batch.sequence)
                left -= count
                return left > 0
            },
            ended: { (mark) throws(WeirError) in
                place.end(mark)
                return true
            }
        )
        reader.place = place
        reader.given += given
    }

    private static func check(_ reader: Reader, _ world: ConsumerWorld, _ what: String) throws {
        let all = reader.rows + world.commits.filter { $0.sequence > reader.began }.flatMap(\.changes)
        let found = reader.stored + reader.given
        #expect(found == Array(all.prefix(found.count)), "\(what), \(reader.name)")
    }
}
