import Bytes
import Foundation
import Synchronization
import Testing

@testable import StreamRuntime

@Suite struct WorkThreadTests {
    private final class Done: Sendable {
        let jobs = Mutex<[Int]>([])
        func add(_ job: Int) { jobs.withLock { $0.append(job) } }
        var all: [Int] { jobs.withLock { $0 } }
    }

    @Test func `jobs are done in their order, and those queued before the end`() throws {
        let done = Done()
        let thread = WorkThread<Int>(name: "test", bytesMax: 3) { done.add($0) }
        thread.start()
        for job in 0..<100 { try thread.submit(job, bytes: 1) }
        thread.finish()
        #expect(done.all == Array(0..<100))
    }

    @Test func `the first failure is the last job, and everybody hears of it`() throws {
        let done = Done()
        let isFirstDone = DispatchSemaphore(value: 0)
        let thread = WorkThread<Int>(name: "test", bytesMax: 100) { (job) throws(WeirError) in
            isFirstDone.wait()
            if job == 1 { throw WeirError(.storage, "no") }
            done.add(job)
        }
        thread.start()
        for job in 0..<4 { try thread.submit(job, bytes: 1) }
        for _ in 0..<4 { isFirstDone.signal() }
        let error = #expect(throws: WeirError.self) { try thread.drain() }
        #expect(error?.message == "no")
        #expect(throws: WeirError.self) { try thread.check() }
        #expect(throws: WeirError.self) { try thread.submit(9, bytes: 1) }
        thread.finish()
        #expect(done.all == [0])
    }

    @Test func `what is queued is dropped when the thread is cancelled, but for the job under way`() throws {
        let done = Done()
        let (hasBegun, mayEnd) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let thread = WorkThread<Int>(name: "test", bytesMax: 100) { job in
            hasBegun.signal()
            mayEnd.wait()
            done.add(job)
        }
        thread.start()
        for job in 0..<4 { try thread.submit(job, bytes: 1) }
        hasBegun.wait()
        DispatchQueue.global().asyncAfter(deadline: .now() + 0.05) { for _ in 0..<4 { mayEnd.signal() } }
        thread.cancel()
        #expect(done.all == [0])
    }
}

@Suite struct ConcurrentlyTests {
    @Test func `outcomes come in the order of the elements, work of several at once`() throws {
        let atOnce = Mutex((now: 0, most: 0))
        let doubled = try concurrently(Array(0..<40)) { (number) throws(WeirError) -> Int in
            atOnce.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
            usleep(2000)
            atOnce.withLock { $0.now -= 1 }
            return number * 2
        }
        #expect(doubled == (0..<40).map { $0 * 2 })
        let most = atOnce.withLock { $0.most }
        #expect(most > 1 && most <= 8)
        #expect(try concurrently([Int]()) { (number) throws(WeirError) -> Int in number } == [])
    }

    @Test func `the first element's error is told, and the others are done`() throws {
        let done = Mutex(0)
        let error = #expect(throws: WeirError.self) {
            _ = try concurrently(Array(0..<20)) { (number) throws(WeirError) in
                done.withLock { $0 += 1 }
                if number % 5 == 3 { throw WeirError(.invalid, "\(number)") }
            }
        }
        #expect(error?.message == "3")
        #expect(done.withLock { $0 } == 20)
    }

    @Test(.hangGuard) func `work that goes on for ever is ended by a check`() throws {
        let begun = Mutex(0)
        let error = #expect(throws: WeirError.self) {
            try concurrently(Array(0..<20)) { () throws(WeirError) in
                if begun.withLock({ $0 }) >= 8 { throw WeirError(.conflict, "enough") }
            } _: { (_, stop) throws(WeirError) in
                begun.withLock { $0 += 1 }
                while true {
                    try stop()
                    usleep(1000)
                }
            }
        }
        #expect(error?.message == "enough")
        // Eight at a time, and no other begins.
        #expect(begun.withLock { $0 } == 8)
    }

    @Test(.hangGuard) func `checked work gives outcomes in order, and none once the first check has failed`() throws {
        var checks = 0
        let doubled = try concurrently(Array(0..<40), check: { checks += 1 }) { (number, _) in number * 2 }
        #expect(doubled == (0..<40).map { $0 * 2 } && checks > 0)
        let begun = Mutex(0)
        #expect(throws: WeirError.self) {
            try concurrently([1, 2]) { () throws(WeirError) in
                throw WeirError(.cancelled, "at once")
            } _: { (_, _) in
                begun.withLock { $0 += 1 }
            }
        }
        #expect(begun.withLock { $0 } == 0)
    }

    /// What holds a lock would give it back late.
    @Test(.hangGuard) func `nothing that the work refers to stays with the threads`() throws {
        final class Held: Sendable { let number = 2 }
        for _ in 0..<300 {
            var held: Held? = Held()
            weak let watched = held
            let outcomes = try work(with: try #require(held))
            #expect(outcomes == [2, 4, 6, 2, 4, 6])
            held = nil
            #expect(watched == nil)
        }

        func work(with held: Held) throws(WeirError) -> [Int] {
            try concurrently([1, 2, 3]) { $0 * held.number }
                + concurrently([1, 2, 3], check: {}) { (number, _) in number * held.number }
        }
    }
}
