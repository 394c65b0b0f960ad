import Bytes
import CPostgres
import Foundation

/// The address of a PostgreSQL database: a connection URI of libpq, such as
/// `postgresql://weir@db-1,db-2/lake?target_session_attrs=read-write&options=-csearch_path%3Diceberg`.
///
/// What the URI leaves open comes from libpq's environment variables (`PGPASSFILE`, `PGSERVICE`, `PGSSLMODE`, …), its
/// password file and its service file.
public struct PostgresAddress: Sendable, Equatable, CustomStringConvertible {
    /// May contain a password.
    let uri: String
    /// The URI with user, hosts, ports and database only.
    public let description: String
    /// The URI without passwords: with it another command uses the same database.
    public let withoutPasswords: String

    private static let schemes = ["postgresql://", "postgres://"]

    /// Whether a text has the form of such an address.
    public static func matches(_ text: String) -> Bool { schemes.contains { text.hasPrefix($0) } }

    /// Fails with `invalid` if libpq does not understand the URI. The message contains no part of a password.
    public init(_ uri: String) throws(WeirError) {
        let options = try Self.options(of: uri)
        let (host, port, database) = (options["host"] ?? "", options["port"] ?? "", options["dbname"] ?? "")
        // Characters of a password that are not escaped end up in one of the other parts.
        guard ![host, database, options["user"] ?? ""].contains(where: { $0.contains("@") }),
            port.allSatisfy({ $0.isASCII && $0.isNumber || $0 == "," })
        else {
            throw Self.invalid("its host, port, user or database is not one", Self.escapes)
        }
        self.uri = uri
        description = Self.text(options, host: host, port: port, database: database)
        let shown: Set = ["user", "password", "sslpassword", "host", "port", "dbname", "service"]
        let others = options.filter { !shown.contains($0.key) && !(host.isEmpty && $0.key == "hostaddr") }
        let query = others.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.escaped($0.value))" }
        let sign = description.contains("?") ? "&" : "?"
        withoutPasswords = description + (query.isEmpty ? "" : sign + query.joined(separator: "&"))
    }

    /// The parameters that the URI sets.
    private static func options(of uri: String) throws(WeirError) -> [String: String] {
        guard matches(uri), !uri.utf8.contains(0) else {
            throw invalid("it does not begin with postgresql://", form)
        }
        var complaint: UnsafeMutablePointer<CChar>?
        guard let parsed = PQconninfoParse(uri, &complaint) else {
            let reason = complaint.map { String(cString: $0) } ?? "no memory"
            PQfreemem(complaint)
            throw invalid(shown(reason, of: uri), "\(form); \(escapes)")
        }
        defer { PQconninfoFree(parsed) }
        var options: [String: String] = [:]
        var next = parsed
        while let keyword = next.pointee.keyword {
            if let value = next.pointee.val { options[String(cString: keyword)] = String(cString: value) }
            next += 1
        }
        return options
    }

    /// libpq's reason. What it quotes may be part of a password, unless it comes after the `?`.
    private static func shown(_ reason: String, of uri: String) -> String {
        let text = PostgresFailure.line(reason)
        let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
        let query = uri.firstIndex(of: "?").map { uri[$0...] } ?? ""
        if parts.count == 3, !parts[1].isEmpty, !query.contains("@"), query.contains(parts[1]) { return text }
        return parts.enumerated().map { $0.offset % 2 == 0 ? String($0.element) : "…" }.joined()
            .trimmingCharacters(in: .whitespaces)
    }

    private static func text(_ options: [String: String], host: String, port: String, database: String) -> String {
        let hosts = (host.isEmpty ? options["hostaddr"] ?? "" : host).split(
            separator: ",",
            omittingEmptySubsequences: false
        )
        let ports = port.split(separator: ",", omittingEmptySubsequences: false)
        let places = hosts.enumerated().map { index, host in
            let port = ports.count == 1 ? ports[0] : index < ports.count ? ports[index] : ""
            let name = host.contains(":") ? "[\(host)]" : String(host)
            return port.isEmpty ? name : "\(name):\(port)"
        }
        let user = options["user"].map { $0 + "@" } ?? ""
        let service = options["service"].map { "?service=\($0)" } ?? ""
        return "postgresql://\(user)\(places.joined(separator: ","))/\(database)\(service)"
    }

    private static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(CharacterSet(charactersIn: "-._~/,")))
            ?? ""
    }

    private static let form = "its form is postgresql://USER@HOST:PORT/DATABASE?PARAMETER=VALUE"
    private static let escapes = "characters like '@', '/' and '%' in a password are written %40, %2F and %25"

    private static func invalid(_ reason: String, _ advice: String) -> WeirError {
        WeirError(.invalid, "the catalog's address cannot be used: \(reason)", advice: advice)
    }
}
