import Bytes
import Columnar
import Testing
import WeirTesting

@testable import IcebergFormat

/// The long lists of a metadata file are copied from earlier texts or written entry by entry. The file must be what the
/// JSON value of the whole document gives.
@Suite struct MetadataTextTests {
    private static let odd = "file:///t/ä \"quoted\\\" \u{1}\u{7f} 雪"

    private static func snapshot(_ number: Int64) -> Snapshot {
        Snapshot(
            id: number << 40 | 7,
            parentId: number == 1 ? nil : (number - 1) << 40 | 7,
            sequenceNumber: number,
            timestampMs: 1_700_000_000_000 + number,
            manifestList: "\(odd)/snap-\(number).avro",
            operation: "append",
            summary: ["total-records": "\(number)", "note": odd],
            schemaId: 0
        )
    }

    private static func statistics(_ number: Int64) -> StatisticsFile {
        StatisticsFile(
            snapshotId: number << 40 | 7,
            path: "\(odd)/\(number).puffin",
            fileSize: number,
            footerSize: 1,
            blobs: []
        )
    }

    private static func metadata(snapshots: Int64) throws -> TableMetadata {
        var metadata = try TableMetadata.new(
            schema: ManifestTests.schema,
            spec: .unpartitioned,
            location: odd,
            properties: ["p": odd],
            uuid: "6f4a1c1e-0000-4000-8000-000000000000",
            nowMs: 1
        )
        for number in 0..<snapshots {
            let snapshot = snapshot(number + 1)
            metadata = try metadata.applying(
                [
                    .addSnapshot(snapshot), .setReference(name: "main", .init(branch: snapshot.id)),
                    .setStatistics(statistics(number + 1)),
                ],
                nowMs: 1
            )
            _ = metadata.supersede("\(odd)/\(number).metadata.json", writtenAtMs: -number)
            if number % 50 == 49 { _ = metadata.serialized() }
            if number > 120 {
                metadata = try metadata.applying([.removeSnapshots(ids: [Self.snapshot(number - 120).id])], nowMs: 1)
            }
        }
        return metadata
    }

    @Test(arguments: [0, 1, 2, 300] as [Int64]) func `is that of the whole document`(snapshots: Int64) throws {
        let metadata = try Self.metadata(snapshots: snapshots)
        let bytes = metadata.serialized()
        let document = try JSONValue.parse(bytes)
        #expect(document.serialized() == bytes)
        let object = try #require(document.asObject)
        let lists: [String: [JSONObject]] = [
            "snapshots": metadata.snapshots.map(\.json), "statistics": metadata.statistics.map(\.json),
            "snapshot-log": metadata.snapshotLog.map {
                ["timestamp-ms": .integer($0.timestampMs), "snapshot-id": .integer($0.snapshotId)]
            },
            "metadata-log": metadata.metadataLog.map {
                ["timestamp-ms": .integer($0.timestampMs), "metadata-file": .string($0.path)]
            },
        ]
        for (name, list) in lists {
            #expect(object[name] == .array(list.map { .object($0) }), "\(name)")
            #expect(
                list.count == min(Int(snapshots), name == "metadata-log" ? metadata.metadataLog.count : 121),
                "\(name)"
            )
        }
        // Written again by a process that has read it, nothing is other.
        let again = try TableMetadata.parse(bytes, at: "m")
        let isSame = again == metadata
        #expect(isSame && again.serialized() == bytes)
    }

    /// States of one table that are written in turns share what they remember of the last file.
    @Test func `is the same whatever was written before`() throws {
        let seed = UInt64.random(in: 0 ..< .max)
        var random = SeededGenerator(seed: seed)
        var states = [try Self.metadata(snapshots: 9)]
        for number in 100..<400 as Range<Int64> {
            let base = try #require(states.randomElement(using: &random))
            var updates: [TableUpdate] = [.addSnapshot(Self.snapshot(number))]
            if random.next() % 2 == 0 { updates.append(.setStatistics(Self.statistics(number))) }
            if random.next() % 3 > 0 { updates.append(.setReference(name: "main", .init(branch: number << 40 | 7))) }
            let gone = base.snapshots.map(\.id).filter { id in
                id != base.currentSnapshotId && random.next() % 5 == 0
            }
            updates.append(.removeSnapshots(ids: gone))
            let state = try base.applying(updates, nowMs: 1)
            let bytes = state.serialized()
            // Metadata that was just read has written nothing before.
            #expect(try TableMetadata.parse(bytes, at: "m").serialized() == bytes, "seed \(seed), \(number)")
            #expect(try TableMetadata.parse(bytes, at: "m") == state, "seed \(seed), \(number)")
            states.append(state)
            if states.count > 4 { states.removeFirst() }
        }
    }
}
