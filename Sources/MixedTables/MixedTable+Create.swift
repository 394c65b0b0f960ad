import Bytes
import Columnar
import IcebergFormat
import IcebergTables

/// The definition of a new Mixed table.
public struct MixedTableDefinition: Sendable {
    public var identifier: TableIdentifier
    /// The catalog assigns the field ids.
    public var schema: Schema
    public var partitionSpec: PartitionSpec
    /// Empty for an unkeyed table.
    public var primaryKey: [String]
    public var properties: [String: String]

    public init(
        identifier: TableIdentifier,
        schema: Schema,
        partitionSpec: PartitionSpec = .unpartitioned,
        primaryKey: [String] = [],
        properties: [String: String] = [:]
    ) {
        self.identifier = identifier
        self.schema = schema
        self.partitionSpec = partitionSpec
        self.primaryKey = primaryKey
        self.properties = properties
    }
}

extension MixedTableDefinition {
    /// Iceberg's format version of both stores.
    var formatVersion: Int { properties[TableMarkers.formatVersion].flatMap { Int($0) } ?? 2 }
}

extension MixedTable {
    /// Creates the stores of a new table, base first (spec sections 1.2 and 1.5). If the change store cannot be
    /// created, the base store is dropped again, provided this call created it. If the outcome is unknown, the next
    /// attempt completes the creation.
    public static func create(
        _ definition: MixedTableDefinition,
        in catalog: any Catalog,
        nowMilliseconds: Int64
    ) throws(WeirError) -> MixedTable {
        let identifier = definition.identifier
        var fields: [Field] = []
        for field in definition.schema.fields {
            // Key columns are required: a null key has no node and no row to replace.
            let isKey = definition.primaryKey.contains(field.name)
            fields.append(
                Field(
                    id: field.id,
                    name: field.name,
                    type: field.type,
                    isRequired: field.isRequired || isKey,
                    doc: field.doc
                )
            )
        }
        let schema = Schema(fields)
        _ = try schema.selecting(definition.primaryKey)
        if definition.formatVersion > 2 { try RowLineage.check(schema) }
        var baseProperties = definition.properties.merging(TableMarkers.defaults) { own, _ in own }
        let common = TableMarkers.common(store: TableMarkers.storeBase, createdMilliseconds: nowMilliseconds)
        baseProperties.merge(common) { $1 }

        guard !definition.primaryKey.isEmpty else {
            let table = try catalog.create(
                identifier,
                schema: schema,
                spec: definition.partitionSpec,
                properties: baseProperties
            )
            return MixedTable(base: table, change: nil, primaryKey: [])
        }

        let changeIdentifier = TableIdentifier(namespace: identifier.namespace, name: identifier.name + "_change_")
        let keyNames = definition.primaryKey.joined(separator: ",")
        baseProperties[TableMarkers.primaryKey] = keyNames
        baseProperties[TableMarkers.changeIdentifier] = changeIdentifier.description
        var changeProperties = definition.properties.merging(TableMarkers.defaults) { own, _ in own }
        changeProperties.merge(
            TableMarkers.common(store: TableMarkers.storeChange, createdMilliseconds: nowMilliseconds)
        ) { $1 }
        changeProperties[TableMarkers.primaryKey] = keyNames

        let base: Table
        let isOurs: Bool
        if try catalog.exists(identifier) {
            base = try unfinishedBase(definition, schema, change: changeIdentifier, in: catalog)
            isOurs = false
        } else {
            try clearUnfinished(changeIdentifier, of: identifier, in: catalog)
            isOurs = true
            base = try catalog.create(
                identifier,
                schema: schema,
                spec: definition.partitionSpec,
                properties: baseProperties
            )
        }
        do {
            let change = try catalog.create(
                changeIdentifier,
                schema: schema,
                spec: definition.partitionSpec,
                properties: changeProperties
            )
            let key = try base.schema.selecting(definition.primaryKey).fields
            return MixedTable(base: base, change: change, primaryKey: key)
        } catch {
            // Keep what others have created: the change store of a faster creator, and its base store. After an unknown
            // outcome, the change store of this call may still appear.
            if isOurs, error.code != .alreadyExists, error.code != .unknownState,
                (try? catalog.exists(changeIdentifier)) == false
            {
                _ = try? catalog.purging([identifier]) { (current) throws(WeirError) in
                    guard current.metadataLocation == base.metadataLocation, try !catalog.exists(changeIdentifier)
                    else {
                        throw WeirError(.alreadyExists, "another process has created table '\(identifier)'")
                    }
                }
            }
            throw error
        }
    }

    /// Removes an empty change store without a base store, left by an interrupted creation or drop. Fails with
    /// `alreadyExists` if it holds data, or if its base store exists by now because another process is creating the
    /// table.
    private static func clearUnfinished(
        _ change: TableIdentifier,
        of base: TableIdentifier,
        in catalog: any Catalog
    ) throws(WeirError) {
        guard try catalog.exists(change) else { return }
        let found = try catalog.load(change)
        try catalog.purging([change]) { (table) throws(WeirError) in
            // Base stores are created first. The change store existed before this check, so without a base store it is
            // a leftover.
            guard TableMarkers.isChange(table.properties), table.metadata.currentSnapshot == nil,
                table.metadata.tableUUID == found.metadata.tableUUID, try !catalog.exists(base)
            else {
                throw WeirError(
                    .alreadyExists,
                    "the change store \(change) exists already",
                    advice: "drop it, or choose another table name"
                )
            }
        }
    }

    /// The base store of a creation that was interrupted before its change store was created. Fails if it differs from
    /// the definition.
    private static func unfinishedBase(
        _ definition: MixedTableDefinition,
        _ schema: Schema,
        change: TableIdentifier,
        in catalog: any Catalog
    ) throws(WeirError) -> Table {
        let base = try catalog.load(definition.identifier)
        let isSame =
            base.schema.fields.map(\.name) == schema.fields.map(\.name)
            && base.schema.fields.map(\.type) == schema.fields.map(\.type)
            && base.spec.fields.map(\.transform) == definition.partitionSpec.fields.map(\.transform)
            && base.metadata.formatVersion == definition.formatVersion
            && base.properties[TableMarkers.primaryKey] == definition.primaryKey.joined(separator: ",")
        guard isSame, TableMarkers.isBase(base.properties), base.metadata.currentSnapshot == nil,
            base.properties[TableMarkers.changeIdentifier] == change.description, try !catalog.exists(change)
        else { throw .tableExists(definition.identifier) }
        return base
    }

    /// Drops the stores, base first (spec section 1.5). With `purge`, the files that their metadata refers to are
    /// deleted.
    @discardableResult
    public func drop(purge: Bool) throws(WeirError) -> DropOutcome {
        let stores = [identifier] + (change.map { [$0.identifier] } ?? [])
        if purge { return try base.catalog.purging(stores) { (_) throws(WeirError) in } }
        for store in stores { try base.catalog.unregister(store) }
        return DropOutcome()
    }
}
