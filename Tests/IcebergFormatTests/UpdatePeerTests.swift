import Bytes
import Columnar
import Testing
import WeirTesting

@testable import IcebergFormat

/// Lists of updates between PyIceberg and us. Requires `scripts/install-test-peers`.
@Suite(.enabled(if: Peers.shouldRun, "scripts/install-test-peers has not run"))
struct UpdatePeerTests {
    private struct Answer {
        let metadata: TableMetadata
        let requirements: [TableRequirement]
        let updates: [TableUpdate]

        init(_ text: String) throws {
            let json = try #require(JSONValue.parse(text).asObject)
            metadata = try TableMetadata.parse(JSONValue.object(json.object("metadata")).serialized(), at: "answer")
            requirements = try json.objects("requirements").map { try TableRequirement(json: $0) }
            updates = try json.objects("updates").map { try TableUpdate(json: $0) }
        }
    }

    private static func input(_ metadata: TableMetadata, _ commit: TableCommit) throws -> String {
        var json = commit.json
        json["metadata"] = try JSONValue.parse(metadata.serialized())
        return JSONValue.object(json).text
    }

    /// What PyIceberg and we must agree on. The time of the change and the log of files belong to the catalog.
    private static func described(_ metadata: TableMetadata) -> [String] {
        let references = metadata.references.sorted { $0.key < $1.key }.map { name, reference in
            "\(name) \(reference.snapshotId) \(reference.isTag) \(reference.maxReferenceAgeMs ?? -1)"
        }
        let statistics = metadata.statistics.map { "\($0.snapshotId) \($0.path) \($0.blobs)" }
        let snapshots = metadata.snapshots.map { snapshot in
            let summary = snapshot.summary.sorted { $0.key < $1.key }
            return
                "\(snapshot.id) \(snapshot.parentId ?? -1) \(snapshot.sequenceNumber) \(snapshot.timestampMs) \(summary)"
                + " \(snapshot.manifestList ?? "") \(snapshot.operation ?? "") \(snapshot.schemaId ?? -1)"
        }
        return [
            "\(metadata.formatVersion) \(metadata.tableUUID) \(metadata.location) \(metadata.lastSequenceNumber)",
            "columns \(metadata.currentSchemaId) \(metadata.lastColumnId)",
            "specs \(metadata.defaultSpecId) \(metadata.lastPartitionId) \(metadata.specs)",
            "properties \(metadata.properties.sorted { $0.key < $1.key })",
            "current \(metadata.currentSnapshotId ?? -1) log \(metadata.snapshotLog)", "references \(references)",
            "snapshots \(snapshots)", "statistics \(statistics)",
            "partitions \(metadata.partitionStatistics.map { "\($0.snapshotId) \($0.path)" })",
        ] + metadata.schemas.map { "schema \($0.id) \($0.schema) \($0.identifierFieldIds)" }
            + metadata.sortOrders.map { "order \($0.id) \($0.fields)" }
    }

    @Test func `PyIceberg reads our updates, and applies them as we do`() throws {
        let metadata = try TableUpdateTests.metadata()
        let requirements =
            TableUpdateTests.requirements.filter { $0 != .reference(name: "main", snapshotId: 11) }
            .filter { $0 != .reference(name: "b", snapshotId: nil) } + [.reference(name: "main", snapshotId: nil)]
        let commit = try TableCommit(
            TableUpdateTests.table,
            requirements: requirements,
            updates: TableUpdateTests.everything()
        )
        let answer = try Answer(
            Peers.run("pyiceberg_updates.py", ["apply"], input: Self.input(metadata, commit))
        )
        let ours = try metadata.applying(commit.updates, nowMs: 1_700_000_000_000)
        #expect(Self.described(answer.metadata) == Self.described(ours))
        #expect(answer.requirements == requirements)
        // What it writes for our updates means the same again.
        let theirs = try metadata.applying(answer.updates, nowMs: 1_700_000_000_000)
        #expect(Self.described(theirs) == Self.described(ours))
        #expect(answer.updates.count == commit.updates.count)
    }

    @Test func `an upgrade of the format is the same there`() throws {
        // PyIceberg makes no table of version 3.
        let metadata = try FixtureTests.metadata("spark-v1")
        let commit = TableCommit(TableUpdateTests.table, updates: [.upgradeFormatVersion(2)])
        let answer = try Answer(
            Peers.run("pyiceberg_updates.py", ["apply"], input: Self.input(metadata, commit))
        )
        #expect(Self.described(answer.metadata) == Self.described(try metadata.applying(commit.updates, nowMs: 1)))
    }

    @Test func `we apply the updates that PyIceberg makes as it does`() throws {
        let metadata = try TableUpdateTests.metadata()
        let commit = TableCommit(TableUpdateTests.table, updates: [])
        let answer = try Answer(
            Peers.run("pyiceberg_updates.py", ["make"], input: Self.input(metadata, commit))
        )
        #expect(answer.updates.count >= 8 && !answer.requirements.isEmpty)
        for requirement in answer.requirements { try requirement.check(metadata, of: TableUpdateTests.table) }
        let ours = try metadata.applying(answer.updates, nowMs: 1)
        #expect(Self.described(ours) == Self.described(answer.metadata))
        #expect(ours.schema.fields.map(\.name) == ["id", "title", "added", "text"])
    }
}
