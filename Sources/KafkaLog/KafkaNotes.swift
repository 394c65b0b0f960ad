import CRdKafka
import Synchronization

/// What librdkafka has reported lately about its brokers. Filled by its callbacks, from threads of its own.
final class KafkaNotes: Sendable {
    private static let kept = 16
    private let state = Mutex<(recent: [KafkaFailure.Note], permanent: KafkaFailure.Note?)>(([], nil))

    func add(_ note: KafkaFailure.Note) {
        state.withLock { state in
            if KafkaFailure.isPermanent(note) { state.permanent = note }
            // What was said before is said again at every attempt to connect.
            state.recent.removeAll { $0 == note }
            if state.recent.count == Self.kept { state.recent.removeFirst() }
            state.recent.append(note)
        }
    }

    /// Oldest first.
    var recent: [KafkaFailure.Note] { state.withLock { $0.recent } }

    /// The last failure that waiting does not cure, once.
    func takePermanent() -> KafkaFailure.Note? {
        state.withLock { state in
            defer { state.permanent = nil }
            return state.permanent
        }
    }
}
