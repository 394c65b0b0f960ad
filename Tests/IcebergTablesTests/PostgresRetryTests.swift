import Synchronization
import Testing

@testable import IcebergTables

@Suite struct PostgresRetryTests {
    /// Time that passes only while somebody sleeps.
    private final class Time: Sendable {
        private let state = Mutex((now: Duration.zero, sleeps: [Duration]()))
        private let said = Mutex<[String]>([])
        var now: Duration { state.withLock { $0.now } }
        var sleeps: [Duration] { state.withLock { $0.sleeps } }
        var words: [String] { said.withLock { $0 } }

        func patience(_ limit: Duration?) -> CatalogPatience {
            CatalogPatience(limit: limit) { text in self.said.withLock { $0.append(text) } }
        }

        var clock: PostgresClock {
            PostgresClock(
                now: { self.now },
                sleep: { pause in
                    self.state.withLock { state in
                        state.now += pause
                        state.sleeps.append(pause)
                    }
                },
                random: { 0 }
            )
        }
    }

    private let refused = PostgresFailure(.connecting, "connection refused")
    private let shuttingDown = PostgresFailure(.connecting, state: "57P03", "the database system is shutting down")
    private let lost = PostgresFailure(.lost, "server closed the connection unexpectedly")

    @Test func `a command waits a minute for a server, with growing pauses, and says so`() {
        let time = Time()
        var retry = PostgresRetry(time.patience(.seconds(60)), time.clock, location: "postgresql://h/db")
        while retry.goesOn(after: refused) {}
        #expect(time.now >= .seconds(60) && time.now < .seconds(63))
        #expect(time.sleeps.first == .milliseconds(40) && time.sleeps.max() == .seconds(2))
        #expect(time.words.count == 1 && time.words.first?.contains("connection refused") == true, "\(time.words)")
    }

    @Test func `a run waits without end, and reminds of it every minute`() {
        let time = Time()
        var retry = PostgresRetry(time.patience(nil), time.clock, location: "postgresql://h/db")
        while time.now < .seconds(3600) {
            guard retry.goesOn(after: shuttingDown) else {
                Issue.record("gave up after \(time.now)")
                return
            }
        }
        #expect((58...61).contains(time.words.count), "\(time.words.count)")
        retry.ended()
        #expect(time.words.last?.contains("can be used again after 36") == true, "\(time.words.last ?? "")")
    }

    @Test func `a broken connection is replaced at once, then with pauses`() {
        let time = Time()
        var retry = PostgresRetry(time.patience(nil), time.clock, location: "")
        let first = retry.goesOn(after: lost)
        #expect(first && time.sleeps.isEmpty)
        let second = retry.goesOn(after: lost)
        #expect(second && time.sleeps.count == 1)
    }

    @Test func `only what may pass is tried again`() {
        func isTried(_ failure: PostgresFailure, isOpening: Bool = false, limit: Duration? = .seconds(60)) -> Bool {
            let time = Time()
            var retry = PostgresRetry(time.patience(limit), time.clock, location: "", isOpening: isOpening)
            return retry.goesOn(after: failure)
        }
        #expect(!isTried(refused, isOpening: true), "the address may be wrong")
        #expect(isTried(shuttingDown, isOpening: true))
        for state in ["28P01", "28000", "3D000", "42501"] {
            #expect(!isTried(PostgresFailure(.connecting, state: state, "")), "\(state)")
            #expect(!isTried(PostgresFailure(.refused, state: state, ""), limit: nil), "\(state)")
        }
        for state in ["40001", "40P01", "55P03", "57P01", "25P03"] {
            #expect(isTried(PostgresFailure(.refused, state: state, "")), "\(state)")
        }
        // A standby may become the primary while a run waits.
        #expect(!isTried(PostgresFailure(.refused, state: "25006", "")))
        #expect(isTried(PostgresFailure(.refused, state: "25006", ""), limit: nil))
    }

    @Test func `a refusal is told once, without its code`() {
        let begin = "connection to server at \"h\" (::1), port 5432 failed: FATAL:"
        let failure = PostgresFailure.connecting(
            """
            \(begin)  password authentication failed for user "u"
            \(begin)  28P01: password authentication failed for user "u"
            LOCATION:  auth_failed, auth.c:326

            """
        )
        #expect(failure.state == "28P01" && failure.kind == .connecting)
        #expect(failure.message == "\(begin) password authentication failed for user \"u\"")
        let refused = PostgresFailure.connecting(
            "connection to server at \"h\", port 1 failed: Connection refused\n\tIs the server running?\n"
        )
        #expect(refused.state.isEmpty && refused.message.hasSuffix("Connection refused; Is the server running?"))
    }

    @Test func `a name that is taken for good ends the attempts`() {
        let time = Time()
        var retry = PostgresRetry(time.patience(nil), time.clock, location: "")
        var count = 0
        while retry.goesOn(after: PostgresFailure(.refused, state: "23505", "duplicate key")) { count += 1 }
        #expect(count == 3)
    }
}
