import Bytes
import CRdKafka
import Foundation
import Synchronization

/// What is done while the brokers that are written to do not answer: wait, and say so now and then.
///
/// A wait ends with the time that a producer gives its records (`message.timeout.ms`), and soon once the run is to stop.
/// Where records wait, their sources wait as well: what is read ahead is bounded.
public final class KafkaPatience: Sendable {
    /// How long a wait goes on once the run is to stop.
    static let endingSeconds = 10
    private static let silence = Duration.seconds(3)
    private static let reminder = Duration.seconds(60)
    private static let firstPause = Duration.milliseconds(50)
    private static let longestPause = Duration.seconds(5)

    private let now: @Sendable () -> ContinuousClock.Instant
    private let sleep: @Sendable (Duration) -> Void
    private let onNotice: @Sendable (String) -> Void
    private let stoppedAt = Mutex<ContinuousClock.Instant?>(nil)

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
        stoppedAt.withLock { if $0 == nil { $0 = now } }
    }

    /// One wait for an answer. Used by one thread.
    struct Wait {
        fileprivate let start: ContinuousClock.Instant
        fileprivate var toldAt: ContinuousClock.Instant?
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
        if let stopped = stoppedAt.withLock({ $0 }), time - max(stopped, wait.start) >= .seconds(Self.endingSeconds) {
            return "no answer, and the run is to end"
        }
        guard waited >= Self.silence, wait.toldAt.map({ time - $0 >= Self.reminder }) ?? true else { return nil }
        wait.toldAt = time
        onNotice(
            "\(what) waits for brokers, and its sources with it: \(cause() ?? "they do not answer") "
                + "(\(waited.components.seconds) s so far, \(bound / 1000) s at most)"
        )
        return nil
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
