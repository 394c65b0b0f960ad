import Foundation
import Synchronization

/// How long a catalog waits for a lock that another process holds on the database, or for a server that is away, and how
/// it reports the wait.
public struct CatalogPatience: Sendable {
    /// Nil waits without a limit.
    public var limit: Duration?
    /// How long a wait lasts before the first report.
    public var silence: Duration
    /// The interval of further reports.
    public var reminder: Duration
    public var onWait: @Sendable (String) -> Void

    public init(
        limit: Duration? = .seconds(60),
        silence: Duration = .seconds(3),
        reminder: Duration = .seconds(60),
        onWait: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.limit = limit
        self.silence = silence
        self.reminder = reminder
        self.onWait = onWait
    }
}

/// Tracks the lock waits of a database connection.
final class CatalogWait: Sendable {
    private struct State {
        var began = ContinuousClock.now
        var told: ContinuousClock.Instant?
        var waits = true
    }

    private let patience: CatalogPatience
    private let path: String
    private let state = Mutex(State())

    init(_ patience: CatalogPatience, path: String) {
        self.patience = patience
        self.path = path
    }

    /// SQLite's busy handler: whether to try again after attempt `number`, counted from 0. Sleeps before it returns
    /// true.
    func goesOn(after number: Int) -> Bool {
        let now = ContinuousClock.now
        let (isPatient, word) = state.withLock { state -> (Bool, String?) in
            guard state.waits else { return (false, nil) }
            if number == 0 {
                state.began = now
                state.told = nil
            }
            let waited = now - state.began
            if let limit = patience.limit, waited >= limit { return (false, nil) }
            let isDue = state.told.map { now - $0 >= patience.reminder } ?? (waited >= patience.silence)
            guard isDue else { return (true, nil) }
            state.told = now
            return (true, words(waited))
        }
        guard isPatient else { return false }
        if let word { patience.onWait(word) }
        Thread.sleep(forTimeInterval: number < 20 ? 0.005 : 0.05)
        return true
    }

    /// Runs a block that fails at once if another connection holds the lock.
    func withoutWaiting<Result>(_ body: () throws -> Result) rethrows -> Result {
        state.withLock { $0.waits = false }
        defer { state.withLock { $0.waits = true } }
        return try body()
    }

    /// Reports the end of a wait, if the wait was reported.
    func ended() {
        let began = state.withLock { state -> ContinuousClock.Instant? in
            defer { state.told = nil }
            return state.told == nil ? nil : state.began
        }
        guard let began else { return }
        patience.onWait("the catalog \(path) is free again after \((ContinuousClock.now - began).components.seconds) s")
    }

    private func words(_ waited: Duration) -> String {
        let holders = LockHolders.of(path)
        let who = holders.isEmpty ? "another process" : holders.joined(separator: ", ")
        return "the catalog \(path) is kept busy by \(who), waiting since \(waited.components.seconds) s; "
            + "a session with an open transaction has to end it"
    }
}
