import Bytes
import CRdKafka
import Foundation
import Synchronization

/// What is done while the brokers that are written to do not answer: wait, and say so now and then.
///
/// A wait ends when nothing has come for the time that a producer gives its records (`message.timeout.ms`), and soon once
/// the run is to stop. Where records wait, their sources wait as well: what is read ahead is bounded.
public final class KafkaPatience: Sendable {
    /// How long a wait goes on without an answer once the run is to stop, and how long those do that begin after one of
    /// them was in vain: every topic and table waits in turn.
    static let endingSeconds = 5
    static let lastSeconds = 1
    private static let silence = Duration.seconds(3)
    private static let reminder = Duration.seconds(60)
    private static let firstPause = Duration.milliseconds(50)
    private static let longestPause = Duration.seconds(5)

    private let now: @Sendable () -> ContinuousClock.Instant
    private let sleep: @Sendable (Duration) -> Void
    private let onNotice: @Sendable (String) -> Void
    private let stopping = Mutex(Stopping())

    private struct Stopping {
        var stoppedAt: ContinuousClock.Instant?
        /// A wait has ended without an answer since.
        var wasInVain = false
    }

    /// - Parameters:
    ///   - onNotice: told, in words, that brokers are away and that they are back.
    ///   - now: a clock that is never set back.
    public init(
        onNotice: @escaping @Sendable (String) -> Void,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        sleep: @escaping @Sendable (Duration) -> Void = { Thread.sleep(forTimeInterval: $0 / .seconds(1)) }
    ) {
        self.onNotice = onNotice
        self.now = now
        self.sleep = sleep
    }

    /// Has waits end soon, those under way and later ones. Safe to call from any thread, more than once.
    public func stop() {
        let now = self.now()
        stopping.withLock { if $0.stoppedAt == nil { $0.stoppedAt = now } }
    }

    /// How long one call may block, in milliseconds, so that a stop is noticed.
    ///
    /// - Parameter most: what it may block in any case.
    func step(most: Int32) -> Int32 {
        min(most, stopping.withLock { $0.stoppedAt == nil } ? 5000 : 1000)
    }

    /// One wait for an answer. Used by one thread.
    struct Wait {
        /// When it began, or when something came last.
        fileprivate var start: ContinuousClock.Instant
        fileprivate var toldAt: ContinuousClock.Instant?
        fileprivate var left: Int?
        fileprivate var pause = KafkaPatience.firstPause
    }

    func begin() -> Wait { Wait(start: now()) }

    /// Why the wait is over; nil while it goes on. Says now and then that it does.
    ///
    /// - Parameters:
    ///   - bound: how long it may last, in milliseconds.
    ///   - what: what waits, for the beginning of a sentence.
    ///   - cause: what is wrong with the brokers, asked for when it is told.
    func ending(_ wait: inout Wait, bound: Int, what: String, cause: () -> String?) -> String? {
        let time = now()
        let waited = time - wait.start
        if waited >= .milliseconds(bound) { return "no answer for \(waited.components.seconds) s" }
        let isInVain = stopping.withLock { state in
            guard let stopped = state.stoppedAt else { return false }
            let patience = Duration.seconds(state.wasInVain ? Self.lastSeconds : Self.endingSeconds)
            guard time - max(stopped, wait.start) >= patience else { return false }
            state.wasInVain = true
            return true
        }
        if isInVain { return "no answer, and the run is to end" }
        guard waited >= Self.silence, wait.toldAt.map({ time - $0 >= Self.reminder }) ?? true else { return nil }
        wait.toldAt = time
        onNotice(
            "\(what) waits for brokers, and its sources with it: \(cause() ?? "they do not answer") "
                + "(\(waited.components.seconds) s so far, \(bound / 1000) s at most)"
        )
        return nil
    }

    /// Takes note of how much is still waited for: as long as that shrinks, the brokers answer.
    func progress(_ wait: inout Wait, left: Int, what: String) {
        if let before = wait.left, left < before {
            end(wait, what: what)
            (wait.start, wait.toldAt) = (now(), nil)
        }
        wait.left = left
    }

    /// Pauses between two attempts, each time longer.
    func pause(_ wait: inout Wait) {
        sleep(wait.pause)
        wait.pause = min(wait.pause * 2, Self.longestPause)
    }

    /// The answer has come.
    func end(_ wait: Wait, what: String) {
        guard wait.toldAt != nil else { return }
        onNotice("\(what): the brokers answer again, after \((now() - wait.start).components.seconds) s")
    }
}
