import Foundation
import Synchronization

/// How long a catalog waits for its turn while another process keeps the database busy, and who hears of it.
public struct CatalogPatience: Sendable {
    /// Nil waits for as long as it takes.
    public var limit: Duration?
    /// How long a wait may last before a word is said about it.
    public var silence: Duration
    /// From then on, how often.
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

/// One wait after the other of a database connection.
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

    /// Whether to try again, asked by SQLite after attempt `number`, from 0; sleeps a little first.
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

    /// Runs something that is given up at once where another connection is in the way.
    func withoutWaiting<Result>(_ body: () throws -> Result) rethrows -> Result {
        state.withLock { $0.waits = false }
        defer { state.withLock { $0.waits = true } }
        return try body()
    }

    /// Says that a wait is over, if anything was said about it.
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
