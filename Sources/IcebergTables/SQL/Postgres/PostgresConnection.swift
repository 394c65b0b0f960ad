import Bytes
import CPostgres
import Foundation

/// One connection of libpq. Every call has a deadline: a server that is suspended or cut off never holds a caller for
/// ever.
final class PostgresConnection: @unchecked Sendable {
    // Used by one thread at a time: the pool hands it over.

    struct Answer {
        var rows: [[String?]] = []
        /// The rows that the last statement changed.
        var changed = 0
        /// The last statement's name, such as `COMMIT`.
        var tag = ""
    }

    private let handle: OpaquePointer
    private let limits: PostgresLimits
    /// When the connection was last returned to the pool.
    var idleSince = ContinuousClock.now

    /// Connects. Fails with `PostgresFailure`.
    init(_ address: PostgresAddress, _ limits: PostgresLimits) throws {
        self.limits = limits
        handle = try PostgresConnecting(address, limits).run()
        // libpq prints notices to standard error otherwise.
        PQsetNoticeReceiver(handle, { _, _ in }, nil)
    }

    deinit { PQfinish(handle) }

    /// The version of the server, such as 150018 for 15.18.
    var serverVersion: Int { Int(PQserverVersion(handle)) }

    /// Whether the connection broke, as far as is known.
    private var isBroken: Bool { PQstatus(handle) != CONNECTION_OK }

    /// Whether the connection works and no transaction is open.
    var isReusable: Bool { !isBroken && PQtransactionStatus(handle) == PQTRANS_IDLE }

    /// Whether an idle connection can be used: the server has neither closed it nor sent a farewell.
    var isAlive: Bool {
        guard !isBroken, ContinuousClock.now - idleSince < limits.idle else { return false }
        var event = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        guard poll(&event, 1, 0) != 0 else { return true }
        return PQconsumeInput(handle) == 1 && !isBroken
    }

    /// Runs one statement with parameters `$1`, `$2`, …
    func run(_ sql: String, _ arguments: [String?]) throws -> Answer {
        for case let argument? in arguments where argument.utf8.contains(0) {
            throw WeirError(.invalid, "a name or path contains a zero byte, which PostgreSQL does not store")
        }
        let values = arguments.map { $0.map { UnsafePointer(strdup($0)) } ?? nil }
        defer { for value in values { free(UnsafeMutableRawPointer(mutating: value)) } }
        let types = [Oid](repeating: Self.text, count: values.count)
        try begin(PQsendQueryParams(handle, sql, Int32(values.count), types, values, nil, nil, 0))
        return try answer()
    }

    /// Runs statements without parameters in one exchange. The answer is that of the last one.
    func runAll(_ sql: String) throws -> Answer {
        try begin(PQsendQuery(handle, sql))
        return try answer()
    }

    private static let text: Oid = 25

    private func begin(_ status: Int32) throws {
        if status == 1 { return }
        throw PostgresFailure(.lost, PostgresFailure.line(String(cString: PQerrorMessage(handle))))
    }

    /// Reads all results of what was sent. Fails with the first error.
    private func answer() throws -> Answer {
        let deadline = ContinuousClock.now + limits.answer
        var answer = Answer()
        var failure: PostgresFailure?
        while let result = try next(deadline) {
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK: answer.rows = Self.rows(result)
            case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: break
            default: failure = failure ?? self.failure(result)
            }
            answer.tag = String(cString: PQcmdStatus(result))
            answer.changed = Int(String(cString: PQcmdTuples(result))) ?? 0
        }
        if let failure { throw failure }
        if isBroken { throw lost() }
        return answer
    }

    private func next(_ deadline: ContinuousClock.Instant) throws -> OpaquePointer? {
        while PQisBusy(handle) == 1 {
            guard PostgresConnecting.wait(PQsocket(handle), Int16(POLLIN), until: deadline) else {
                throw PostgresFailure(.lost, "the server did not answer within \(limits.answer.components.seconds) s")
            }
            guard PQconsumeInput(handle) == 1 else { throw lost() }
        }
        return PQgetResult(handle)
    }

    private func lost() -> PostgresFailure {
        let text = PostgresFailure.line(String(cString: PQerrorMessage(handle)))
        return PostgresFailure(.lost, text.isEmpty ? "the connection broke" : text)
    }

    private func failure(_ result: OpaquePointer) -> PostgresFailure {
        func field(_ code: Int32) -> String? { PQresultErrorField(result, code).map { String(cString: $0) } }
        guard let primary = field(PGField.primary) else {
            return PostgresFailure(.lost, PostgresFailure.line(String(cString: PQresultErrorMessage(result))))
        }
        let more = [field(PGField.detail), field(PGField.hint)].compactMap(\.self).map { " (\($0))" }.joined()
        // After anything worse than an error the session ends.
        let isOver = field(PGField.severity) != "ERROR" || isBroken
        return PostgresFailure(
            isOver ? .lost : .refused,
            state: field(PGField.state) ?? "",
            PostgresFailure.line(primary + more)
        )
    }

    private static func rows(_ result: OpaquePointer) -> [[String?]] {
        (0..<PQntuples(result)).map { row in
            (0..<PQnfields(result)).map { column in
                PQgetisnull(result, row, column) == 1 ? nil : String(cString: PQgetvalue(result, row, column))
            }
        }
    }
}

/// The fields of an error, which libpq's header defines as characters.
private enum PGField {
    static let severity = Int32(UInt8(ascii: "V"))
    static let state = Int32(UInt8(ascii: "C"))
    static let primary = Int32(UInt8(ascii: "M"))
    static let detail = Int32(UInt8(ascii: "D"))
    static let hint = Int32(UInt8(ascii: "H"))
}

/// How long a connection waits.
struct PostgresLimits: Sendable {
    /// For a connection to one host, unless `connect_timeout` is set.
    var connect = Duration.seconds(10)
    /// For an answer. Longer than the server's limits, so that its error arrives.
    var answer = Duration.seconds(45)
    /// The server's `statement_timeout`, not for commits.
    var statement = Duration.seconds(30)
    /// The server's `lock_timeout`. After it the transaction begins again and waits on.
    var lock = Duration.seconds(5)
    /// The server's `idle_in_transaction_session_timeout`: how long the locks of a process that was suspended or cut off
    /// stay.
    var idleInTransaction = Duration.seconds(20)
    /// How long an unused connection stays usable.
    var idle = Duration.seconds(240)

    /// Settings for one transaction. In a transaction, so that they work behind a pooler.
    var statements: String {
        "SET LOCAL statement_timeout = \(Self.ms(statement)); SET LOCAL lock_timeout = \(Self.ms(lock)); "
            + "SET LOCAL idle_in_transaction_session_timeout = \(Self.ms(idleInTransaction))"
    }

    private static func ms(_ duration: Duration) -> Int64 { max(1, Int64(duration / .milliseconds(1))) }
}
