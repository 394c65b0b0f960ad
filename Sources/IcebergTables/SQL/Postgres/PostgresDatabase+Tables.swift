import Bytes

/// The catalog's tables in a PostgreSQL database. They are found, and created, by the `search_path`.
extension PostgresDatabase {
    /// What the database holds.
    struct Contents: Sendable {
        var hasTables = false
        /// Whether the tables have the column `iceberg_type`.
        var hasType = false
    }

    /// Oldest version that is accepted, as `PQserverVersion` gives it.
    static let oldestVersion = 100_000

    /// Why a server cannot be used; nil if it can.
    ///
    /// - Parameters:
    ///   - version: as `PQserverVersion` gives it.
    ///   - text: of `SELECT version()`.
    static func refusal(version: Int, _ text: String, at location: String) -> WeirError? {
        guard text.hasPrefix("PostgreSQL ") else {
            let name = text.prefix { !$0.isWhitespace }
            return WeirError(
                .unsupported,
                "the server is \(name.isEmpty ? "not PostgreSQL" : String(name)), whose locks differ from PostgreSQL's",
                at: location,
                advice: "use a PostgreSQL server"
            )
        }
        if version >= oldestVersion { return nil }
        return WeirError(
            .unsupported,
            "the server is \(text.split(separator: " ").prefix(2).joined(separator: " ")), which is too old",
            at: location,
            advice: "use PostgreSQL \(oldestVersion / 10_000) or newer"
        )
    }

    /// Looks at the database for the first time.
    func contents() throws(WeirError) -> Contents {
        try reading("open", isOpening: true) { session in
            let text = try session.texts("SELECT version()", []).first ?? ""
            if let refusal = Self.refusal(version: session.connection.serverVersion, text, at: location) {
                throw refusal
            }
            let tables = try columns(of: "iceberg_tables", session)
            let namespaces = try columns(of: "iceberg_namespace_properties", session)
            for (name, there, wanted) in [
                ("iceberg_tables", tables, Self.tableColumns),
                ("iceberg_namespace_properties", namespaces, Self.namespaceColumns),
            ] {
                guard !there.isEmpty, let missing = wanted.first(where: { !there.contains($0) }) else { continue }
                throw WeirError(
                    .unsupported,
                    "the table \(name) has no column \(missing), so it is not one of an Iceberg catalog",
                    at: location,
                    advice: "use another database, or another schema with ?options=-csearch_path%3DSCHEMA"
                )
            }
            return Contents(
                hasTables: !tables.isEmpty && !namespaces.isEmpty,
                hasType: tables.contains("iceberg_type")
            )
        }
    }

    /// Creates the tables that are missing. Processes that do so at once wait for each other.
    func createTables() throws(WeirError) {
        try writing("open", isOpening: true) { session in
            try session.lockNames()
            for statement in JDBCTables.creation { _ = try session.run(statement, []) }
            return .commit(())
        }
    }

    private static let tableColumns = [
        "catalog_name", "table_namespace", "table_name", "metadata_location", "previous_metadata_location",
    ]
    private static let namespaceColumns = ["catalog_name", "namespace", "property_key", "property_value"]

    /// Empty if there is no such table.
    private func columns(of table: String, _ session: PostgresSession) throws -> [String] {
        try session.texts(
            """
            SELECT attname FROM pg_attribute
            WHERE attrelid = to_regclass(?1) AND attnum > 0 AND NOT attisdropped
            """,
            [table]
        )
    }
}
