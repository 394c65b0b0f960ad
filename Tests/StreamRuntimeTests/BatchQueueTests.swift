import Foundation
import Synchronization
import Testing

@testable import StreamRuntime

struct BatchQueueTests {
    private final class Element: Sendable {
        let number: Int
        private let alive: Counter

        init(_ number: Int, _ alive: Counter) {
            self.number = number
            self.alive = alive
            alive.value.wrappingAdd(1, ordering: .relaxed)
        }

        deinit { alive.value.wrappingSubtract(1, ordering: .relaxed) }
    }

    private final class Counter: Sendable {
        let value = Atomic<Int>(0)
    }

    private func number(_ taken: BatchQueue<Element>.Taken) -> Int? {
        guard case .element(let element) = taken else { return nil }
        return element.number
    }

    @Test func `what was taken is freed although the queue never runs empty`() {
        let queue = BatchQueue<Element>(bytesMax: .max)
        let alive = Counter()
        #expect(queue.put(Element(0, alive), bytes: 1))
        for next in 1...500 {
            #expect(queue.put(Element(next, alive), bytes: 1))
            #expect(number(queue.take()) == next - 1)
            #expect(alive.value.load(ordering: .relaxed) == 1)
        }
        #expect(number(queue.take()) == 500)
        #expect(alive.value.load(ordering: .relaxed) == 0)
    }

    @Test func `elements come in order through bursts of any length, then the end`() {
        let queue = BatchQueue<Element>(bytesMax: .max)
        let alive = Counter()
        var put = 0
        var taken = 0
        for burst in [1, 63, 64, 65, 3, 200, 1] {
            for _ in 0..<burst {
                #expect(queue.put(Element(put, alive), bytes: 1))
                put += 1
            }
            for _ in 0..<(burst + 1) / 2 {
                #expect(number(queue.take()) == taken)
                taken += 1
            }
        }
        queue.finish()
        while let next = number(queue.take()) {
            #expect(next == taken)
            taken += 1
        }
        #expect(taken == put)
        #expect(alive.value.load(ordering: .relaxed) == 0)
    }
}
