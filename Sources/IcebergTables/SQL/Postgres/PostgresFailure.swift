import CPostgres
import Foundation

/// A failure of a PostgreSQL server or of the connection to it.
struct PostgresFailure: Error, CustomStringConvertible {
    enum Kind: Equatable {
        /// No connection was made.
        case connecting
        /// The connection broke, or the server did not answer in time.
        case lost
        /// The server refused a statement, and the connection is usable.
        case refused
    }

    let kind: Kind
    /// SQLSTATE, five characters; empty if the server did not give one.
    let state: String
    /// One line without a password.
    let message: String
    /// Whether the failure left a commit whose outcome is unknown.
    var isUnknown = false
    /// Whether a standby was asked what only the primary knows.
    var isStandby = false

    init(_ kind: Kind, state: String = "", _ message: String) {
        self.kind = kind
        self.state = state
        self.message = message
    }

    var description: String { message }

    /// The server takes no connections yet, or no more for now.
    var isBusyServer: Bool { ["57P03", "53300"].contains(state) }

    /// The server accepts no writes, as a standby does.
    var isReadOnly: Bool { state == "25006" }

    /// Another transaction is in the way: a lock, a deadlock, a serialization failure.
    var isContention: Bool { ["40001", "40P01", "55P03", "57014"].contains(state) }

    /// The connection to the server failed, or the server ended the session.
    var isConnectionError: Bool { state.hasPrefix("08") || state.hasPrefix("57P") }

    /// Another session created the same thing at the same time.
    var isDuplicate: Bool { ["23505", "42P07", "42P06"].contains(state) }

    /// Whether the same transaction may succeed on a later attempt.
    var isTransient: Bool {
        if isBusyServer || isContention { return true }
        switch kind {
        // Errors with a SQLSTATE come from a server that works: a wrong password, a missing database.
        case .connecting: return state.isEmpty || isConnectionError
        case .lost: return true
        // Sessions that were idle in a transaction for too long, and poolers that lost the server.
        case .refused: return state == "25P03" || isConnectionError
        }
    }

    /// Messages of libpq have several lines.
    static func line(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }.joined(separator: "; ")
    }

    /// The failure of a connection attempt. With verbose messages, the server's contain the SQLSTATE:
    /// `connection to server at "h" (::1), port 5432 failed: FATAL:  28P01: password authentication failed for user "u"`.
    static func connecting(_ text: String) -> PostgresFailure {
        var state = ""
        var said: [String] = []
        // With TLS only preferred, a refusal comes twice.
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("LOCATION:") {
            var line = String(line)
            if let match = line.firstMatch(of: /\x20{2}([0-9A-Z]{5}):\x20/) {
                state = String(match.1)
                line.replaceSubrange(match.range, with: " ")
            }
            line = line.replacing("FATAL:  ", with: "FATAL: ").trimmingCharacters(in: .whitespaces)
            if !line.isEmpty, !said.contains(line) { said.append(line) }
        }
        return PostgresFailure(.connecting, state: state, said.joined(separator: "; "))
    }
}
