import Bytes

extension TableUpdate {
    /// Fails with `unsupported` for an action that is not known here.
    public init(json: JSONObject) throws(WeirError) {
        let action = try json.string("action")
        do throws(WeirError) {
            self = try Self.parse(action, json)
        } catch {
            throw error.located(at: "update '\(action)'")
        }
    }

    private static func parse(_ action: String, _ json: JSONObject) throws(WeirError) -> TableUpdate {
        switch action {
        case "assign-uuid": .assignUUID(try json.string("uuid"))
        case "upgrade-format-version": .upgradeFormatVersion(try json.int("format-version"))
        case "add-schema": .addSchema(try TableSchema(json: try json.object("schema")))
        case "set-current-schema": .setCurrentSchema(id: try json.int("schema-id"))
        case "add-spec": .addSpec(try PartitionSpec(json: try json.object("spec")))
        case "set-default-spec": .setDefaultSpec(id: try json.int("spec-id"))
        case "add-sort-order": .addSortOrder(try SortOrder(json: try json.object("sort-order")))
        case "set-default-sort-order": .setDefaultSortOrder(id: try json.int("sort-order-id"))
        case "add-snapshot": .addSnapshot(try Snapshot(json: try json.object("snapshot")))
        case "set-snapshot-ref":
            .setReference(
                name: try json.string("ref-name"),
                try SnapshotReference(json: json.removing(["action", "ref-name"]))
            )
        case "remove-snapshots": .removeSnapshots(ids: try json.integers("snapshot-ids"))
        case "remove-snapshot-ref": .removeReference(name: try json.string("ref-name"))
        case "set-location": .setLocation(try json.string("location"))
        // Some clients use the names of older drafts.
        case "set-properties": .setProperties(try json.texts(json["updates"] == nil ? "updated" : "updates"))
        case "remove-properties":
            .removeProperties(try json.names(json["removals"] == nil ? "removed" : "removals"))
        case "set-statistics": .setStatistics(try StatisticsFile(json: try json.object("statistics")))
        case "remove-statistics": .removeStatistics(snapshotId: try json.long("snapshot-id"))
        case "set-partition-statistics":
            .setPartitionStatistics(try PartitionStatisticsFile(json: try json.object("partition-statistics")))
        case "remove-partition-statistics": .removePartitionStatistics(snapshotId: try json.long("snapshot-id"))
        case "remove-schemas": .removeSchemas(ids: try json.ids("schema-ids"))
        case "remove-partition-specs": .removeSpecs(ids: try json.ids("spec-ids"))
        default: throw WeirError(.unsupported, "this change of a table is not known")
        }
    }

    public var json: JSONObject {
        switch self {
        case .assignUUID(let uuid): ["action": "assign-uuid", "uuid": .string(uuid)]
        case .upgradeFormatVersion(let version):
            ["action": "upgrade-format-version", "format-version": .integer(Int64(version))]
        case .addSchema(let schema): ["action": "add-schema", "schema": .object(schema.json)]
        case .setCurrentSchema(let id): ["action": "set-current-schema", "schema-id": .integer(Int64(id))]
        case .addSpec(let spec): ["action": "add-spec", "spec": .object(spec.json)]
        case .setDefaultSpec(let id): ["action": "set-default-spec", "spec-id": .integer(Int64(id))]
        case .addSortOrder(let order): ["action": "add-sort-order", "sort-order": .object(order.json)]
        case .setDefaultSortOrder(let id):
            ["action": "set-default-sort-order", "sort-order-id": .integer(Int64(id))]
        case .addSnapshot(let snapshot): ["action": "add-snapshot", "snapshot": .object(snapshot.json)]
        case .setReference(let name, let reference):
            (["action": "set-snapshot-ref", "ref-name": .string(name)] as JSONObject).adding(reference.json)
        case .removeSnapshots(let ids):
            ["action": "remove-snapshots", "snapshot-ids": .array(ids.map { .integer($0) })]
        case .removeReference(let name): ["action": "remove-snapshot-ref", "ref-name": .string(name)]
        case .setLocation(let location): ["action": "set-location", "location": .string(location)]
        case .setProperties(let properties):
            ["action": "set-properties", "updates": .object(JSONObject(texts: properties))]
        case .removeProperties(let keys):
            ["action": "remove-properties", "removals": .array(keys.map { .string($0) })]
        case .setStatistics(let file):
            // Older servers require the snapshot here as well.
            [
                "action": "set-statistics", "snapshot-id": .integer(file.snapshotId), "statistics": .object(file.json),
            ]
        case .removeStatistics(let id): ["action": "remove-statistics", "snapshot-id": .integer(id)]
        case .setPartitionStatistics(let file):
            ["action": "set-partition-statistics", "partition-statistics": .object(file.json)]
        case .removePartitionStatistics(let id):
            ["action": "remove-partition-statistics", "snapshot-id": .integer(id)]
        case .removeSchemas(let ids):
            ["action": "remove-schemas", "schema-ids": .array(ids.map { .integer(Int64($0)) })]
        case .removeSpecs(let ids):
            ["action": "remove-partition-specs", "spec-ids": .array(ids.map { .integer(Int64($0)) })]
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
}

extension JSONObject {
    fileprivate func adding(_ other: JSONObject) -> JSONObject { JSONObject(entries: entries + other.entries) }

    fileprivate func integers(_ key: String) throws(WeirError) -> [Int64] {
        try array(key).map { (value) throws(WeirError) in
            guard let integer = value.asInteger else { throw missing(key, "an array of integers") }
            return integer
        }
    }

    fileprivate func ids(_ key: String) throws(WeirError) -> [Int] {
        try integers(key).map { (value) throws(WeirError) in
            guard let id = Int32(exactly: value) else { throw missing(key, "an array of 32-bit integers") }
            return Int(id)
        }
    }

    fileprivate func names(_ key: String) throws(WeirError) -> [String] {
        try array(key).map { (value) throws(WeirError) in
            guard let name = value.asString else { throw missing(key, "an array of texts") }
            return name
        }
    }
}
