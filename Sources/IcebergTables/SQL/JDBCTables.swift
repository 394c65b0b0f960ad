import Bytes
import IcebergFormat

/// The tables of a SQL catalog, with the schema that Java's JdbcCatalog and PyIceberg's SqlCatalog share.
///
/// ```
/// iceberg_tables                catalog_name, table_namespace, table_name → metadata_location, previous_…, iceberg_type
/// iceberg_namespace_properties  catalog_name, namespace, property_key → property_value ("exists" = "true" at least)
/// ```
public struct JDBCTables: Sendable {
    let database: any SQLDatabase
    /// The catalog name; several catalogs can share a database.
    let name: String
    /// Databases with the older schema have no `iceberg_type` column and no views.
    let hasType: Bool

    /// The statements that create what is missing.
    static let creation = [
        """
        CREATE TABLE IF NOT EXISTS iceberg_tables (
            catalog_name VARCHAR(255) NOT NULL,
            table_namespace VARCHAR(255) NOT NULL,
            table_name VARCHAR(255) NOT NULL,
            metadata_location VARCHAR(1000),
            previous_metadata_location VARCHAR(1000),
            iceberg_type VARCHAR(5),
            PRIMARY KEY (catalog_name, table_namespace, table_name)
        )
        """,
        """
        CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
            catalog_name VARCHAR(255) NOT NULL,
            namespace VARCHAR(255) NOT NULL,
            property_key VARCHAR(255) NOT NULL,
            property_value VARCHAR(1000) NOT NULL,
            PRIMARY KEY (catalog_name, namespace, property_key)
        )
        """,
    ]

    /// The name of a namespace in the database.
    static func text(_ namespace: [String]) throws(WeirError) -> String {
        guard !namespace.isEmpty, namespace.allSatisfy({ !$0.isEmpty && !$0.contains(".") && !$0.contains("/") }) else {
            throw WeirError(
                .invalid,
                "'\(namespace.joined(separator: "."))' is not the name of a database",
                advice: "its parts are not empty and hold no '/'"
            )
        }
        return namespace.joined(separator: ".")
    }

    var onlyTables: String { hasType ? " AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)" : "" }

    // MARK: - Queries

    /// A namespace also exists if it has tables or nested namespaces.
    func has(_ namespace: String, _ session: any SQLSession) throws -> Bool {
        let inside = namespace + "."
        return try !session.rows(
            """
            SELECT 1 WHERE EXISTS (SELECT 1 FROM iceberg_namespace_properties
                WHERE catalog_name = ?1 AND (namespace = ?2 OR substr(namespace, 1, length(?3)) = ?3))
            OR EXISTS (SELECT 1 FROM iceberg_tables
                WHERE catalog_name = ?1 AND (table_namespace = ?2 OR substr(table_namespace, 1, length(?3)) = ?3))
            """,
            [name, namespace, inside]
        ).isEmpty
    }

    func namespaces(_ session: any SQLSession) throws -> [String] {
        // Sorted here, because databases have orders of their own.
        try session.texts(
            """
            SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ?1
            UNION SELECT table_namespace FROM iceberg_tables WHERE catalog_name = ?1
            """,
            [name]
        ).sorted()
    }

    func names(in namespace: String, _ session: any SQLSession) throws -> [String] {
        try session.texts(
            """
            SELECT table_name FROM iceberg_tables
            WHERE catalog_name = ?1 AND table_namespace = ?2\(onlyTables)
            """,
            [name, namespace]
        ).sorted()
    }

    /// The current metadata file. Fails with `notFound` and the nearest known name.
    func location(of id: TableIdentifier, _ session: any SQLSession) throws -> String {
        let namespace = try Self.text(id.namespace)
        let found = try session.texts(
            """
            SELECT metadata_location FROM iceberg_tables
            WHERE catalog_name = ?1 AND table_namespace = ?2 AND table_name = ?3\(onlyTables)
            """,
            [name, namespace, id.name]
        )
        guard let location = found.first else { throw try missing(id, namespace, session) }
        return location
    }

    /// Moves a pointer, or only locks it when `swap.new` is nil. False if another metadata file is current.
    func swap(_ swap: PointerSwap, _ session: any SQLSession) throws -> Bool {
        let namespace = try Self.text(swap.identifier.namespace)
        let moved = swap.new.map { [$0] } ?? []
        let changes =
            swap.new == nil ? "metadata_location = ?1" : "metadata_location = ?5, previous_metadata_location = ?1"
        let count = try session.run(
            """
            UPDATE iceberg_tables SET \(changes)
            WHERE metadata_location = ?1 AND catalog_name = ?2 AND table_namespace = ?3 AND table_name = ?4
            """,
            [swap.old, name, namespace, swap.identifier.name] + moved
        )
        if count > 0 { return true }
        guard try names(in: namespace, session).contains(swap.identifier.name) else {
            throw try missing(swap.identifier, namespace, session)
        }
        return false
    }

    /// The error for a table that is not there.
    func missing(_ id: TableIdentifier, _ namespace: String, _ session: any SQLSession) throws -> WeirError {
        if try isView(id, namespace, session) {
            return WeirError(
                .notFound,
                "'\(id)' is a view, and Weir reads tables only",
                advice: "name the tables that the view reads"
            )
        }
        let inNamespace = try names(in: namespace, session).map { namespace + "." + $0 }
        let candidates =
            try inNamespace.isEmpty
            ? namespaces(session).flatMap { namespace in
                try names(in: namespace, session).map { namespace + "." + $0 }
            } : inNamespace
        // Do not suggest the change store of a table.
        let known = Set(candidates)
        let suffix = "_change_"
        let shown = candidates.filter { !$0.hasSuffix(suffix) || !known.contains(String($0.dropLast(suffix.count))) }
        return WeirError(
            .notFound,
            "there is no table '\(id)'",
            at: database.location,
            advice: try elsewhere(id, namespace, isAlone: shown.isEmpty, session)
                ?? NearestName.advice(for: id.description, among: shown) ?? "that catalog has no tables"
        )
    }
}
