import Foundation

/// A lock with a condition to wait for. Timed waits use the monotonic clock, so a changed wall clock wakes nobody.
final class Condition: @unchecked Sendable {
    // Set up before anyone else sees it; POSIX does the rest.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let signal = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(signal, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(signal)
        pthread_mutex_destroy(mutex)
        signal.deallocate()
        mutex.deallocate()
    }

    func locked<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Gives the lock up until `broadcast`; the lock must be held.
    func wait() { pthread_cond_wait(signal, mutex) }

    /// The same, at most until the time is over.
    func wait(until deadline: MonotonicTime) {
        var time = timespec(
            tv_sec: Int(deadline.nanoseconds / 1_000_000_000),
            tv_nsec: Int(deadline.nanoseconds % 1_000_000_000)
        )
        pthread_cond_timedwait(signal, mutex, &time)
    }

    /// Wakes one of those that wait.
    func signalOne() { pthread_cond_signal(signal) }

    func broadcast() { pthread_cond_broadcast(signal) }
}

/// A point of the monotonic clock.
struct MonotonicTime: Comparable {
    var nanoseconds: UInt64

    static var now: MonotonicTime {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    static func after(milliseconds: Int) -> MonotonicTime {
        MonotonicTime(nanoseconds: now.nanoseconds + UInt64(max(0, milliseconds)) * 1_000_000)
    }

    func adding(milliseconds: Int) -> MonotonicTime {
        MonotonicTime(nanoseconds: nanoseconds &+ UInt64(max(0, milliseconds)) &* 1_000_000)
    }

    var millisecondsLeft: Int {
        let now = Self.now.nanoseconds
        return nanoseconds <= now ? 0 : Int((nanoseconds - now + 999_999) / 1_000_000)
    }

    static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }
}
