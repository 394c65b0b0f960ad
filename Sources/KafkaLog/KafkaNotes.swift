import CRdKafka
import Synchronization

/// Recent reports of librdkafka about its brokers. Its callbacks add them, from librdkafka's threads.
final class KafkaNotes: Sendable {
    private struct State {
        var recent: [(note: KafkaFailure.Note, time: ContinuousClock.Instant)] = []
        var permanent: KafkaFailure.Note?
        var outage: (note: KafkaFailure.Note, time: ContinuousClock.Instant)?
    }

    private static let kept = 16
    /// Older reports are unrelated to current failures.
    private static let lifetime = Duration.seconds(120)
    private let state = Mutex(State())

    func add(_ note: KafkaFailure.Note) {
        state.withLock { state in
            if KafkaFailure.isPermanent(note) { state.permanent = note }
            if KafkaFailure.isOutage(note) { state.outage = (note, .now) }
            // librdkafka repeats the same report at every connection attempt.
            state.recent.removeAll { $0.note == note }
            if state.recent.count == Self.kept { state.recent.removeFirst() }
            state.recent.append((note, .now))
        }
    }

    /// Oldest first.
    var recent: [KafkaFailure.Note] {
        let oldest = ContinuousClock.now - Self.lifetime
        return state.withLock { state in state.recent.filter { $0.time > oldest }.map(\.note) }
    }

    /// The last outage of a broker, if it was reported after `moment`.
    func outage(since moment: ContinuousClock.Instant) -> KafkaFailure.Note? {
        state.withLock { state in state.outage.flatMap { $0.time > moment ? $0.note : nil } }
    }

    /// Takes the last permanent failure; later calls return nil until there is another.
    func takePermanent() -> KafkaFailure.Note? {
        state.withLock { state in
            defer { state.permanent = nil }
            return state.permanent
        }
    }
}
