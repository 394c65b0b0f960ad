import Foundation

/// Decides how long a catalog call is tried again while the server is away or others hold locks, waits in between, and
/// reports the wait.
struct PostgresRetry {
    private let patience: CatalogPatience
    private let clock: PostgresClock
    private let location: String
    /// Nothing but a server that is starting is waited for: an address that was never reached may be wrong.
    private let isOpening: Bool
    private var began: Duration?
    private var told: Duration?
    private var attempts = 0
    private var duplicates = 0

    init(_ patience: CatalogPatience, _ clock: PostgresClock, location: String, isOpening: Bool = false) {
        self.patience = patience
        self.clock = clock
        self.location = location
        self.isOpening = isOpening
    }

    /// Whether to try again after a failure. Sleeps before it returns true.
    ///
    /// - Parameter holders: names the sessions that hold locks.
    mutating func goesOn(after failure: PostgresFailure, holders: () -> [String] = { [] }) -> Bool {
        if failure.isDuplicate {
            duplicates += 1
            return duplicates <= 3
        }
        guard isWorthwhile(failure) else { return false }
        let now = clock.now()
        let start = began ?? now
        began = start
        let waited = now - start
        if let limit = patience.limit, waited >= limit { return false }
        if told.map({ now - $0 >= patience.reminder }) ?? (waited >= patience.silence) {
            told = now
            patience.onWait(words(failure, waited, holders))
        }
        attempts += 1
        // An idle connection that the server has closed is replaced at once.
        if attempts == 1, failure.kind == .lost { return true }
        clock.sleep(Self.pause(attempts, failure, clock.random()))
        return true
    }

    /// Reports the end of a wait, if the wait was reported.
    func ended() {
        guard let began, told != nil else { return }
        patience.onWait("the catalog \(location) can be used again after \((clock.now() - began).components.seconds) s")
    }

    private func isWorthwhile(_ failure: PostgresFailure) -> Bool {
        if isOpening, failure.kind == .connecting { return failure.isBusyServer }
        // A run also waits for a standby to become the primary.
        if failure.isReadOnly { return patience.limit == nil && !isOpening }
        return failure.isTransient
    }

    /// Doubles up to two seconds. Random jitter of up to half of it keeps processes from returning all at once. A lock
    /// was already waited for on the server.
    private static func pause(_ attempt: Int, _ failure: PostgresFailure, _ random: UInt64) -> Duration {
        let full: Int64 = failure.isContention ? 10 : min(2000, 20 << Int64(min(attempt, 7)))
        return .milliseconds(full - Int64(random % UInt64(full / 2 + 1)))
    }

    private func words(_ failure: PostgresFailure, _ waited: Duration, _ holders: () -> [String]) -> String {
        let since = "since \(waited.components.seconds) s"
        guard failure.isContention else { return "waiting for the catalog \(location) \(since): \(failure.message)" }
        let names = holders()
        return
            "the catalog \(location) is kept busy by \(names.isEmpty ? "another session" : names.joined(separator: ", ")), "
            + "waiting \(since); a session with an open transaction has to end it"
    }
}

/// Monotonic time, sleep and randomness; tests replace them.
struct PostgresClock: Sendable {
    var now: @Sendable () -> Duration
    var sleep: @Sendable (Duration) -> Void
    var random: @Sendable () -> UInt64

    static let system = PostgresClock(
        now: { ContinuousClock.now - start },
        sleep: { Thread.sleep(forTimeInterval: $0 / .seconds(1)) },
        random: { UInt64.random(in: 0...UInt64.max) }
    )
    private static let start = ContinuousClock.now
}
