import CPostgres
import Foundation

/// Makes a connection: tries the hosts of an address in their order, each with a deadline.
///
/// libpq's own loop over hosts does not give the SQLSTATE of a refusal. This one asks for verbose messages, which
/// contain it.
struct PostgresConnecting {
    private let address: PostgresAddress
    private let limits: PostgresLimits

    init(_ address: PostgresAddress, _ limits: PostgresLimits) {
        self.address = address
        self.limits = limits
    }

    /// Returns a connection that is ready. Fails with `PostgresFailure`.
    func run() throws -> OpaquePointer {
        let first = try begin([:])
        let options = Self.options(of: first)
        let hosts = Self.hosts(options)
        if hosts.count == 1 { return try finish(first, options) }
        PQfinish(first)
        var failures: [PostgresFailure] = []
        let wanted = options["target_session_attrs"] ?? ""
        for attributes in wanted == "prefer-standby" ? ["standby", "any"] : [wanted] {
            for var host in hosts {
                if !attributes.isEmpty { host["target_session_attrs"] = attributes }
                do {
                    let handle = try begin(host)
                    return try finish(handle, Self.options(of: handle))
                } catch let failure as PostgresFailure {
                    failures.append(failure)
                }
            }
        }
        // A host that may come back decides whether to try again.
        let decisive = failures.first(where: \.isTransient) ?? failures.first
        let message = failures.map(\.message).joined(separator: "; ")
        throw PostgresFailure(.connecting, state: decisive?.state ?? "", message)
    }

    /// Settings for which neither the address nor the environment need say anything. The address overrides them.
    private static let defaults = [
        ("fallback_application_name", "weir \(getpid())"),
        // A peer that vanished is noticed within half a minute.
        ("keepalives_idle", "15"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
        ("tcp_user_timeout", "30000"),
    ]

    private func begin(_ host: [String: String]) throws -> OpaquePointer {
        let parameters =
            Self.defaults + [("dbname", address.uri)] + host.sorted { $0.key < $1.key } + [("client_encoding", "UTF8")]
        let keys = parameters.map { UnsafePointer(strdup($0.0)) } + [nil]
        let values = parameters.map { UnsafePointer(strdup($0.1)) } + [nil]
        defer { for text in keys + values { free(UnsafeMutableRawPointer(mutating: text)) } }
        guard let handle = PQconnectStartParams(keys, values, 1) else {
            throw PostgresFailure(.connecting, "no memory for a connection")
        }
        guard PQstatus(handle) != CONNECTION_BAD else {
            defer { PQfinish(handle) }
            throw Self.failure(handle)
        }
        PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
        return handle
    }

    private func finish(_ handle: OpaquePointer, _ options: [String: String]) throws -> OpaquePointer {
        let seconds = options["connect_timeout"].flatMap { Int64($0) } ?? 0
        let limit = seconds > 0 ? Duration.seconds(seconds) : limits.connect
        let deadline = ContinuousClock.now + limit
        var events = Int16(POLLOUT)
        while true {
            guard Self.wait(PQsocket(handle), events, until: deadline) else {
                PQfinish(handle)
                throw PostgresFailure(
                    .connecting,
                    "\(Self.place(options)) did not answer within \(limit.components.seconds) s"
                )
            }
            switch PQconnectPoll(handle) {
            case PGRES_POLLING_OK:
                PQsetErrorVerbosity(handle, PQERRORS_DEFAULT)
                return handle
            case PGRES_POLLING_FAILED:
                defer { PQfinish(handle) }
                throw Self.failure(handle)
            case PGRES_POLLING_READING: events = Int16(POLLIN)
            default: events = Int16(POLLOUT)
            }
        }
    }

    /// Waits until a socket is ready; false at the deadline.
    static func wait(_ socket: Int32, _ events: Int16, until deadline: ContinuousClock.Instant) -> Bool {
        var event = pollfd(fd: socket, events: events, revents: 0)
        while true {
            let left = deadline - .now
            if left <= .zero { return false }
            let count = poll(&event, 1, Int32(clamping: Int64(left / .milliseconds(1)) + 1))
            // The caller finds errors of the socket when it uses it.
            if count > 0 || (count < 0 && errno != EINTR) { return true }
        }
    }

    private static func failure(_ handle: OpaquePointer) -> PostgresFailure {
        PostgresFailure.connecting(String(cString: PQerrorMessage(handle)))
    }

    private static func place(_ options: [String: String]) -> String {
        "the server at \"\(options["host"] ?? options["hostaddr"] ?? "")\", port \(options["port"] ?? ""),"
    }

    /// The parameters of a connection, those of the environment included.
    private static func options(of handle: OpaquePointer) -> [String: String] {
        guard let all = PQconninfo(handle) else { return [:] }
        defer { PQconninfoFree(all) }
        var options: [String: String] = [:]
        var next = all
        while let keyword = next.pointee.keyword {
            if let value = next.pointee.val { options[String(cString: keyword)] = String(cString: value) }
            next += 1
        }
        return options
    }

    /// One set of parameters for each host of a list.
    private static func hosts(_ options: [String: String]) -> [[String: String]] {
        func list(_ key: String) -> [String] {
            (options[key] ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let (names, numbers, ports) = (list("host"), list("hostaddr"), list("port"))
        let count = max(names.count, numbers.count)
        return (0..<count).map { index in
            var host: [String: String] = [:]
            if names.count == count { host["host"] = names[index] }
            if numbers.count == count { host["hostaddr"] = numbers[index] }
            host["port"] = ports.count == count ? ports[index] : ports.first ?? ""
            return host
        }
    }
}
