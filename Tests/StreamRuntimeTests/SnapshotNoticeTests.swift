import Columnar
import IcebergFormat
import Testing

@testable import StreamRuntime

/// What a run says about the snapshots of base.
@Suite struct SnapshotNoticeTests {
    private static func metadata(_ count: Int64, _ properties: [String: String]) throws -> TableMetadata {
        var builder = TableMetadataBuilder(
            try TableMetadata.new(
                schema: Schema([Field(id: 1, name: "id", type: .long)]),
                spec: .unpartitioned,
                location: "/t",
                properties: ["table-format": "MIXED_ICEBERG"].merging(properties) { $1 },
                uuid: "u",
                nowMs: 0
            ),
            nowMs: 0
        )
        for id in 1...count {
            let snapshot = Snapshot(
                id: id,
                parentId: id > 1 ? id - 1 : nil,
                sequenceNumber: id,
                timestampMs: id,
                manifestList: "/t/\(id).avro",
                operation: "append",
                summary: [:],
                schemaId: 0
            )
            try builder.apply(.addSnapshot(snapshot))
            try builder.apply(.setReference(name: "main", SnapshotReference(branch: id)))
        }
        for name in ["release", "audit"] where properties["tags"] != nil {
            try builder.apply(.setReference(name: name, SnapshotReference(tag: 1)))
        }
        return builder.metadata
    }

    @Test func `names what holds snapshots, once for each table`() throws {
        for (properties, reason) in [
            (["table-expire.enabled": "false"], "table-expire.enabled is false"),
            (["gc.enabled": "false"], "gc.enabled"),
            (["tags": "", "snapshot.keep.max-count": "2"], "2 branches and tags hold them: audit, release"),
            (["snapshot.keep.max-count": "2"], "others add more than expire"),
        ] {
            var notice = SnapshotNotice(snapshotsMax: 10)
            #expect(notice.next("db.a", try Self.metadata(10, properties)).isEmpty)
            let texts = notice.next("db.a", try Self.metadata(11, properties))
            #expect(texts.count == 1 && texts.first?.contains(reason) == true, "\(texts)")
            #expect(notice.next("db.a", try Self.metadata(12, properties)).isEmpty)
            // The first look does not tell how it goes on, but where nothing expires.
            let first = notice.next("db.b", try Self.metadata(12, properties))
            #expect(first.count == (reason.contains("false") || reason == "gc.enabled" ? 1 : 0))
        }
    }

    @Test func `a table that gets rid of them is left alone, and properties set the measure`() throws {
        var notice = SnapshotNotice(snapshotsMax: 10)
        let few = ["snapshot.keep.max-count": "2"]
        #expect(notice.next("db.a", try Self.metadata(9, few)).isEmpty)
        #expect(notice.next("db.b", try Self.metadata(30, ["snapshot.keep.max-count": "15"])).isEmpty)
        #expect(notice.next("db.c", try Self.metadata(60, few)).isEmpty)
        #expect(notice.next("db.c", try Self.metadata(40, few)).isEmpty)
        #expect(notice.next("db.c", try Self.metadata(40, few)).count == 1)
    }

    @Test func `a property that has no value of its own is told`() throws {
        var notice = SnapshotNotice(snapshotsMax: 10)
        let metadata = try Self.metadata(1, ["snapshot.keep.duration": "soon"])
        let texts = notice.next("db.a", metadata)
        #expect(texts.count == 1 && texts[0].contains("snapshot.keep.duration of db.a is 'soon'"), "\(texts)")
        #expect(notice.next("db.a", metadata).isEmpty)
    }
}
