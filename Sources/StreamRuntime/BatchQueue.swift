import Bytes

/// A queue of batches between two threads, bounded by a byte budget. It provides the pipeline's back-pressure.
///
/// A batch larger than the budget is accepted when the queue is empty, so that it does not wait forever.
final class BatchQueue<Element: Sendable>: @unchecked Sendable {
    enum Taken {
        case element(Element)
        /// The deadline passed.
        case timeout
        /// The sender has finished and everything was taken.
        case finished
    }

    private let condition = Condition()
    private let bytesMax: Int
    private let clock: RunClock
    // Protected by `condition`.
    /// A taken element becomes nil at once: the array must not keep it alive until its slot is removed.
    private var elements: [(element: Element?, bytes: Int)] = []
    private var head = 0
    private var bytes = 0
    private var isFinished = false
    private var isCancelled = false

    init(bytesMax: Int, clock: RunClock = .system) {
        self.bytesMax = bytesMax
        self.clock = clock
    }

    /// Waits for room; false when the queue is cancelled.
    func put(_ element: Element, bytes size: Int) -> Bool {
        condition.locked {
            while !isCancelled, bytes > 0, bytes + size > bytesMax { condition.wait() }
            if isCancelled { return false }
            elements.append((element, size))
            bytes += size
            condition.broadcast()
            return true
        }
    }

    /// The sender puts nothing more.
    func finish() {
        condition.locked {
            isFinished = true
            condition.broadcast()
        }
    }

    /// The receiver takes nothing more; a waiting sender returns.
    func cancel() {
        condition.locked {
            isCancelled = true
            elements = []
            head = 0
            bytes = 0
            condition.broadcast()
        }
    }

    /// Waits for an element, until `deadline` if there is one.
    func take(until deadline: RunClock.Instant? = nil) -> Taken {
        condition.locked {
            while head == elements.count {
                if isFinished || isCancelled { return .finished }
                guard let deadline else {
                    condition.wait()
                    continue
                }
                guard let left = clock.sleep(until: deadline) else { return .timeout }
                condition.wait(atMost: left)
            }
            return .element(takeFirst())
        }
    }

    private func takeFirst() -> Element {
        guard let element = elements[head].element else { preconditionFailure("an element is taken twice") }
        let size = elements[head].bytes
        elements[head].element = nil
        head += 1
        if head == elements.count || head >= 64 {
            elements.removeFirst(head)
            head = 0
        }
        bytes -= size
        condition.broadcast()
        return element
    }
}
