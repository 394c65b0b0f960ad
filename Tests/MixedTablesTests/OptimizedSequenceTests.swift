import Bytes
import ChangeEvents
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import ObjectStorage
import Testing
import WeirTesting

@testable import MixedTables

@Suite struct OptimizedSequenceTests {
    /// A table with two commits, of which the first is optimized.
    private static func optimized(_ folder: String, _ registration: String?) throws -> MixedTable {
        let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
        try catalog.createNamespace(["shop"])
        let definition = MixedTableDefinition(
            identifier: TableIdentifier(namespace: ["shop"], name: "things"),
            schema: Schema([Field(id: 1, name: "id", type: .long)]),
            primaryKey: ["id"],
            properties: registration.map { [OptimizedSequence.registrationProperty: $0] } ?? [:]
        )
        var table = try MixedTable.create(definition, in: catalog, nowMilliseconds: 0)
        let writer = try KeyedTableWriter(table)
        var ledger = PositionLedger()
        for id in Int64(1)...2 {
            _ = try writer.write(.changes([(.insert, [.long(id)])], table.schema))
            let next = PositionLedger(["t": [0: id]])
            table = try table.commit(try writer.cut(), topology: "t", from: ledger, to: next)
            ledger = next
            if id == 1 { table = try FullOptimize(table, nowMilliseconds: 77).run().table }
        }
        return try table.refreshed()
    }

    @Test(arguments: [nil, "property", "statistics"])
    func `the map is in a Puffin file and is read back`(registration: String?) throws {
        try withTemporaryFolder { folder in
            let table = try Self.optimized(folder, registration)
            let snapshot = try #require(table.base.metadata.currentSnapshot)
            let map = try OptimizedSequence.read(table.base, snapshotId: snapshot.id)
            #expect(map.sequences == ["": 1] && map.times == ["": 77])
            #expect(try MergeOnReadScan(table).count() == 2)

            let file = try #require(table.base.metadata.statistics.first { $0.snapshotId == snapshot.id })
            let name = try #require(file.path.split(separator: "/").last)
            #expect(name.hasPrefix("\(snapshot.id)-") && file.path.contains("/data/puffin/"))
            let blobs = try PuffinFile.decode(table.base.storage.read(file.path), at: file.path)
            #expect(blobs.map(\.type) == ["optimized-sequence", "base-optimized-time"])
            #expect(blobs.map { String(decoding: $0.bytes, as: UTF8.self) } == ["{\"\":1}", "{\"\":77}"])
            #expect(blobs.allSatisfy { $0.snapshotId == snapshot.id && $0.sequenceNumber == snapshot.sequenceNumber })
        }
    }

    @Test func `registered as the format has it, blobs are described and the snapshot is flagged`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.optimized(folder, "statistics")
            let snapshot = try #require(table.base.metadata.currentSnapshot)
            #expect(snapshot.summary["optimized-sequence.exist"] == "true")
            #expect(snapshot.summary["base-optimized-time.exist"] == "true")
            #expect(
                table.base.metadata.statistics.first?.blobs.map(\.type) == [
                    "optimized-sequence", "base-optimized-time",
                ]
            )
        }
    }

    @Test func `by default the newest map is where other readers of Mixed tables fall back to`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.optimized(folder, nil)
            #expect(
                table.base.properties["table.partition-properties"]
                    == "{\"\":{\"base-op-time\":\"77\",\"max-txId\":\"1\"}}"
            )
            #expect(table.base.metadata.currentSnapshot?.summary["optimized-sequence.exist"] == nil)
            #expect(table.base.metadata.statistics.first?.blobs.isEmpty == true)
        }
    }

    @Test func `a map that is gone is an error, not an empty one`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.optimized(folder, nil)
            let file = try #require(table.base.metadata.statistics.first)
            try table.base.storage.delete(file.path)
            #expect(throws: WeirError.self) { try MergeOnReadScan(table) }
        }
    }

    /// Looks the map up like the format's own reader: the nearest flag towards the root decides, whatever its value.
    /// The property applies only where there is no flag.
    private static func amoroReads(_ base: Table) throws -> [String: Int64] {
        for snapshot in base.metadata.ancestors(of: base.metadata.currentSnapshotId) {
            guard snapshot.summary["optimized-sequence.exist"] != nil else { continue }
            let files = base.statistics(of: snapshot.id).filter { file in
                file.blobs.contains { $0.type == "optimized-sequence" }
            }
            try #require(files.count == 1, "a flagged snapshot has one described file")
            let blobs = try PuffinFile.decode(base.storage.read(files[0].path), at: files[0].path)
            let blob = try #require(blobs.first { $0.type == "optimized-sequence" })
            return try JSONDecoder().decode([String: Int64].self, from: Data(blob.bytes))
        }
        let text = base.properties["table.partition-properties"] ?? "{}"
        let entries = try JSONDecoder().decode([String: [String: String]].self, from: Data(text.utf8))
        return entries.compactMapValues { $0["max-txId"].flatMap { Int64($0) } }
    }

    @Test(arguments: [nil, "property", "statistics"], [nil, "property"])
    func `behind a flag the next map is flagged too, whatever the property says`(
        first: String?,
        then: String?
    ) throws {
        try withTemporaryFolder { folder in
            var table = try Self.optimized(folder, first)
            let key = OptimizedSequence.registrationProperty
            table = try table.altered(setting: then.map { [key: $0] } ?? [:], removing: then == nil ? [key] : [])
            #expect(try Self.amoroReads(table.base) == ["": 1])
            table = try FullOptimize(table, nowMilliseconds: 78).run().table
            #expect(try Self.amoroReads(table.base) == ["": 2])
            let current = try #require(table.base.metadata.currentSnapshot)
            #expect((current.summary["optimized-sequence.exist"] != nil) == (first == "statistics"))
            // If the flagged snapshots were expired, the property still has the value.
            #expect(table.base.properties["table.partition-properties"]?.contains("\"max-txId\":\"2\"") == true)
            let map = try OptimizedSequence.read(table.base, snapshotId: current.id)
            #expect(map.sequences == ["": 2] && map.times == ["": 78])
            #expect(try MergeOnReadScan(table).count() == 2)
        }
    }

    @Test func `where the marked snapshots have expired, the property still knows what base holds`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.optimized(folder, nil)
            let first = try #require(table.base.metadata.currentSnapshot)
            let second = try #require(
                FullOptimize(table, nowMilliseconds: 78).run().table.base.metadata.currentSnapshot
            )
            // Another engine commits, and expires what it follows; a tag keeps the older one.
            var transaction = Transaction(try table.base.refreshed())
            transaction.append([])
            let base = try transaction.commit()
            let newest = try #require(base.metadata.currentSnapshot)
            let metadata = try base.metadata.applying([.removeSnapshots(ids: [second.id])], nowMs: 79)
            let cut = Table(
                identifier: base.identifier,
                metadata: metadata,
                metadataLocation: base.metadataLocation,
                catalog: base.catalog,
                storage: base.storage
            )
            #expect(try OptimizedSequence.read(cut, snapshotId: newest.id).sequences == ["": 2])
            #expect(try OptimizedSequence.read(cut, snapshotId: first.id).sequences == ["": 1])
        }
    }

    @Test func `a rollback to a state that nothing describes any more is an error, not the map of what was undone`()
        throws
    {
        try withTemporaryFolder { folder in
            let table = try Self.optimized(folder, nil)
            let first = try #require(table.base.metadata.currentSnapshot)
            var other = Transaction(table.base)
            other.append([])
            let kept = try #require(try other.commit().currentSnapshot)
            let last = try FullOptimize(table.refreshed(), nowMilliseconds: 78).run().table.base
            let undone = try #require(last.metadata.currentSnapshot)
            func rolledBack(expiring ids: Set<Int64>) throws -> MixedTable {
                var transaction = Transaction(try table.refreshed().base)
                transaction.update { (_) throws(WeirError) in
                    [.setReference(name: "main", SnapshotReference(branch: kept.id))]
                }
                transaction.removeSnapshots(ids)
                _ = try transaction.commit()
                return try table.refreshed()
            }
            // While the marked parent is there, it says what base holds.
            var now = try rolledBack(expiring: [])
            #expect(try OptimizedSequence.read(now.base, snapshotId: kept.id).sequences == ["": 1])
            #expect(try MergeOnReadScan(now).count() == 2)
            now = try rolledBack(expiring: [first.id])
            let materializer = Materializer(now)
            for attempt: () throws -> Void in [
                { _ = try MergeOnReadScan(now) }, { _ = try materializer.step(nowMilliseconds: 1) },
                { _ = try FullOptimize(now, nowMilliseconds: 1).run() },
            ] {
                let error = #expect(throws: WeirError.self) { try attempt() }
                #expect(error?.message.contains("rolled back to snapshot \(kept.id)") == true)
                #expect(error?.advice?.contains("\(undone.id)") == true)
            }
            // The advice helps.
            var transaction = Transaction(now.base)
            transaction.update { (_) throws(WeirError) in
                [.setReference(name: "main", SnapshotReference(branch: undone.id))]
            }
            _ = try transaction.commit()
            #expect(try MergeOnReadScan(now.refreshed()).count() == 2)
            #expect(try materializer.step(nowMilliseconds: 1) == .caughtUp)
        }
    }

    @Test func `an existing table can be switched, and other values are refused`() throws {
        try withTemporaryFolder { folder in
            let key = OptimizedSequence.registrationProperty
            let settings = [key: "statistics", "owner": "me"]
            var table = try Self.optimized(folder, nil).altered(setting: settings, removing: [])
            #expect(table.change?.properties["owner"] == "me" && table.base.properties["owner"] == "me")
            table = try FullOptimize(table, nowMilliseconds: 78).run().table
            #expect(table.base.metadata.currentSnapshot?.summary["optimized-sequence.exist"] == "true")
            table = try table.altered(setting: [:], removing: ["owner", "not-there"])
            #expect(table.change?.properties["owner"] == nil && table.base.properties["owner"] == nil)
            let refused = [
                (key, "both"), ("table-format", "x"), ("mixed-format.change.identifier", "a.b"),
                ("format-version", "1"), ("weir.positions.t", "{}"), ("table.partition-properties", "{}"),
                ("log-store.topic", "other"),
            ]
            for (key, value) in refused {
                let error = #expect(throws: WeirError.self) { try table.altered(setting: [key: value], removing: []) }
                #expect(error?.code == .invalid && error?.message.contains(key) == true)
            }
            let marker = "mixed-format.primary-key-fields"
            #expect(throws: WeirError.self) { try table.altered(setting: [:], removing: [marker]) }
        }
    }

    /// A keyed table partitioned by the identity of a time or text, with one optimized row per partition and newer
    /// changes.
    private static func partitioned(_ folder: String, _ type: FieldType, _ values: [Scalar]) throws -> MixedTable {
        let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
        try catalog.createNamespace(["shop"])
        let schema = Schema([Field(id: 1, name: "id", type: .long), Field(id: 2, name: "at", type: type)])
        let definition = MixedTableDefinition(
            identifier: TableIdentifier(namespace: ["shop"], name: "things"),
            schema: schema,
            partitionSpec: try PartitionSpec(parsing: ["at"], schema: schema),
            primaryKey: ["id"]
        )
        var table = try MixedTable.create(definition, in: catalog, nowMilliseconds: 0)
        let writer = try KeyedTableWriter(table)
        var ledger = PositionLedger()
        for round in Int64(1)...2 {
            let rows = values.enumerated().map { (ChangeKind.insert, [Scalar.long(Int64($0.offset)), $0.element]) }
            _ = try writer.write(.changes(rows, table.schema))
            let next = PositionLedger(["t": [0: round]])
            table = try table.commit(try writer.cut(), topology: "t", from: ledger, to: next)
            ledger = next
            if round == 1 { table = try FullOptimize(table, nowMilliseconds: 77).run().table }
        }
        return try table.refreshed()
    }

    /// Registers the same map with other spellings of its partitions, as another writer's optimize would.
    private static func respelling(_ table: MixedTable, _ spell: @escaping @Sendable (String) -> String) throws
        -> MixedTable
    {
        let map = try OptimizedSequence.read(table.base, snapshotId: table.base.metadata.currentSnapshotId)
        let sequences = map.sequences.map { "\"\(spell($0.key))\":\($0.value)" }.sorted().joined(separator: ",")
        let (base, uuid) = (table.base, UUID().uuidString)
        var transaction = Transaction(base)
        transaction.append([], summary: ["optimized-sequence.exist": "true"])
        transaction.setStatistics { (snapshot) throws(WeirError) in
            let path = "\(base.location)/data/puffin/\(snapshot.id)-\(uuid).puffin"
            let blob = PuffinFile.Blob(
                type: "optimized-sequence",
                snapshotId: snapshot.id,
                sequenceNumber: snapshot.sequenceNumber,
                bytes: Array("{\(sequences)}".utf8)
            )
            let (bytes, footerSize) = PuffinFile.encode([blob])
            try base.storage.putNew(path, bytes)
            return StatisticsFile(
                snapshotId: snapshot.id,
                path: path,
                fileSize: Int64(bytes.count),
                footerSize: footerSize,
                blobs: [blob.metadata]
            )
        }
        _ = try transaction.commit()
        return try table.refreshed()
    }

    @Test(arguments: [
        ("Z", "%2B00%3A00", "07.1813", "07.181300"), ("Z", "Z", "07.1813", "07.181300000"), ("Z", "%2B00%3A00", "", ""),
    ])
    func `partitions are found by value, however their paths are spelled`(
        zone: String,
        otherZone: String,
        fraction: String,
        otherFraction: String
    ) throws {
        try withTemporaryFolder { folder in
            let times: [Int64] = [1_714_979_287_181_300, 1_714_979_280_000_000, -1, 0]
            let values = times.map { Scalar.timestamptz($0) } + [.null]
            var table = try Self.partitioned(folder, .timestamptz, values)
            let point = ReadPoint(current: table)
            let sequences = try MergeOnReadScan(table, at: point).sequences.values.sorted()
            table = try Self.respelling(table) { path in
                path.replacingOccurrences(of: fraction.isEmpty ? "nothing" : fraction, with: otherFraction)
                    .replacingOccurrences(of: zone, with: otherZone)
            }
            // The first round is in base: only the second one is left to merge, and no row is there twice.
            #expect(try MergeOnReadScan(table).sequences.values.sorted() == sequences)
            #expect(try MergeOnReadScan(table).count() == values.count)
            #expect(try FullOptimize(table, nowMilliseconds: 78).run().outcome.partitions == values.count)
            table = try table.refreshed()
            #expect(try MergeOnReadScan(table).sequences.isEmpty)
            #expect(try MergeOnReadScan(table).count() == values.count)
            // A partition has one entry. Two spellings would give two different values.
            #expect(try Self.amoroReads(table.base).count == values.count)
            let map = try OptimizedSequence.read(table.base, snapshotId: table.base.metadata.currentSnapshotId)
            #expect(map.sequences.count == values.count && Set(map.sequences.values).count == 1)
        }
    }

    @Test func `null shares a path with the text that spells it`() throws {
        try withTemporaryFolder { folder in
            let values: [Scalar] = [.string("null"), .null, .string("__HIVE_DEFAULT_PARTITION__"), .string("a b/c")]
            var table = try Self.partitioned(folder, .string, values)
            #expect(try MergeOnReadScan(table).count() == values.count)
            table = try FullOptimize(table, nowMilliseconds: 78).run().table
            #expect(try MergeOnReadScan(table).sequences.isEmpty)
            #expect(try MergeOnReadScan(table).count() == values.count)
        }
    }
}
