import Bytes
import Columnar
import IcebergFormat
import IcebergTables

/// What a new Mixed table looks like.
public struct MixedTableDefinition: Sendable {
    public var identifier: TableIdentifier
    /// Field ids are assigned by the catalog.
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

extension MixedTable {
    /// Creates the stores of a new table, base first (spec sections 1.2 and 1.5). When the change store cannot be
    /// created the base is dropped again if this call has made it; where that cannot be told, the next attempt
    /// completes it.
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
            // What others have made stays: the change store of whoever was faster, and the base store it goes with. An
            // attempt of ours whose outcome is open may still turn up as well.
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

    /// Removes a change store whose base store is gone: what an earlier creation or drop left when it was cut short. One
    /// that holds data is not touched, nor one that has a base store by now: that is another creator's.
    private static func clearUnfinished(
        _ change: TableIdentifier,
        of base: TableIdentifier,
        in catalog: any Catalog
    ) throws(WeirError) {
        guard try catalog.exists(change) else { return }
        let found = try catalog.load(change)
        try catalog.purging([change]) { (table) throws(WeirError) in
            // A creator makes the base store first, so a change store seen before a base store that is missing has none.
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

    /// The base store of a creation that was cut short before its change store was there, if it is the one being created.
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
            && base.properties[TableMarkers.primaryKey] == definition.primaryKey.joined(separator: ",")
        guard isSame, TableMarkers.isBase(base.properties), base.metadata.currentSnapshot == nil,
            base.properties[TableMarkers.changeIdentifier] == change.description, try !catalog.exists(change)
        else { throw .tableExists(definition.identifier) }
        return base
    }

    /// Drops the stores, base first (spec section 1.5). With `purge` the files go that their metadata reaches.
    @discardableResult
    public func drop(purge: Bool) throws(WeirError) -> DropOutcome {
        let stores = [identifier] + (change.map { [$0.identifier] } ?? [])
        if purge { return try base.catalog.purging(stores) { (_) throws(WeirError) in } }
        for store in stores { try base.catalog.unregister(store) }
        return DropOutcome()
    }
}
