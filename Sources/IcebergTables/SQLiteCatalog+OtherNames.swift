import Bytes
import GRDB
import IcebergFormat

// A database may hold several catalogs: Spark's JDBC catalog and PyIceberg register tables under the catalog name of
// the session. Tables of other catalogs are not listed, but error messages mention them.
extension SQLiteCatalog {
    static func otherCatalogs(
        than name: String,
        _ onlyTables: String,
        _ db: Database
    ) throws -> [(name: String, tables: Int)] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT catalog_name, count(*) FROM iceberg_tables
                WHERE catalog_name <> ?\(onlyTables) GROUP BY catalog_name ORDER BY catalog_name
                """,
            arguments: [name]
        ).map { (name: $0[0], tables: $0[1]) }
    }

    /// Advice for a table that is missing here but registered under another catalog name; nil if there is none.
    ///
    /// - Parameter isAlone: whether this catalog has no tables to suggest instead.
    func elsewhere(_ id: TableIdentifier, _ namespace: String, isAlone: Bool, _ db: Database) throws -> String? {
        let holders = try String.fetchAll(
            db,
            sql: """
                SELECT catalog_name FROM iceberg_tables
                WHERE catalog_name <> ? AND table_namespace = ? AND table_name = ? ORDER BY catalog_name
                """,
            arguments: [name, namespace, id.name]
        )
        if let holder = holders.first {
            return "it is registered under the catalog name '\(holder)'; use --catalog-name \(holder)"
        }
        return isAlone ? try underOtherNames(db) : nil
    }

    /// Advice that names the other catalogs with tables if this catalog has none; nil if no catalog has tables.
    func underOtherNames(_ db: Database) throws -> String? {
        let others = try Self.otherCatalogs(than: name, "", db)
        guard let first = others.first else { return nil }
        let counts = others.map { "\($0.tables) under '\($0.name)'" }.joined(separator: ", ")
        return "the catalog '\(name)' has no tables, but its database has \(counts); use --catalog-name \(first.name)"
    }

    /// Whether a view has that name.
    func isView(_ id: TableIdentifier, _ namespace: String, _ db: Database) throws -> Bool {
        guard hasType else { return false }
        return try Bool.fetchOne(
            db,
            sql: """
                SELECT EXISTS (SELECT 1 FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ?
                    AND table_name = ? AND iceberg_type = 'VIEW')
                """,
            arguments: [name, namespace, id.name]
        ) ?? false
    }
}
