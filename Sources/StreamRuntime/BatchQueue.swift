import Bytes

/// Hands batches from one thread to another and holds at most a budget of bytes: the back-pressure of a pipeline.
///
/// A batch larger than the whole budget passes when the queue is empty, so nothing gets stuck.
final class BatchQueue<Element: Sendable>: @unchecked Sendable {
    enum Taken {
        case element(Element)
        /// Nothing came within the time.
        case timeout
        /// The sender has finished and everything was taken.
        case finished
    }

    private let condition = Condition()
    private let bytesMax: Int
    private let clock: RunClock
    // Protected by `condition`.
    /// What was taken is nil: it must not live on until the queue is empty.
    private var elements: [(element: Element?, bytes: Int)] = []
    private var head = 0
    private var bytes = 0
    private var isFinished = false
    private var isCancelled = false

    init(bytesMax: Int, clock: RunClock = .system) {
        self.bytesMax = bytesMax
        self.clock = clock
    }

    /// Waits for room; false when the receiver has given up.
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

    /// Waits for an element, at most until a time when one is given.
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
