import Bytes

/// What must hold for a commit, in the words of the Iceberg REST catalog ("TableRequirement" in its OpenAPI document).
public enum TableRequirement: Hashable, Sendable {
    /// The table does not exist.
    case create
    case tableUUID(String)
    /// A branch or tag is at a snapshot; it does not exist when the snapshot is nil.
    case reference(name: String, snapshotId: Int64?)
    case lastAssignedFieldId(Int)
    case currentSchemaId(Int)
    case lastAssignedPartitionId(Int)
    case defaultSpecId(Int)
    case defaultSortOrderId(Int)

    /// Fails with `conflict` when the requirement does not hold.
    ///
    /// - Parameter metadata: nil when the table does not exist.
    public func check(_ metadata: TableMetadata?, of table: TableIdentifier) throws(WeirError) {
        guard let metadata else {
            if self == .create { return }
            throw WeirError(.notFound, "there is no table '\(table)'")
        }
        switch self {
        case .create: throw WeirError(.alreadyExists, "table '\(table)' exists already")
        case .tableUUID(let uuid):
            // Programs differ in the case of the letters.
            try require(metadata.tableUUID.lowercased(), uuid.lowercased(), "the table's UUID", table)
        case .reference(let name, let expected):
            let found = metadata.references[name]?.snapshotId
            guard found != expected else { return }
            throw failed("'\(name)' is \(Self.state(found)), not \(Self.state(expected))", table)
        case .lastAssignedFieldId(let id): try require(metadata.lastColumnId, id, "the last column id", table)
        case .currentSchemaId(let id): try require(metadata.currentSchemaId, id, "the current schema", table)
        case .lastAssignedPartitionId(let id):
            try require(metadata.lastPartitionId, id, "the last partition field id", table)
        case .defaultSpecId(let id): try require(metadata.defaultSpecId, id, "the default partition spec", table)
        case .defaultSortOrderId(let id):
            try require(metadata.defaultSortOrderId, id, "the default sort order", table)
        }
    }

    private func require<Value: Equatable>(
        _ found: Value,
        _ expected: Value,
        _ what: String,
        _ table: TableIdentifier
    ) throws(WeirError) {
        if found != expected { throw failed("\(what) is \(found), not \(expected)", table) }
    }

    private func failed(_ reason: String, _ table: TableIdentifier) -> WeirError {
        WeirError(
            .conflict,
            "the commit to '\(table)' requires '\(type)', but \(reason)",
            advice: "another writer has changed the table; read it again"
        )
    }

    private static func state(_ snapshotId: Int64?) -> String {
        snapshotId.map { "at snapshot \($0)" } ?? "absent"
    }
}

extension TableRequirement {
    public init(json: JSONObject) throws(WeirError) {
        let type = try json.string("type")
        switch type {
        case "assert-create": self = .create
        case "assert-table-uuid": self = .tableUUID(try json.string("uuid"))
        case "assert-ref-snapshot-id":
            self = .reference(name: try json.string("ref"), snapshotId: try json.optionalLong("snapshot-id"))
        case "assert-last-assigned-field-id":
            self = .lastAssignedFieldId(try json.int("last-assigned-field-id"))
        case "assert-current-schema-id": self = .currentSchemaId(try json.int("current-schema-id"))
        case "assert-last-assigned-partition-id":
            self = .lastAssignedPartitionId(try json.int("last-assigned-partition-id"))
        case "assert-default-spec-id": self = .defaultSpecId(try json.int("default-spec-id"))
        case "assert-default-sort-order-id":
            self = .defaultSortOrderId(try json.int("default-sort-order-id"))
        default: throw WeirError(.unsupported, "the requirement '\(type)' is not known")
        }
    }

    /// The name of the requirement, such as `assert-table-uuid`.
    var type: String {
        switch self {
        case .create: "assert-create"
        case .tableUUID: "assert-table-uuid"
        case .reference: "assert-ref-snapshot-id"
        case .lastAssignedFieldId: "assert-last-assigned-field-id"
        case .currentSchemaId: "assert-current-schema-id"
        case .lastAssignedPartitionId: "assert-last-assigned-partition-id"
        case .defaultSpecId: "assert-default-spec-id"
        case .defaultSortOrderId: "assert-default-sort-order-id"
        }
    }

    public var json: JSONObject {
        var json: JSONObject = ["type": .string(type)]
        switch self {
        case .create: break
        case .tableUUID(let uuid): json["uuid"] = .string(uuid)
        case .reference(let name, let snapshotId):
            json["ref"] = .string(name)
            // Null says that there must be no such reference.
            json["snapshot-id"] = snapshotId.map { .integer($0) } ?? .null
        case .lastAssignedFieldId(let id): json["last-assigned-field-id"] = .integer(Int64(id))
        case .currentSchemaId(let id): json["current-schema-id"] = .integer(Int64(id))
        case .lastAssignedPartitionId(let id): json["last-assigned-partition-id"] = .integer(Int64(id))
        case .defaultSpecId(let id): json["default-spec-id"] = .integer(Int64(id))
        case .defaultSortOrderId(let id): json["default-sort-order-id"] = .integer(Int64(id))
        }
        return json
    }
}
