import Bytes
import ChangeEvents
import Columnar
import EventLog
import IcebergFormat
import IcebergTables
import LogStores
import MixedTables
import ObjectStorage
import StreamRuntime
import Testing
import Topology
import WeirTesting

/// A warehouse with a file log, for running topologies.
struct IngestFixture {
    let folder: String

    var logRoot: String { folder + "/log" }
    var deadLetters: String { folder + "/dead-letters/test.ndjson" }

    /// - Parameter clock: for the commits through a faulty file system.
    func catalog(files: any FileSystem = LocalFileSystem(), clock: TransactionClock = .system) throws -> any Catalog {
        let real = try SQLiteCatalog(
            path: folder + "/catalog.db",
            warehouse: "file://" + folder,
            storage: LocalObjectStorage(files: files)
        )
        guard let faulty = files as? FaultyFileSystem else { return real }
        return FaultyCatalog(real: real, files: faulty, clock: clock)
    }

    static let people = """
        name: test
        pipeline: { commit.interval: 1h, commit.bytes: 1kb, materialize: off }
        source: { name: people, type: file-log, topics: [people], format: debezium-json }
        tables:
          - name: shop.people
            columns: { id: long, name: string, amount: "decimal(12,2)", country: string }
            primary-key: [id]
        route: [{ source-table: shop.public.(.*), sink-table: shop.$1 }]
        sink: { type: mixed-iceberg }
        """

    /// Runs a body with a fixture and a writer of its log, which has the topic "people" of one partition.
    static func withPeople(_ body: (IngestFixture, FileLogWriter) throws -> Void) throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("people", partitions: 1)
            let appender = FileLogWriter(log)
            defer { appender.close() }
            try body(fixture, appender)
        }
    }

    static func topology(_ text: String) throws -> Topology {
        let (topology, problems) = Topology.check(yaml: text)
        return try #require(topology, "\(problems)")
    }

    /// The plan of a run of a topology.
    ///
    /// - Parameters:
    ///   - source: the log to read; nil for the file log of the fixture.
    ///   - writer: the log whose topics are LogStores; nil for none.
    ///   - mirror: the log from which LogStores are read; nil for the log of the writer.
    ///   - clock: for the commits through a faulty file system.
    func plan(
        _ text: String = people,
        source: (any PartitionedLog)? = nil,
        writer: FileLogWriter? = nil,
        mirror: (any PartitionedLog)? = nil,
        files: any FileSystem = LocalFileSystem(),
        clock: TransactionClock = .system
    ) throws -> IngestPlan {
        func log() throws(WeirError) -> any PartitionedLog {
            if let log = source ?? writer?.log { return log }
            return try FileLog(root: logRoot)
        }
        return try IngestPlan.resolve(
            Self.topology(text),
            catalog: catalog(files: files, clock: clock),
            nowMilliseconds: 1_700_000_000_000
        ) { (_) throws(WeirError) in
            try log()
        } openLogStore: { (_) throws(WeirError) in
            if let mirror { return mirror }
            return try log()
        } openAppender: { (_, settings) throws(WeirError) in
            guard let writer else { throw WeirError(.invalid, "a LogStore needs a writer") }
            return try FileTopicAppender(writer, topic: settings.topic ?? "")
        }
    }

    /// Runs a topology until it has caught up, on storage that may fail.
    @discardableResult
    func run(
        _ text: String = people,
        files: any FileSystem = LocalFileSystem(),
        onWarning: @escaping @Sendable (String) -> Void = { _ in }
    ) throws -> IngestProgress {
        return try IngestRun(plan(text, files: files), deadLetterPath: deadLetters, files: files, onWarning: onWarning)
            .run(untilCaughtUp: true)
    }

    func table(_ name: String) throws -> MixedTable {
        try MixedTable.load(TableIdentifier(name), from: catalog())
    }

    /// The rows of `shop.people` by id. A duplicate id is an error.
    func people(at point: ReadPoint? = nil) throws -> [Int: DebeziumHistory.Row] {
        var rows: [Int: DebeziumHistory.Row] = [:]
        try MergeOnReadScan(table("shop.people"), at: point).forEachInOrder { (batch) throws(WeirError) in
            for row in 0..<batch.count {
                let (id, value) = Self.person(batch, row)
                if rows.updateValue(value, forKey: id) != nil { throw WeirError(.corrupt, "id \(id) is there twice") }
            }
            return true
        }
        return rows
    }

    /// The first column of every row of a table without a key, in order.
    func ids(_ name: String) throws -> [Int] {
        var ids: [Int] = []
        try MergeOnReadScan(table(name)).forEachInOrder { (batch) throws(WeirError) in
            for row in 0..<batch.count { ids.append(Int(batch.columns[0].pointer(as: Int64.self)[row])) }
            return true
        }
        return ids.sorted()
    }

    /// The second column of a table by the first, with null as the word.
    func contents(_ name: String) throws -> [Int: String] { try contents(table(name)) }

    /// The same of the base store alone, as another engine reads it.
    func baseContents(_ name: String) throws -> [Int: String] {
        try contents(MixedTable(base: table(name).base, change: nil, primaryKey: []))
    }

    private func contents(_ table: MixedTable) throws -> [Int: String] {
        var rows: [Int: String] = [:]
        try MergeOnReadScan(table).forEachInOrder { (batch) throws(WeirError) in
            for row in 0..<batch.count {
                let id = Int(batch.columns[0].pointer(as: Int64.self)[row])
                var text = "null"
                if case .string(let found) = batch.columns[1].scalar(row) { text = found }
                if rows.updateValue(text, forKey: id) != nil { throw WeirError(.corrupt, "id \(id) is there twice") }
            }
            return true
        }
        return rows
    }

    /// The rows after applying the whole change log of `shop.people`. Reports impossible changes.
    func replayedPeople() throws -> [Int: DebeziumHistory.Row] {
        var rows: [Int: DebeziumHistory.Row] = [:]
        try ChangeLogScan(table("shop.people"), after: 0).forEach { (batch) throws(WeirError) in
            for row in 0..<batch.count {
                let (id, value) = Self.person(batch.rows, row)
                switch batch.kind(row) {
                case .insert:
                    if rows[id] != nil { throw WeirError(.corrupt, "+I of \(id), which is there") }
                    rows[id] = value
                case .updateBefore, .delete:
                    if rows[id] == nil { throw WeirError(.corrupt, "a retraction of \(id), which is not there") }
                    if batch.kind(row) == .delete { rows[id] = nil }
                case .updateAfter: rows[id] = value
                }
            }
            return true
        }
        return rows
    }

    static func person(_ batch: ColumnBatch, _ row: Int) -> (Int, DebeziumHistory.Row) {
        func text(_ column: Int) -> String? {
            if case .string(let text) = batch.columns[column].scalar(row) { return text }
            return nil
        }
        let id = Int(batch.columns[0].pointer(as: Int64.self)[row])
        let cents = Int(batch.columns[2].pointer(as: Int128.self)[row])
        return (id, DebeziumHistory.Row(name: text(1), amountCents: cents, country: text(3)))
    }
}
