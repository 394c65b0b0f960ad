import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import Testing
import WeirTesting

@testable import MixedTables
@testable import Optimizing

/// Rows expire by their age: what is due, and what becomes of the table.
@Suite struct DataExpiryTests {
    private static let utc = TimeZone(secondsFromGMT: 0) ?? .current
    private static let day: Int64 = 86_400_000

    // MARK: Decisions

    private func settings(_ type: FieldType, _ properties: [String: String] = [:]) throws -> DataExpirySettings {
        let catalog = MemoryCatalog(storage: MemoryStorage())
        let table = try catalog.create(
            TableIdentifier(namespace: ["db"], name: "t"),
            schema: Schema([Field(id: 1, name: "at", type: type)]),
            properties: [
                "data-expire.enabled": "true", "data-expire.field": "at", "data-expire.retention-time": "1d",
            ].merging(properties) { $1 }
        )
        return try #require(try DataExpirySettings(table))
    }

    private func youngest(
        _ value: Scalar?,
        _ type: FieldType,
        _ properties: [String: String] = [:],
        nulls: Int64? = 0,
        partition: (Transform, Scalar)? = nil
    ) throws -> Int64? {
        var file = DataFile(path: "/f", partition: partition.map { [$0.1] } ?? [], recordCount: 1, fileSize: 1)
        file.nullValueCounts[1] = nulls
        file.upperBounds[1] = value.flatMap { SingleValue.encode($0) }
        let fields = partition.map { [PartitionField(sourceId: 1, id: 1000, name: "p", transform: $0.0)] } ?? []
        let ages = FileAges(
            settings: try settings(type, properties),
            zone: Self.utc,
            specs: [0: PartitionSpec(id: 0, fields: fields)]
        )
        return ages.youngest(in: file)
    }

    @Test func `a file is as old as its youngest row, and one that cannot tell is never old`() throws {
        #expect(try youngest(.timestamp(1_700_000_000_123_456), .timestamp) == 1_700_000_000_123)
        #expect(try youngest(.timestamptz(-1), .timestamptz) == -1)
        #expect(try youngest(.long(1_700_000_000_000), .long) == 1_700_000_000_000)
        let seconds = ["data-expire.datetime-number-format": "TIMESTAMP_S"]
        #expect(try youngest(.long(1_700_000_000), .long, seconds) == 1_700_000_000_999)
        #expect(try youngest(.long(.max), .long, seconds) == .max && youngest(.long(.min), .long, seconds) == .min)
        // A day is over at its end.
        #expect(try youngest(.date(10), .date) == 11 * Self.day - 1)
        #expect(try youngest(.string("1970-01-11"), .string) == 11 * Self.day - 1)
        let minutes = ["data-expire.datetime-string-pattern": "yyyy-MM-dd HH:mm:ss"]
        // The bound of a longer text is cut.
        #expect(try youngest(.string("1970-01-01 00:02"), .string, minutes) == 3 * 60_000 - 1)
        #expect(try youngest(.string("1970-01-01 00:02:03"), .string, minutes) == 124_000 - 1)
        #expect(try youngest(.string("yesterday"), .string) == nil)
        #expect(try youngest(nil, .timestamp) == nil)
        #expect(try youngest(.timestamp(1), .timestamp, nulls: 1) == nil)
        #expect(try youngest(.timestamp(1), .timestamp, nulls: nil) == nil)
    }

    @Test func `without statistics the partition tells`() throws {
        #expect(try youngest(nil, .timestamp, partition: (.day, .int(10))) == 11 * Self.day - 1)
        #expect(try youngest(nil, .timestamp, partition: (.day, .date(10))) == 11 * Self.day - 1)
        #expect(try youngest(nil, .timestamp, partition: (.hour, .int(1))) == 2 * 3_600_000 - 1)
        #expect(try youngest(nil, .timestamp, partition: (.month, .int(1))) == 59 * Self.day - 1)
        #expect(try youngest(nil, .timestamp, partition: (.year, .int(0))) == 365 * Self.day - 1)
        #expect(try youngest(nil, .date, partition: (.identity, .date(3))) == 4 * Self.day - 1)
        #expect(try youngest(nil, .timestamp, partition: (.day, .null)) == nil)
        #expect(try youngest(nil, .timestamp, partition: (.bucket(4), .int(1))) == nil)
    }

    @Test func `a partition goes when all its files are old and its changes are in base`() {
        func task(_ name: String, _ partition: Int32) -> FileScanTask {
            FileScanTask(
                file: DataFile(path: name, partition: [.int(partition)], recordCount: 1, fileSize: 1),
                dataSequenceNumber: 1,
                fileSequenceNumber: 1,
                snapshotId: 1
            )
        }
        let ages: [String: Int64] = ["a": 1, "b": 9, "c": 1, "d": 2, "e": 3]
        let files = [task("a", 0), task("b", 0), task("c", 1), task("d", 1), task("e", 2), task("f", 3)]
        func due(_ level: DataExpirySettings.Level, unmerged: [FileScanTask] = []) -> (paths: [String], waiting: Int) {
            let decision = DataExpiry(files, unmerged: unmerged, level: level, youngest: { ages[$0.path] }, limitMs: 3)
            return (decision.due.map(\.file.path), decision.waiting)
        }
        #expect(due(.file).paths == ["a", "c", "d", "e"])
        #expect(due(.partition).paths == ["c", "d", "e"])
        #expect(due(.partition, unmerged: [task("x", 1)]) == (["e"], 1))
    }

    @Test(arguments: [
        (["data-expire.field": "nope"], "no column"), (["data-expire.retention-time": "soon"], "retention-time"),
        (["data-expire.datetime-string-pattern": "dd-MM-yyyy"], "sort"),
        (["data-expire.level": "row"], "data-expire.level"),
    ]) func `properties that do not say how are refused`(properties: [String: String], words: String) {
        let error = #expect(throws: WeirError.self) { try settings(.string, properties) }
        #expect(error?.code == .invalid && error?.message.contains(words) == true, "\(error as Any)")
    }

    @Test func `patterns read and write times`() throws {
        let pattern = try #require(DateTimePattern("'it''s' yyyy/MM"))
        #expect(pattern.text(40 * Self.day, in: Self.utc) == "it's 1970/02")
        #expect(pattern.end(of: "it's 1970/02", in: Self.utc) == 59 * Self.day - 1)
        for text in ["it's 1970/13", "it's 1970-02", "it's 197/02", "its", "it's 1970/02 "] {
            #expect(pattern.end(of: text, in: Self.utc) == nil, "\(text)")
        }
        let zone = try #require(TimeZone(identifier: "Europe/Berlin"))
        #expect(DateTimePattern("yyyyMMddHH")?.text(0, in: zone) == "1970010101")
        for wrong in ["EEE", "yyyy-M-d", "yy", "'open", "yyyyyyyy"] {
            #expect(DateTimePattern(wrong) == nil, "\(wrong)")
        }
        #expect(DateTimePattern("MM-dd")?.sortsByTime == false && DateTimePattern("yyyy-dd")?.sortsByTime == false)
    }

    // MARK: Tables

    private static func properties(_ level: String) -> [String: String] {
        [
            "data-expire.enabled": "true", "data-expire.field": "at", "data-expire.retention-time": "1d",
            "data-expire.level": level,
        ]
    }

    private func expire(_ world: inout World) throws -> DataExpiryRun.Outcome {
        let (table, outcome) = try DataExpiryRun(world.table, zone: Self.utc, nowMs: world.time.now).run()
        world.table = table
        return outcome
    }

    @Test(arguments: ["file", "partition"]) func `a key whose row expired and that comes again has one row`(
        level: String
    ) throws {
        var world = try World(partitions: 2, properties: Self.properties(level))
        try world.write(0..<8)
        // Deletes and updates before the rows expire.
        try world.write(0..<2, name: "b")
        try world.materialize(rewriteBytes: 0)
        #expect(try expire(&world).files == 0)
        world.time.advance(minutes: 3 * 24 * 60)
        try world.write([100])
        // Old rows that base lacks make their partition wait.
        if level == "partition" { #expect(try expire(&world).waiting + expire(&world).files > 0) }
        try world.materialize(rewriteBytes: 0)
        let bucket = try Transform.bucket(2).apply(.long(100))
        func expires(_ id: Int64) throws -> Bool {
            try id < 8 && (level == "file" || Transform.bucket(2).apply(.long(id)) != bucket)
        }
        let holder = ReadPoint(current: world.table)
        let outcome = try expire(&world)
        world.set(try world.rows.filter { try !expires($0.key) })
        try world.check()
        // Those that were in the partition of an unmerged change have gone before.
        if level == "file" { #expect(outcome.files > 0 && outcome.changeFiles > 0) }
        let commit = try #require(world.table.base.currentSnapshot)
        if outcome.files > 0 {
            #expect(commit.summary["snapshot.producer"] == "DATA_EXPIRATION" && commit.isDataExpiry)
            #expect({ if case .reload = CatchUp(from: holder, to: world.table) { true } else { false } }())
        }
        #expect(
            try expire(&world)
                == {
                    var none = DataExpiryRun.Outcome()
                    none.waiting = 0
                    return none
                }()
        )
        try world.write(0..<10, name: "again")
        try world.check("before it is in base")
        try world.materialize(rewriteBytes: 0)
        try world.check()
        try world.write(0..<4, delete: [0, 1, 2, 3])
        try world.materialize()
        try world.check()
    }

    @Test func `age counts from the last commit of rows, unless it is said otherwise`() throws {
        var world = try World(properties: Self.properties("file"))
        try world.write(0..<3)
        try world.materialize()
        world.time.advance(minutes: 10 * 24 * 60)
        // Nobody has written since: the rows are as old as the table.
        #expect(try expire(&world).files == 0)
        world.table = try world.table.altered(setting: ["data-expire.base-on-rule": "CURRENT_TIME"], removing: [])
        #expect(try expire(&world).files > 0)
        world.set([:])
        try world.check()
    }

    @Test func `who reads an unkeyed table as a stream goes on`() throws {
        var world = try World(key: [], properties: Self.properties("file"))
        try world.write([1])
        let position = world.table.newestChange
        try world.write([2])
        world.time.advance(minutes: 3 * 24 * 60)
        try world.write([3])
        #expect(try expire(&world).files == 2)
        try world.write([4])
        world.set([3: "a", 4: "a"])
        try world.check()
        var ids: [Scalar] = []
        try ChangeLogScan(world.table, since: position).forEach { (batch) throws(WeirError) in
            for row in 0..<batch.count { ids.append(batch.rows.columns[0].scalar(row)) }
            return true
        }
        #expect(ids == [.long(2), .long(3), .long(4)])
    }
}
