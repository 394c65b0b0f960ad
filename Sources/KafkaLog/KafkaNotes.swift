import CRdKafka
import Synchronization

/// What librdkafka has reported lately about its brokers. Filled by its callbacks, from threads of its own.
final class KafkaNotes: Sendable {
    private struct State {
        var recent: [(note: KafkaFailure.Note, time: ContinuousClock.Instant)] = []
        var permanent: KafkaFailure.Note?
        var outage: (note: KafkaFailure.Note, time: ContinuousClock.Instant)?
    }

    private static let kept = 16
    /// What was said longer ago explains nothing that happens now.
    private static let lifetime = Duration.seconds(120)
    private let state = Mutex(State())

    func add(_ note: KafkaFailure.Note) {
        state.withLock { state in
            if KafkaFailure.isPermanent(note) { state.permanent = note }
            if KafkaFailure.isOutage(note) { state.outage = (note, .now) }
            // What was said before is said again at every attempt to connect.
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

    /// The last sign after a moment that a broker cannot be reached.
    func outage(since moment: ContinuousClock.Instant) -> KafkaFailure.Note? {
        state.withLock { state in state.outage.flatMap { $0.time > moment ? $0.note : nil } }
    }

    /// The last failure that waiting does not cure, once.
    func takePermanent() -> KafkaFailure.Note? {
        state.withLock { state in
            defer { state.permanent = nil }
            return state.permanent
        }
    }
}
