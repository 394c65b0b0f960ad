import Dispatch
import Synchronization

/// Up to `limit` connections to one database, each used by one thread at a time.
final class PostgresPool: Sendable {
    static let limit = 4

    private let address: PostgresAddress
    private let limits: PostgresLimits
    private let idle = Mutex<[PostgresConnection]>([])
    private let places = DispatchSemaphore(value: PostgresPool.limit)

    init(_ address: PostgresAddress, _ limits: PostgresLimits) {
        self.address = address
        self.limits = limits
    }

    /// Runs a block with a connection, which it gets back unless it broke or left a transaction open.
    ///
    /// Waits while all are in use. The block must not call the pool again.
    func withConnection<Result>(_ body: (PostgresConnection) throws -> Result) throws -> Result {
        places.wait()
        defer { places.signal() }
        let connection = try taken() ?? PostgresConnection(address, limits)
        do {
            let result = try body(connection)
            give(connection)
            return result
        } catch let failure as PostgresFailure where failure.kind == .lost {
            // The connection is closed. What broke it broke the idle ones too, as a rule.
            closeIdle()
            throw failure
        } catch {
            give(connection)
            throw error
        }
    }

    /// Closes the connections that nobody uses.
    func closeIdle() {
        let closing = idle.withLock { idle in
            defer { idle = [] }
            return idle
        }
        withExtendedLifetime(closing) {}
    }

    /// The connection that was used last.
    private func taken() -> PostgresConnection? {
        while let connection = idle.withLock({ $0.popLast() }) {
            if connection.isAlive { return connection }
        }
        return nil
    }

    private func give(_ connection: PostgresConnection) {
        guard connection.isReusable else { return }
        connection.idleSince = .now
        idle.withLock { $0.append(connection) }
    }
}
