import Bytes
import IcebergFormat

// A database may hold several catalogs: Spark's JDBC catalog and PyIceberg register tables under the catalog name of
// the session. Tables of other catalogs are not listed, but error messages mention them.
extension JDBCTables {
    func otherCatalogs(_ onlyTables: String, _ session: any SQLSession) throws -> [(name: String, tables: Int)] {
        try session.rows(
            """
            SELECT catalog_name, count(*) FROM iceberg_tables
            WHERE catalog_name <> ?1\(onlyTables) GROUP BY catalog_name
            """,
            [name]
        ).map { row in (name: row[0] ?? "", tables: row[1].flatMap { Int($0) } ?? 0) }.sorted { $0.name < $1.name }
    }

    /// Advice for a table that is missing here but registered under another catalog name; nil if there is none.
    ///
    /// - Parameter isAlone: whether this catalog has no tables to suggest instead.
    func elsewhere(
        _ id: TableIdentifier,
        _ namespace: String,
        isAlone: Bool,
        _ session: any SQLSession
    ) throws -> String? {
        let holders = try session.texts(
            """
            SELECT catalog_name FROM iceberg_tables
            WHERE catalog_name <> ?1 AND table_namespace = ?2 AND table_name = ?3
            """,
            [name, namespace, id.name]
        ).sorted()
        if let holder = holders.first {
            return "it is registered under the catalog name '\(holder)'; use --catalog-name \(holder)"
        }
        return isAlone ? try underOtherNames(session) : nil
    }

    /// Advice that names the other catalogs with tables if this catalog has none; nil if no catalog has tables.
    func underOtherNames(_ session: any SQLSession) throws -> String? {
        let others = try otherCatalogs("", session)
        guard let first = others.first else { return nil }
        let counts = others.map { "\($0.tables) under '\($0.name)'" }.joined(separator: ", ")
        return "the catalog '\(name)' has no tables, but its database has \(counts); use --catalog-name \(first.name)"
    }

    /// Whether a view has that name.
    func isView(_ id: TableIdentifier, _ namespace: String, _ session: any SQLSession) throws -> Bool {
        guard hasType else { return false }
        return try !session.rows(
            """
            SELECT 1 FROM iceberg_tables WHERE catalog_name = ?1 AND table_namespace = ?2 AND table_name = ?3
            AND iceberg_type = 'VIEW'
            """,
            [name, namespace, id.name]
        ).isEmpty
    }
}
