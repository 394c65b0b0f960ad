import Bytes
import IcebergFormat

/// A catalog in a SQL database; see `JDBCTables` for its schema. Several processes may use it at once.
public protocol SQLCatalog: PointerCatalog {
    var jdbc: JDBCTables { get }
}

extension SQLCatalog {
    /// The catalog name; several catalogs can share a database.
    public var name: String { jdbc.name }

    public func settle() throws(WeirError) -> Bool { try jdbc.database.settle() }

    public func namespaces() throws(WeirError) -> [[String]] {
        try jdbc.database.read { session in
            try jdbc.namespaces(session).map { $0.split(separator: ".").map(String.init) }
        }
    }

    public func createNamespace(_ namespace: [String], ifNotExists: Bool) throws(WeirError) {
        let text = try JDBCTables.text(namespace)
        // A write may have to wait for others, so look first.
        if ifNotExists, try jdbc.database.read({ session in try jdbc.has(text, session) }) { return }
        try settling { () throws(WeirError) in
            try jdbc.database.write { session in
                try session.lockNames()
                if try jdbc.has(text, session) {
                    guard ifNotExists else { throw WeirError(.alreadyExists, "namespace '\(text)' exists already") }
                    return .rollBack(())
                }
                _ = try session.run(
                    """
                    INSERT INTO iceberg_namespace_properties
                    (catalog_name, namespace, property_key, property_value) VALUES (?1, ?2, 'exists', 'true')
                    """,
                    [name, text]
                )
                return .commit(())
            }
        } hasHappened: { () throws(WeirError) in
            try jdbc.database.read { session in try jdbc.has(text, session) }
        }
    }

    public func dropNamespace(_ namespace: [String]) throws(WeirError) {
        let text = try JDBCTables.text(namespace)
        try jdbc.database.write { session in
            try session.lockNames()
            guard try jdbc.has(text, session) else { throw WeirError(.notFound, "there is no namespace '\(text)'") }
            let tables = try session.texts(
                "SELECT table_name FROM iceberg_tables WHERE catalog_name = ?1 AND table_namespace = ?2 LIMIT 1",
                [name, text]
            )
            guard tables.isEmpty else {
                throw WeirError(.conflict, "namespace '\(text)' still holds tables", advice: "drop them first")
            }
            _ = try session.run(
                "DELETE FROM iceberg_namespace_properties WHERE catalog_name = ?1 AND namespace = ?2",
                [name, text]
            )
            return .commit(())
        }
    }

    public func tables(in namespace: [String]) throws(WeirError) -> [TableIdentifier] {
        let text = try JDBCTables.text(namespace)
        return try jdbc.database.read { session in
            guard try jdbc.has(text, session) else {
                throw WeirError(
                    .notFound,
                    "there is no namespace '\(text)'",
                    advice: try NearestName.advice(for: text, among: jdbc.namespaces(session))
                        ?? jdbc.underOtherNames(session)
                )
            }
            return try jdbc.names(in: text, session).map { TableIdentifier(namespace: namespace, name: $0) }
        }
    }

    public func otherCatalogs() throws(WeirError) -> [(name: String, tables: Int)] {
        try jdbc.database.read { session in try jdbc.otherCatalogs(jdbc.onlyTables, session) }
    }

    public func metadataLocation(of id: TableIdentifier) throws(WeirError) -> String {
        try jdbc.database.read { session in try jdbc.location(of: id, session) }
    }

    public func metadataLocations(of ids: [TableIdentifier]) throws(WeirError) -> [String] {
        try jdbc.database.read { session in try ids.map { try jdbc.location(of: $0, session) } }
    }

    public func register(_ id: TableIdentifier, metadataLocation: String) throws(WeirError) {
        try settling { () throws(WeirError) in
            try insert(id, metadataLocation)
        } hasHappened: { () throws(WeirError) in
            do throws(WeirError) {
                return try self.metadataLocation(of: id) == metadataLocation
            } catch  where error.code == .notFound {
                return false
            }
        }
    }

    private func insert(_ id: TableIdentifier, _ metadataLocation: String) throws(WeirError) {
        let namespace = try JDBCTables.text(id.namespace)
        try jdbc.database.write { session in
            try session.lockNames()
            guard try jdbc.has(namespace, session) else {
                throw WeirError(
                    .notFound,
                    "there is no namespace '\(namespace)'",
                    advice: NearestName.advice(for: namespace, among: try jdbc.namespaces(session)) ?? "create it first"
                )
            }
            // A view with that name counts too.
            let taken = try session.texts(
                """
                SELECT table_name FROM iceberg_tables
                WHERE catalog_name = ?1 AND table_namespace = ?2 AND table_name = ?3
                """,
                [name, namespace, id.name]
            )
            guard taken.isEmpty else { throw WeirError.tableExists(id) }
            let type = jdbc.hasType ? (column: ", iceberg_type", value: ", 'TABLE'") : ("", "")
            _ = try session.run(
                """
                INSERT INTO iceberg_tables
                (catalog_name, table_namespace, table_name, metadata_location, previous_metadata_location\(type.0))
                VALUES (?1, ?2, ?3, ?4, NULL\(type.1))
                """,
                [name, namespace, id.name, metadataLocation]
            )
            return .commit(())
        }
    }

    public func unregister(_ id: TableIdentifier, at metadataLocation: String?) throws(WeirError) {
        let namespace = try JDBCTables.text(id.namespace)
        try jdbc.database.write { session in
            let isCurrent = metadataLocation == nil ? "" : " AND metadata_location = ?4"
            let count = try session.run(
                """
                DELETE FROM iceberg_tables
                WHERE catalog_name = ?1 AND table_namespace = ?2 AND table_name = ?3\(jdbc.onlyTables)\(isCurrent)
                """,
                [name, namespace, id.name] + (metadataLocation.map { [$0] } ?? [])
            )
            if count > 0 { return .commit(()) }
            guard try jdbc.names(in: namespace, session).contains(id.name) else {
                throw try jdbc.missing(id, namespace, session)
            }
            throw WeirError(.conflict, "another writer changed table '\(id)' first")
        }
    }

    /// Makes a change, and makes it again if its outcome was unknown and it turns out not to have happened.
    private func settling(
        _ change: () throws(WeirError) -> Void,
        hasHappened: () throws(WeirError) -> Bool
    ) throws(WeirError) {
        do throws(WeirError) {
            return try change()
        } catch {
            if error.certainlyDidNothing { throw error }
            let unknown = error
            do throws(WeirError) {
                guard try settle() else { throw unknown }
                if try hasHappened() { return }
            } catch {
                throw unknown
            }
        }
        try change()
    }

    public func swap(_ swaps: [PointerSwap]) throws(WeirError) -> [TableIdentifier] {
        // In the order of the names: two commits that lock rows in different orders would wait for each other.
        let ordered = swaps.sorted {
            ($0.identifier.namespace + [$0.identifier.name])
                .lexicographicallyPrecedes($1.identifier.namespace + [$1.identifier.name])
        }
        return try jdbc.database.write { session in
            let overtaken = try ordered.filter { try !jdbc.swap($0, session) }.map(\.identifier)
            return overtaken.isEmpty ? .commit([]) : .rollBack(overtaken)
        }
    }
}
