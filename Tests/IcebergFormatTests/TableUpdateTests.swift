import Bytes
import Columnar
import Testing

@testable import IcebergFormat

@Suite struct TableUpdateTests {
    static let columns = Schema([
        Field(id: 1, name: "id", type: .long, isRequired: true), Field(id: 2, name: "name", type: .string),
    ])
    static let wider = Schema(columns.fields + [Field(id: 3, name: "at", type: .timestamptz)])
    static let table = TableIdentifier(namespace: ["db"], name: "t")

    static func snapshot(_ id: Int64, after parent: Int64?, sequence: Int64) -> Snapshot {
        Snapshot(
            id: id,
            parentId: parent,
            sequenceNumber: sequence,
            timestampMs: 1_700_000_000_000 + id,
            manifestList: "file:///t/metadata/snap-\(id).avro",
            operation: "append",
            summary: ["added-records": "1"],
            schemaId: 0
        )
    }

    static func statistics(_ id: Int64) -> StatisticsFile {
        StatisticsFile(
            snapshotId: id,
            path: "file:///t/\(id).puffin",
            fileSize: 100,
            footerSize: 40,
            blobs: [
                .init(
                    type: "apache-datasketches-theta-v1",
                    snapshotId: id,
                    sequenceNumber: 1,
                    fields: [1],
                    properties: ["a": "b"]
                )
            ]
        )
    }

    static func partitionStatistics(_ id: Int64) -> PartitionStatisticsFile {
        PartitionStatisticsFile(snapshotId: id, path: "file:///t/\(id).parquet", fileSize: 10)
    }

    static func sortOrder(_ id: Int) throws -> SortOrder {
        try SortOrder(
            json: [
                "order-id": .integer(Int64(id)),
                "fields": .array([
                    .object([
                        "transform": "identity", "source-id": .integer(1), "direction": "desc",
                        "null-order": "nulls-last",
                    ])
                ]),
            ]
        )
    }

    static func metadata() throws -> TableMetadata {
        try TableMetadata.new(
            schema: columns,
            spec: .unpartitioned,
            location: "file:///t",
            properties: ["owner": "me", "old": "value"],
            uuid: "6f4a1c1e-0000-4000-8000-000000000000",
            nowMs: 1_600_000_000_000
        )
    }

    /// A list that uses every action, in an order in which each of them has an effect.
    static func everything() throws -> [TableUpdate] {
        let spec = PartitionSpec(
            id: 1,
            fields: [PartitionField(sourceId: 1, id: 1000, name: "id_bucket", transform: .bucket(4))]
        )
        return [
            .assignUUID("6f4a1c1e-0000-4000-8000-00000000000a"), .addSchema(TableSchema(id: 1, schema: wider)),
            .setCurrentSchema(id: -1), .addSchema(TableSchema(id: 2, schema: Schema(wider.fields.suffix(2)))),
            .addSpec(spec), .setDefaultSpec(id: -1), .addSortOrder(try sortOrder(1)), .setDefaultSortOrder(id: -1),
            .addSnapshot(snapshot(11, after: nil, sequence: 1)), .setReference(name: "main", .init(branch: 11)),
            .setReference(name: "kept", .init(tag: 11, maxAgeMs: 5)), .setStatistics(statistics(11)),
            .setPartitionStatistics(partitionStatistics(11)),
            .addSnapshot(snapshot(12, after: 11, sequence: 2)), .setReference(name: "main", .init(branch: 12)),
            .setReference(name: "gone", .init(branch: 12)), .removeReference(name: "gone"),
            .addSnapshot(snapshot(13, after: 12, sequence: 3)), .setStatistics(statistics(13)),
            .setPartitionStatistics(partitionStatistics(13)), .removeStatistics(snapshotId: 13),
            .removePartitionStatistics(snapshotId: 13), .removeSnapshots(ids: [13]),
            .setStatistics(statistics(12)), .setLocation("file:///elsewhere"),
            .setProperties(["a": "b", "owner": "you"]),
            .removeProperties(["old"]), .removeSchemas(ids: [2]), .removeSpecs(ids: [0]),
        ]
    }

    static let requirements: [TableRequirement] = [
        .create, .tableUUID("6f4a1c1e-0000-4000-8000-000000000000"), .reference(name: "main", snapshotId: 11),
        .reference(name: "b", snapshotId: nil), .lastAssignedFieldId(2), .currentSchemaId(0),
        .lastAssignedPartitionId(999), .defaultSpecId(0), .defaultSortOrderId(0),
    ]

    @Test func `a commit is the same after JSON and back`() throws {
        let updates = try Self.everything() + [.upgradeFormatVersion(3)]
        let commit = TableCommit(Self.table, requirements: Self.requirements, updates: updates)
        let text = JSONValue.object(commit.json).text
        let again = try TableCommit(json: #require(JSONValue.parse(text).asObject))
        #expect(again == commit)
        #expect(JSONValue.object(again.json).text == text)
        // Every action of the REST catalog that changes a table is among them.
        let actions = try Set(updates.map { try $0.json.string("action") })
        #expect(actions.count == 21)
    }

    @Test func `what the REST catalog's own texts say is understood`() throws {
        let texts: [(String, TableUpdate)] = [
            (#"{"action":"remove-properties","removed":["a"]}"#, .removeProperties(["a"])),
            (#"{"action":"set-properties","updated":{"a":"b"}}"#, .setProperties(["a": "b"])),
            (#"{"action":"remove-snapshots","snapshot-ids":[9223372036854775807]}"#, .removeSnapshots(ids: [.max])),
            (
                #"{"snapshot-id":5,"ref-name":"x","type":"tag","action":"set-snapshot-ref"}"#,
                .setReference(name: "x", .init(tag: 5))
            ),
            (#"{"action":"set-current-schema","schema-id":-1}"#, .setCurrentSchema(id: -1)),
        ]
        for (text, expected) in texts {
            let update = try TableUpdate(json: #require(JSONValue.parse(text).asObject))
            guard case .setReference(let name, let reference) = update,
                case .setReference(let expectedName, let expectedReference) = expected
            else {
                #expect(update == expected)
                continue
            }
            #expect(name == expectedName && reference.isSame(as: expectedReference))
        }
        for text in [
            #"{"action":"add-view-version"}"#, #"{"action":"set-location"}"#, #"{"updates":{}}"#,
            #"{"action":"remove-schemas","schema-ids":["a"]}"#, #"{"action":"remove-snapshots","snapshot-ids":7}"#,
        ] {
            let error = #expect(throws: WeirError.self, "\(text)") {
                try TableUpdate(json: #require(JSONValue.parse(text).asObject))
            }
            #expect(error?.code == .unsupported || error?.code == .corrupt)
        }
    }

    @Test func `every requirement holds where it should, and is named where it does not`() throws {
        let empty = try Self.metadata()
        let metadata = try empty.applying(
            [.addSnapshot(Self.snapshot(11, after: nil, sequence: 1)), .setReference(name: "main", .init(branch: 11))],
            nowMs: 1
        )
        for requirement in Self.requirements where requirement != .create {
            try requirement.check(metadata, of: Self.table)
            #expect(throws: WeirError.self) { try requirement.check(nil, of: Self.table) }
        }
        try TableRequirement.create.check(nil, of: Self.table)
        let failing: [TableRequirement] = [
            .create, .tableUUID("6f4a1c1e-0000-4000-8000-00000000000a"), .reference(name: "main", snapshotId: 12),
            .reference(name: "main", snapshotId: nil), .reference(name: "b", snapshotId: 11), .lastAssignedFieldId(3),
            .currentSchemaId(1), .lastAssignedPartitionId(1000), .defaultSpecId(1), .defaultSortOrderId(1),
        ]
        for requirement in failing {
            let error = #expect(throws: WeirError.self) { try requirement.check(metadata, of: Self.table) }
            #expect(error?.code == (requirement == .create ? .alreadyExists : .conflict))
            #expect(error?.message.contains("db.t") == true)
            #expect(requirement == .create || error?.message.contains(requirement.type) == true)
        }
    }

    @Test func `updates that do not fit are refused`() throws {
        let metadata = try Self.metadata().applying(Self.everything(), nowMs: 1)
        let twice = Schema(Self.columns.fields + [Field(id: 1, name: "again", type: .int)])
        let refused: [TableUpdate] = [
            .upgradeFormatVersion(1), .upgradeFormatVersion(4), .setCurrentSchema(id: -1), .setCurrentSchema(id: 9),
            .setDefaultSpec(id: -1), .setDefaultSpec(id: 9), .setDefaultSortOrder(id: -1), .setDefaultSortOrder(id: 9),
            .addSnapshot(Self.snapshot(12, after: 11, sequence: 9)),
            .addSnapshot(Self.snapshot(14, after: 12, sequence: 2)),
            .addSnapshot(Self.snapshot(14, after: 12, sequence: .max)), .setReference(name: "x", .init(branch: 99)),
            .setReference(name: "main", .init(tag: 11)), .removeSnapshots(ids: [11]), .removeSnapshots(ids: [12]),
            .removeSchemas(ids: [1]), .removeSpecs(ids: [1]), .addSchema(TableSchema(id: 3, schema: twice)),
        ]
        for update in refused {
            let error = #expect(throws: WeirError.self, "\(update)") { try metadata.applying([update], nowMs: 1) }
            #expect(error?.code == .invalid || error?.code == .unsupported, "\(update)")
        }
        // The result of every list can be read.
        _ = try TableMetadata.parse(metadata.serialized(), at: "m")
    }

    @Test func `what is there already is used again`() throws {
        let metadata = try Self.metadata().applying(Self.everything(), nowMs: 1)
        // The same columns have another id here, and other columns a taken one.
        let added = try metadata.applying(
            [
                .addSchema(TableSchema(id: 5, schema: Self.columns)), .setCurrentSchema(id: -1),
                .addSchema(TableSchema(id: 1, schema: Schema(Array(Self.wider.fields.prefix(1))))),
                .addSpec(PartitionSpec(id: 7, fields: metadata.spec.fields)), .setDefaultSpec(id: -1),
                .addSortOrder(Self.sortOrder(9)), .setDefaultSortOrder(id: -1),
            ],
            nowMs: 1
        )
        #expect(added.currentSchemaId == 0 && added.schemas.map(\.id) == [0, 1, 2])
        #expect(added.lastColumnId == 3)
        #expect(added.defaultSpecId == 1 && added.specs.map(\.id) == [1])
        #expect(added.defaultSortOrderId == 1 && added.sortOrders.map(\.id) == [0, 1])
    }

    @Test func `expired snapshots leave no statistics, and no gap in the log`() throws {
        var metadata = try Self.metadata()
        for id in 1...4 as ClosedRange<Int64> {
            metadata = try metadata.applying(
                [
                    .addSnapshot(Self.snapshot(id, after: id == 1 ? nil : id - 1, sequence: id)),
                    .setReference(name: "main", .init(branch: id)), .setStatistics(Self.statistics(id)),
                ],
                nowMs: id
            )
        }
        let cut = try metadata.applying([.removeSnapshots(ids: [2, 99])], nowMs: 5)
        #expect(cut.snapshots.map(\.id) == [1, 3, 4] && cut.statistics.map(\.snapshotId) == [1, 3, 4])
        #expect(cut.snapshotLog.map(\.snapshotId) == [3, 4])
        #expect(cut.snapshots[1].parentId == 2)
        // A rollback is in the log with the time of the commit.
        let back = try cut.applying([.setReference(name: "main", .init(branch: 3))], nowMs: 1_800_000_000_000)
        #expect(back.currentSnapshotId == 3 && back.snapshotLog.last?.timestampMs == 1_800_000_000_000)
    }

    @Test func `row ids go on in version 3`() throws {
        func snapshot(_ id: Int64, from first: Int64?, rows: Int64?) throws -> Snapshot {
            var json = Self.snapshot(id, after: nil, sequence: id).json
            json["first-row-id"] = first.map { .integer($0) }
            json["added-rows"] = rows.map { .integer($0) }
            return try Snapshot(json: json)
        }
        let metadata = try Self.metadata().applying(
            [.upgradeFormatVersion(3), .addSnapshot(snapshot(1, from: 0, rows: 10))],
            nowMs: 1
        )
        #expect(metadata.nextRowId == 10)
        #expect(try TableMetadata.parse(metadata.serialized(), at: "m").nextRowId == 10)
        for (first, rows) in [(nil, nil), (9, 1), (10, -1), (10, .max), (10, nil)] as [(Int64?, Int64?)] {
            #expect(throws: WeirError.self) {
                try metadata.applying([.addSnapshot(snapshot(2, from: first, rows: rows))], nowMs: 1)
            }
        }
        #expect(try metadata.applying([.addSnapshot(snapshot(2, from: 10, rows: 5))], nowMs: 1).nextRowId == 15)
    }
}
