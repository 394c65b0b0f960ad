import Bytes
import IcebergFormat
import IcebergTables
import Testing
import WeirTesting

/// Which snapshots expire, as a decision from metadata.
@Suite struct SnapshotExpiryTests {
    private static let hour: Int64 = 3_600_000

    /// Metadata with snapshots of the given ids on main, one an hour; each one's id is also its sequence number.
    private static func metadata(
        _ ids: ClosedRange<Int64>,
        summary: (Int64) -> [String: String] = { _ in [:] }
    ) throws -> TableMetadata {
        var builder = TableMetadataBuilder(
            try TableMetadata.new(
                schema: testSchema,
                spec: .unpartitioned,
                location: "/t",
                properties: [:],
                uuid: "u",
                nowMs: 0
            ),
            nowMs: 0
        )
        for id in ids { try add(id, after: id == ids.lowerBound ? nil : id - 1, to: &builder, summary(id)) }
        return builder.metadata
    }

    private static func add(
        _ id: Int64,
        after parent: Int64?,
        to builder: inout TableMetadataBuilder,
        _ summary: [String: String] = [:],
        branch: String = "main"
    ) throws {
        let snapshot = Snapshot(
            id: id,
            parentId: parent,
            sequenceNumber: id,
            timestampMs: id * hour,
            manifestList: "/t/\(id).avro",
            operation: "append",
            summary: summary,
            schemaId: 0
        )
        try builder.apply(.addSnapshot(snapshot))
        try builder.apply(.setReference(name: branch, SnapshotReference(branch: id)))
    }

    private static func gone(
        _ metadata: TableMetadata,
        _ retention: SnapshotRetention,
        adding: Int = 0,
        hours: Int64
    ) -> [Int64] {
        SnapshotExpiry(metadata, retention, adding: adding, nowMs: hours * hour).snapshots
    }

    @Test func `age, the least and the greatest number decide`() throws {
        let metadata = try Self.metadata(1...10)
        let day = 24 * Self.hour
        #expect(Self.gone(metadata, SnapshotRetention(ageMs: day), hours: 10) == [])
        #expect(Self.gone(metadata, SnapshotRetention(ageMs: 3 * Self.hour), hours: 10) == Array(1...6))
        #expect(Self.gone(metadata, SnapshotRetention(ageMs: 3 * Self.hour, countMin: 6), hours: 10) == Array(1...4))
        // A table that was idle keeps its current snapshot.
        #expect(Self.gone(metadata, SnapshotRetention(ageMs: day), hours: 1000) == Array(1...9))
        #expect(Self.gone(metadata, SnapshotRetention(ageMs: day, countMax: 4), hours: 10) == Array(1...6))
        #expect(Self.gone(metadata, SnapshotRetention(ageMs: day, countMin: 7, countMax: 4), hours: 10) == Array(1...3))
        // With those that are added in the same commit.
        #expect(Self.gone(metadata, SnapshotRetention(ageMs: day, countMax: 4), adding: 1, hours: 10) == Array(1...7))
        #expect(Self.gone(metadata, SnapshotRetention(ageMs: day, countMax: 4), adding: 9, hours: 10) == Array(1...10))
        #expect(Self.gone(metadata, SnapshotRetention(isEnabled: false, countMax: 4), hours: 1000) == [])
        #expect(Self.gone(metadata, SnapshotRetention(ageMs: .max, countMax: 20), hours: Int64.max / Self.hour) == [])
    }

    @Test func `branches and tags keep theirs until they are too old themselves`() throws {
        var builder = TableMetadataBuilder(try Self.metadata(1...8), nowMs: 0)
        try Self.add(9, after: 3, to: &builder, branch: "audit")
        try builder.apply(.setReference(name: "release", SnapshotReference(tag: 2)))
        try builder.apply(.setReference(name: "brief", SnapshotReference(tag: 1, maxAgeMs: 5 * Self.hour)))
        let few = SnapshotRetention(ageMs: 24 * Self.hour, countMax: 2)
        let expiry = SnapshotExpiry(builder.metadata, few, nowMs: 9 * Self.hour)
        #expect(expiry.references == ["brief"])
        #expect(expiry.snapshots == [1, 4, 5, 6])
        var all = few
        all.referenceAgeMs = 4 * Self.hour
        let later = SnapshotExpiry(builder.metadata, all, nowMs: 14 * Self.hour)
        #expect(later.references == ["audit", "brief", "release"])
        #expect(later.snapshots == [1, 2, 3, 4, 5, 6])
    }

    @Test func `snapshots that were rolled back stay for their time`() throws {
        var builder = TableMetadataBuilder(try Self.metadata(1...6), nowMs: 0)
        try builder.apply(.setReference(name: "main", SnapshotReference(branch: 4)))
        try Self.add(7, after: 4, to: &builder)
        let retention = SnapshotRetention(ageMs: 4 * Self.hour)
        #expect(Self.gone(builder.metadata, retention, hours: 8) == [1, 2, 3])
        #expect(Self.gone(builder.metadata, retention, hours: 11) == [1, 2, 3, 4, 5, 6])
    }

    @Test func `an open transaction of another engine is not forgotten`() throws {
        let metadata = try Self.metadata(1...9) { $0 % 4 == 0 ? ["tx.begin.signature": "s"] : [:] }
        let retention = SnapshotRetention(ageMs: .max, countMax: 1)
        #expect(Self.gone(metadata, retention, hours: 9) == [1, 2, 3, 4, 5, 6, 7])
        #expect(Self.gone(metadata, retention, hours: 11) == [1, 2, 3, 4, 5, 6, 7])
        #expect(Self.gone(metadata, retention, hours: 12) == Array(1...8))
        // Begun far in the future, by a wrong clock.
        #expect(Self.gone(metadata, retention, hours: 3) == [1, 2, 3, 5, 6, 7, 8])
    }

    @Test func `the oldest snapshot left says what base holds of the changes, or its ancestors do`() throws {
        let metadata = try Self.metadata(1...9) {
            [2, 5].contains($0) ? ["weir.optimized-sequence.exist": "true"] : [:]
        }
        let retention = { SnapshotRetention(ageMs: .max, countMax: $0) }
        #expect(Self.gone(metadata, retention(3), hours: 9) == [1, 2, 3, 4])
        #expect(Self.gone(metadata, retention(5), hours: 9) == [1, 2, 3, 4])
        #expect(Self.gone(metadata, retention(6), hours: 9) == [1])
        // Other engines' snapshots are many.
        #expect(Self.gone(metadata, retention(2), hours: 9) == Array(1...7))
    }

    @Test func `a commit keeps the newest snapshot that says what base holds, however old it is`() throws {
        let metadata = try Self.metadata(1...3) { $0 == 3 ? ["optimized-sequence.exist": "true"] : [:] }
        let expiry = SnapshotExpiry(metadata, SnapshotRetention(ageMs: 1), adding: 1, nowMs: .max / 2)
        #expect(expiry.snapshots == [1, 2])
    }

    @Test func `a commit never removes more than a piece of a long history`() throws {
        let metadata = try Self.metadata(1...1300)
        let gone = Self.gone(metadata, SnapshotRetention(ageMs: .max), hours: 1300)
        #expect(gone == Array(1...1000))
        let next = try metadata.applying([.removeSnapshots(ids: gone)], nowMs: 0)
        #expect(Self.gone(next, SnapshotRetention(ageMs: .max), hours: 1300) == Array(1001...1100))
    }

    @Test func `properties give the retention`() {
        let mixed = ["table-format": "MIXED_ICEBERG"]
        let read = { SnapshotRetention(mixed.merging($0) { $1 }) }
        #expect(!SnapshotRetention([:]).isEnabled && SnapshotRetention(["table-expire.enabled": "TRUE"]).isEnabled)
        #expect(read([:]) == SnapshotRetention(ageMs: 12 * Self.hour, countMin: 1, countMax: 200))
        #expect(!read(["table-expire.enabled": "false"]).isEnabled && !read(["gc.enabled": "false"]).isEnabled)
        let iceberg = [
            "history.expire.max-snapshot-age-ms": "5", "history.expire.min-snapshots-to-keep": "7",
            "history.expire.max-ref-age-ms": "9",
        ]
        #expect(read(iceberg) == SnapshotRetention(ageMs: 5, countMin: 7, referenceAgeMs: 9))
        let both = read(
            iceberg.merging(["snapshot.keep.duration": "2 d", "snapshot.keep.min-count": "3"]) { $1 }
        )
        #expect(both.ageMs == 48 * Self.hour && both.countMin == 3)
        // More than the greatest number must stay if the least number says so.
        #expect(read(["snapshot.keep.min-count": "1000"]).countMax == 1000)
        let bad = read([
            "snapshot.keep.duration": "soon", "snapshot.keep.max-count": "0", "table-expire.enabled": "yes",
        ])
        #expect(bad.ageMs == 12 * Self.hour && bad.countMax == 200 && bad.isEnabled)
        #expect(bad.refused == ["table-expire.enabled", "snapshot.keep.duration", "snapshot.keep.max-count"])
    }

    /// Random histories with rollbacks, branches and tags, against the rules written down one by one.
    @Test(arguments: SeededGenerator.seeds(12))
    func `random histories keep what they must and nothing else`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var builder = TableMetadataBuilder(try Self.metadata(1...1), nowMs: 0)
        let retention = SnapshotRetention(
            ageMs: Int64(random.next() % 60) * Self.hour,
            countMin: Int(1 + random.next() % 4),
            countMax: Int(4 + random.next() % 12),
            referenceAgeMs: random.next() % 2 == 0 ? .max : Int64(30 + random.next() % 60) * Self.hour
        )
        for id in Int64(2)...100 {
            let all = builder.metadata.snapshots
            let any = all[Int(random.next() % UInt64(all.count))]
            switch random.next() % 12 {
            case 0: try builder.apply(.setReference(name: "main", SnapshotReference(branch: any.id)))
            case 1: try builder.apply(.setReference(name: "tag\(id)", SnapshotReference(tag: any.id)))
            case 2: try Self.add(id, after: any.id, to: &builder, branch: "b\(random.next() % 3)")
            default: try Self.add(id, after: builder.metadata.currentSnapshotId, to: &builder)
            }
            let nowMs = id * Self.hour
            let before = builder.metadata
            let expiry = SnapshotExpiry(before, retention, nowMs: nowMs)
            for name in expiry.references { try builder.apply(.removeReference(name: name)) }
            try builder.apply(.removeSnapshots(ids: expiry.snapshots))
            let after = builder.metadata
            let what = "seed \(seed), snapshot \(id)"
            #expect(SnapshotExpiry(after, retention, nowMs: nowMs).isEmpty, "\(what)")
            for (name, reference) in before.references {
                let head = try #require(before.snapshot(id: reference.snapshotId))
                let isOld = nowMs - head.timestampMs > retention.referenceAgeMs && name != "main"
                #expect((after.references[name] == nil) == isOld, "\(name), \(what)")
                if isOld || reference.isTag { continue }
                let line = before.ancestors(of: head.id).enumerated().prefix { index, snapshot in
                    let isYoung = nowMs - snapshot.timestampMs <= retention.ageMs && index < retention.countMax
                    return index == 0 || index < retention.countMin || isYoung
                }
                #expect(line.allSatisfy { after.snapshot(id: $0.element.id) != nil }, "\(name), \(what)")
            }
            let lines = after.references.values.map { after.ancestors(of: $0.snapshotId).count }
            let loose = retention.countMax
            #expect(after.snapshots.count <= lines.reduce(0, +) + loose, "\(what)")
        }
    }
}
