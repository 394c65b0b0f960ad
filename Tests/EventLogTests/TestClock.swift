import Synchronization

/// A manually advanced clock. Milliseconds since 1970.
final class TestClock: Sendable {
    private let time: Atomic<Int64>

    init(_ start: Int64) { time = Atomic(start) }

    var now: Int64 { time.load(ordering: .relaxed) }
    func advance(by milliseconds: Int64) { time.add(milliseconds, ordering: .relaxed) }
}
