import Bytes
import ChangeEvents
import Columnar
import EventLog
import IcebergTables
import MixedTables
import StreamRuntime
import Synchronization
import Testing
import WeirTesting

/// Units of time columns kept between runs and processes.
@Suite(.hangGuard) struct KeptUnitsTests {
    private static let april = 1_711_961_000_000
    private static let key = "timestamp-unit.shop.public.a.at"

    /// Table x reads source table a. Table y reads b and, with `toBoth`, also a.
    private static func topology(_ more: String = "", toBoth: Bool = false) -> String {
        """
        name: test
        pipeline: { commit.interval: 1h, commit.bytes: 1kb }
        source: { name: cdc, type: file-log, topics: [cdc], format: debezium-json\(more) }
        tables:
          - { name: lake.x, columns: { id: long, at: timestamp, t: time }, primary-key: [id] }
          - { name: lake.y, columns: { id: long, at: timestamptz }, primary-key: [id] }
        route:
          - { source-table: shop.public.a, sink-table: lake.x }
          - { source-table: shop.public.\(toBoth ? "(a|b)" : "b"), sink-table: lake.y }
        sink: { type: mixed-iceberg }
        """
    }

    private static let told = ", debezium-json.timestamp-unit.at: "

    private static func append(
        _ id: Int,
        _ value: Int,
        table: String = "a",
        to writer: FileLogWriter,
        _ partition: Int = 0
    )
        throws
    {
        let source = "{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"\(table)\"}"
        let event = "{\"after\":{\"id\":\(id),\"at\":\(value)},\"source\":\(source),\"op\":\"c\"}"
        var builder = RecordBatchBuilder()
        try Array(event.utf8).withUnsafeBytes { try builder.append(key: nil, value: $0, timestamp: 1) }
        _ = try writer.append(topic: "cdc", partition: partition, records: builder.finish())
    }

    private static func withLog(
        partitions: Int = 1,
        _ body: (IngestFixture, FileLog, FileLogWriter) throws -> Void
    ) throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("cdc", partitions: partitions)
            let writer = FileLogWriter(log)
            defer { writer.close() }
            try body(fixture, log, writer)
        }
    }

    /// The times of a table, microseconds by id.
    private static func times(_ fixture: IngestFixture, _ name: String = "lake.x") throws -> [Int: Int] {
        var times: [Int: Int] = [:]
        try MergeOnReadScan(fixture.table(name)).forEachInOrder { (batch) throws(WeirError) in
            for row in 0..<batch.count {
                let id = Int(batch.columns[0].pointer(as: Int64.self)[row])
                times[id] = Int(batch.columns[1].pointer(as: Int64.self)[row])
            }
            return true
        }
        return times
    }

    private static func units(_ fixture: IngestFixture, _ name: String = "lake.x") throws -> [String: TimeUnit] {
        try fixture.table(name).sourceUnits(topology: "test").units["cdc"] ?? [:]
    }

    private static func failure(_ fixture: IngestFixture, _ text: String = topology()) -> WeirError? {
        do {
            try fixture.run(text)
            return nil
        } catch {
            return error as? WeirError
        }
    }

    @Test func `a later run reads with the unit of the first, and stops where values tell another`() throws {
        try Self.withLog { fixture, _, writer in
            try Self.append(1, Self.april, to: writer)
            try fixture.run(Self.topology())
            #expect(try Self.units(fixture) == [Self.key: .milliseconds])
            #expect(try Self.units(fixture, "lake.y").isEmpty)
            // A birthday near the epoch does not determine the unit.
            try Self.append(2, 100_000_000_000, to: writer)
            try fixture.run(Self.topology())
            try Self.append(3, Self.april, to: writer)
            try Self.append(4, Self.april * 1000, to: writer)
            let error = try #require(Self.failure(fixture))
            #expect(error.message.contains("at of shop.public.a is read as milliseconds"), "\(error)")
            #expect(error.message.contains("\(Self.april * 1000)") && error.message.contains("looks like microseconds"))
            #expect(error.location?.contains("topic cdc, partition 0, offset 3") == true, "\(error)")
            #expect(error.advice?.contains("debezium-json.timestamp-unit.at") == true)
            // The run stops again until the unit is configured.
            #expect(Self.failure(fixture) == error)
            #expect(try Self.times(fixture).filter { $0.key < 3 } == [1: Self.april * 1000, 2: 100_000_000_000_000])
            #expect(try fixture.run(Self.topology(Self.told + "microseconds")).deadLetters == 0)
            #expect(try Self.times(fixture)[4] == Self.april * 1000)
            // The configured unit is kept when the configuration is removed.
            #expect(try Self.units(fixture) == [Self.key: .microseconds])
            try Self.append(5, 5, to: writer)
            try fixture.run(Self.topology())
            #expect(try Self.times(fixture)[5] == 5)
        }
    }

    @Test func `a column whose values do not tell ends the first run before a row, and goes on when told`() throws {
        try Self.withLog { fixture, _, writer in
            try Self.append(1, 0, to: writer)
            try fixture.run(Self.topology())
            #expect(try Self.times(fixture) == [1: 0] && Self.units(fixture).isEmpty)
            try Self.append(2, 1500, to: writer)
            let error = try #require(Self.failure(fixture))
            #expect(error.message.contains("at of shop.public.a count cannot be told from its values"), "\(error)")
            #expect(error.advice?.contains("debezium-json.timestamp-unit.at") == true, "\(error)")
            #expect(try Self.times(fixture) == [1: 0])
            try fixture.run(Self.topology(Self.told + "milliseconds"))
            #expect(try Self.times(fixture) == [1: 0, 2: 1_500_000])
            #expect(try Self.units(fixture) == [Self.key: .milliseconds])
            // It is kept for a run without the configuration, too.
            try Self.append(3, 1600, to: writer)
            try fixture.run(Self.topology())
            #expect(try Self.times(fixture)[3] == 1_600_000)
        }
    }

    @Test func `a told unit takes extreme values, and is kept once`() throws {
        try Self.withLog { fixture, _, writer in
            let text = Self.topology(Self.told + "microseconds")
            for (id, value) in [Self.april, 9_223_372_036_825_200_000, -9_223_372_036_832_400_000].enumerated() {
                try Self.append(id, value, to: writer)
            }
            #expect(try fixture.run(text).deadLetters == 0)
            #expect(try Self.times(fixture)[1] == 9_223_372_036_825_200_000)
            let before = try fixture.table("lake.x").ingestStore.metadataLocation
            try fixture.run(text)
            #expect(try fixture.table("lake.x").ingestStore.metadataLocation == before)
        }
    }

    @Test func `infinity is no other unit's value`() throws {
        try Self.withLog { fixture, _, writer in
            try Self.append(1, Self.april * 1000, to: writer)
            try Self.append(2, 9_223_372_036_825_200_000, to: writer)
            try Self.append(3, -9_223_372_036_832_400_000, to: writer)
            #expect(try fixture.run(Self.topology()).deadLetters == 0)
            #expect(try Self.times(fixture)[3] == -9_223_372_036_832_400_000)
        }
    }

    @Test func `a table that comes to a source later gets its unit`() throws {
        try Self.withLog { fixture, _, writer in
            try Self.append(1, Self.april, to: writer)
            try fixture.run(Self.topology())
            try Self.append(2, 1500, to: writer)
            try fixture.run(Self.topology(toBoth: true))
            #expect(try Self.units(fixture, "lake.y") == [Self.key: .milliseconds])
            #expect(try Self.times(fixture, "lake.y") == [1: Self.april * 1000, 2: 1_500_000])
        }
    }

    @Test func `tables that hold two units of a column are named`() throws {
        try Self.withLog { fixture, _, writer in
            try Self.append(1, Self.april, to: writer)
            try fixture.run(Self.topology(toBoth: true))
            let other = SourceUnits(["cdc": [Self.key: .nanoseconds]])
            _ = try fixture.table("lake.y").keeping(other, overriding: true, topology: "test")
            try Self.append(2, Self.april, to: writer)
            let error = try #require(Self.failure(fixture, Self.topology(toBoth: true)))
            #expect(error.message.contains("milliseconds in lake.x, nanoseconds in lake.y"), "\(error)")
            try fixture.run(Self.topology(Self.told + "milliseconds", toBoth: true))
            #expect(try Self.units(fixture, "lake.y") == [Self.key: .milliseconds])
        }
    }

    @Test func `of two processes that derive two units, the first one's holds for both`() throws {
        try Self.withLog(partitions: 2) { fixture, log, writer in
            let group = GroupedFileLog(log)
            let runs = try (1...2).map { LiveRun(fixture, try fixture.plan(Self.topology()), member: $0, of: group) }
            try LiveRun.wait("both have a share") { runs.allSatisfy { $0.run.progress.generations > 0 } }
            // The values of each partition suggest another unit.
            for id in 0..<10 {
                try Self.append(id * 2, Self.april + id, to: writer, 0)
                try Self.append(id * 2 + 1, (Self.april + id) * 1000, to: writer, 1)
            }
            try LiveRun.wait("one has stopped") { runs.contains(where: \.isOver) }
            let errors = runs.compactMap { $0.end() }
            #expect(!errors.isEmpty)
            for error in errors {
                #expect(error.advice?.contains("debezium-json.timestamp-unit.at") == true, "\(error)")
            }
            let times = try Self.times(fixture)
            let unit = try Self.units(fixture)[Self.key]
            #expect(unit == .milliseconds || unit == .microseconds)
            let remainder = unit == .milliseconds ? 0 : 1
            #expect(
                times.allSatisfy { $0.key % 2 == remainder && $0.value == (Self.april + $0.key / 2) * 1000 },
                "\(times)"
            )
        }
    }

    @Test func `a process whose values tell no unit takes the one that another has stored meanwhile`() throws {
        try Self.withLog(partitions: 2) { fixture, log, writer in
            let group = GroupedFileLog(log)
            let runs = try (1...2).map { LiveRun(fixture, try fixture.plan(Self.topology()), member: $0, of: group) }
            func wait(_ what: String, _ rows: [Int: Int]) throws {
                try LiveRun.wait(what) {
                    if let over = runs.first(where: \.isOver) {
                        throw over.end() ?? WeirError(.conflict, "a run ended")
                    }
                    return try Self.times(fixture) == rows
                }
            }
            try LiveRun.wait("both have a share") { runs.allSatisfy { $0.run.progress.generations > 0 } }
            // Both know the column before one of them finds its unit.
            try Self.append(0, 0, to: writer, 0)
            try Self.append(1, 0, to: writer, 1)
            try wait("zeros", [0: 0, 1: 0])
            try Self.append(2, Self.april, to: writer, 0)
            try wait("a time that tells the unit", [0: 0, 1: 0, 2: Self.april * 1000])
            try Self.append(3, 1500, to: writer, 1)
            try wait("a time that tells none", [0: 0, 1: 0, 2: Self.april * 1000, 3: 1_500_000])
            for run in runs { try run.stop() }
        }
    }

    @Test func `seconds in a column of milliseconds stop a run, and are told where the unit is`() throws {
        try Self.withLog { fixture, _, writer in
            try Self.append(1, Self.april, to: writer)
            try fixture.run(Self.topology())
            try Self.append(2, Self.april / 1000 + 1, to: writer)
            let error = try #require(Self.failure(fixture))
            #expect(error.message.contains("at of shop.public.a is read as milliseconds"), "\(error)")
            #expect(error.message.contains("January 1970") && error.message.contains("as seconds it is 2024-04-01"))
            #expect(error.location?.contains("offset 1") == true, "\(error)")
            #expect(error.advice?.contains("debezium-json.timestamp-unit.at: milliseconds") == true, "\(error)")
            #expect(try Self.times(fixture) == [1: Self.april * 1000])
            // Told, it is stored and said.
            let warnings = Mutex<[String]>([])
            try fixture.run(Self.topology(Self.told + "milliseconds")) { text in warnings.withLock { $0.append(text) } }
            let told = warnings.withLock { $0 }.filter { $0.contains("January 1970") }
            #expect(told.count == 1 && told[0].contains("(topic cdc, partition 0, offset 1)"), "\(told)")
            #expect(try Self.times(fixture)[2] == Self.april + 1000)
        }
    }

    @Test func `a column that only ever brought seconds is said to look like seconds`() throws {
        try Self.withLog { fixture, _, writer in
            try Self.append(1, Self.april / 1000, to: writer)
            let error = try #require(Self.failure(fixture))
            #expect(error.message.contains("as seconds, which are not read, it is 2024-04-01"), "\(error)")
            #expect(error.advice?.contains("have the writer send milliseconds") == true, "\(error)")
        }
    }

    @Test func `a long run stops at the first value of another unit, with everything before it`() throws {
        try Self.withLog { fixture, log, writer in
            let run = LiveRun(fixture, try fixture.plan(Self.topology()), member: 1, of: GroupedFileLog(log))
            for id in 0..<40 {
                try Self.append(id, Self.april + id, to: writer)
                if id % 8 == 0 {
                    try run.wait("row \(id)") { try Self.times(fixture)[id] == (Self.april + id) * 1000 }
                }
            }
            try run.wait("all rows") { try Self.times(fixture).count == 40 }
            try Self.append(40, Self.april * 1000, to: writer)
            try LiveRun.wait("its end") { run.isOver }
            let error = try #require(run.end())
            #expect(error.location?.contains("offset 40") == true, "\(error)")
            #expect(try Self.times(fixture).count == 40)
        }
    }

    /// A column with one source unit over many runs: each row is right unless a run reported the column.
    @Test(arguments: SeededGenerator.seeds(3))
    func `no run stores another time than the source meant without a word`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        try Self.withLog { fixture, _, writer in
            let (unit, factor) = [("milliseconds", 1), ("microseconds", 1000)][Int.random(in: 0..<2, using: &random)]
            var meant: [Int: Int] = [:]
            var (more, stops) = ("", 0)
            let month = 30 * 86_400_000
            for round in 0..<8 {
                for _ in 0..<Int.random(in: 1..<4, using: &random) {
                    let id = meant.count
                    var millis = Int.random(in: 400_000_000_000..<2_000_000_000_000, using: &random)
                    if round < 7, Bool.random(using: &random) {
                        millis =
                            [0, 5, month, 20 * month, -3 * month, 100_000 * month / 12, 253_402_214_400_000]
                            .randomElement(using: &random) ?? 0
                    }
                    meant[id] = millis * 1000
                    try Self.append(id, millis * factor, to: writer)
                }
                if let error = Self.failure(fixture, Self.topology(more)) {
                    #expect(error.advice?.contains("debezium-json.timestamp-unit.at") == true, "seed \(seed): \(error)")
                    stops += 1
                    more = Self.told + unit
                    #expect(Self.failure(fixture, Self.topology(more)) == nil, "seed \(seed)")
                }
            }
            let found = try Self.times(fixture)
            #expect(found.count == meant.count && stops <= 1, "seed \(seed)")
            let wrong = meant.filter { found[$0.key] != $0.value }
            #expect(wrong.isEmpty || stops > 0, "seed \(seed): \(wrong)")
        }
    }
}
