import Bytes

extension PostgresFailure {
    /// The error of a catalog call.
    ///
    /// - Parameters:
    ///   - verb: what was attempted with the catalog, such as `read`.
    ///   - address: of the database, without a password.
    func error(_ verb: String, at address: String) -> WeirError {
        if isUnknown {
            return WeirError(.storage, "the answer to a commit of the catalog did not arrive: \(message)", at: address)
        }
        if isContention {
            return WeirError(
                .locked,
                "cannot \(verb) the catalog: another session keeps it busy: \(message)",
                at: address,
                advice: "end the session that has a transaction open on it; pg_stat_activity shows it"
            )
        }
        let (code, advice) = consequence
        return WeirError(
            code,
            "cannot \(verb) the catalog: \(message)",
            at: address,
            advice: advice,
            hasChangedNothing: true
        )
    }

    private var consequence: (WeirError.Code, String?) {
        switch state {
        case "28P01", "28000":
            (
                .storage,
                "check user and password, and pg_hba.conf; ~/.pgpass, PGPASSFILE or PGPASSWORD can hold the password"
            )
        case "3D000": (.notFound, "create the database with createdb, or correct the name at the end of the address")
        case "3F000":
            (.notFound, "create the schema, or correct search_path in the address's options")
        case "42501":
            (
                .storage,
                "grant USAGE and CREATE on the schema, and SELECT, INSERT, UPDATE and DELETE on iceberg_tables and "
                    + "iceberg_namespace_properties"
            )
        case "25006":
            (
                .storage,
                "this server is a standby or is set to read only; name the primary, or all hosts with "
                    + "target_session_attrs=read-write"
            )
        case "57P03": (.storage, "wait until the server has started, or start it again")
        case "53300":
            (.storage, "raise max_connections, or end sessions; Weir keeps up to \(PostgresPool.limit) a process")
        case "53100", "53200": (.outOfSpace, "free space on the server; what was committed is kept")
        case "22001": (.invalid, "names in the catalog take up to 255 characters, paths of metadata files up to 1000")
        case "42P01", "42703":
            (
                .storage,
                "do the tables iceberg_tables and iceberg_namespace_properties have the columns of the JDBC catalog?"
            )
        case "XX001", "XX002": (.corrupt, "the server found damaged data: restore it from a backup")
        case "" where kind == .connecting && message.contains("password"):
            (.storage, "give a password in ~/.pgpass, PGPASSFILE or PGPASSWORD")
        case "" where kind == .connecting && (message.contains("SSL") || message.contains("certificate")):
            (
                .storage,
                "sslmode, sslrootcert and sslcert in the address, or PGSSLMODE and its like, say how TLS is used"
            )
        case "" where kind == .connecting:
            (.storage, "check host and port, and that the server runs and may be reached")
        default: (.storage, nil)
        }
    }
}
