import Bytes
import CRdKafka
import Foundation
import Synchronization

/// Policy for waiting while brokers of written topics do not answer, with periodic notices.
///
/// A wait ends when there was no answer for the producer's delivery timeout (`message.timeout.ms`), or soon after the
/// run is stopped. While records wait, their sources wait too, because read-ahead is bounded.
public final class KafkaPatience: Sendable {
    /// `endingSeconds` is how long a wait continues without an answer after the run is stopped. After one such wait has
    /// failed, later ones take only `lastSeconds`, because every topic and table waits in turn.
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
        /// Whether a wait has ended without an answer since then.
        var wasInVain = false
    }

    /// - Parameters:
    ///   - onNotice: called with a text when brokers are unavailable and when they are back.
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

    /// Makes current and later waits end soon. May be called from any thread, more than once.
    public func stop() {
        let now = self.now()
        stopping.withLock { if $0.stoppedAt == nil { $0.stoppedAt = now } }
    }

    /// How long one call may block, in milliseconds, so that it notices a stop.
    ///
    /// - Parameter most: upper limit of the result.
    func step(most: Int32) -> Int32 {
        min(most, stopping.withLock { $0.stoppedAt == nil } ? 5000 : 1000)
    }

    /// One wait for an answer. Used by one thread.
    struct Wait {
        /// When the wait began or last made progress.
        fileprivate var start: ContinuousClock.Instant
        fileprivate var toldAt: ContinuousClock.Instant?
        fileprivate var left: Int?
        fileprivate var pause = KafkaPatience.firstPause
    }

    func begin() -> Wait { Wait(start: now()) }

    /// The reason the wait is over; nil while it continues. Sends periodic notices while it continues.
    ///
    /// - Parameters:
    ///   - bound: maximum duration without an answer, in milliseconds.
    ///   - what: what waits, as the subject of the notice.
    ///   - cause: returns the problem with the brokers; called when a notice is sent.
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

    /// Updates the number of outstanding records. While it decreases, the brokers are answering.
    func progress(_ wait: inout Wait, left: Int, what: String) {
        if let before = wait.left, left < before {
            end(wait, what: what)
            (wait.start, wait.toldAt) = (now(), nil)
        }
        wait.left = left
    }

    /// Pauses before the next attempt, with exponential backoff.
    func pause(_ wait: inout Wait) {
        sleep(wait.pause)
        wait.pause = min(wait.pause * 2, Self.longestPause)
    }

    /// Ends the wait after an answer.
    func end(_ wait: Wait, what: String) {
        guard wait.toldAt != nil else { return }
        onNotice("\(what): the brokers answer again, after \((now() - wait.start).components.seconds) s")
    }
}
