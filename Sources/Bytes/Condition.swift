import Foundation

/// A lock with a condition variable. Timed waits use the monotonic clock, so changes of the wall clock do not end them.
public final class Condition: @unchecked Sendable {
    // Initialized before any other thread sees them; POSIX synchronizes the rest.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let signal = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    public init() {
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

    public func locked<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Releases the lock until the condition is signalled, then takes it again. The lock must be held.
    public func wait() { pthread_cond_wait(signal, mutex) }

    /// Like `wait()`, but returns at the deadline at the latest.
    public func wait(until deadline: MonotonicTime) {
        var time = timespec(
            tv_sec: Int(deadline.nanoseconds / 1_000_000_000),
            tv_nsec: Int(deadline.nanoseconds % 1_000_000_000)
        )
        pthread_cond_timedwait(signal, mutex, &time)
    }

    /// Wakes one waiting thread.
    public func signalOne() { pthread_cond_signal(signal) }

    /// Like `wait()`, but returns after `time` at the latest.
    public func wait(atMost time: Duration) {
        let (seconds, attoseconds) = time.components
        if seconds < 0 || attoseconds < 0 { return }
        // Limit to one year, so that the sum does not overflow.
        let nanoseconds = UInt64(min(seconds, 31_536_000)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
        wait(until: MonotonicTime(nanoseconds: MonotonicTime.now.nanoseconds + nanoseconds))
    }

    public func broadcast() { pthread_cond_broadcast(signal) }
}

/// A point of the monotonic clock.
public struct MonotonicTime: Comparable, Sendable {
    public var nanoseconds: UInt64

    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    public static var now: MonotonicTime {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    public static func after(milliseconds: Int) -> MonotonicTime {
        MonotonicTime(nanoseconds: now.nanoseconds + UInt64(max(0, milliseconds)) * 1_000_000)
    }

    public func adding(milliseconds: Int) -> MonotonicTime {
        MonotonicTime(nanoseconds: nanoseconds &+ UInt64(max(0, milliseconds)) &* 1_000_000)
    }

    public var millisecondsLeft: Int {
        let now = Self.now.nanoseconds
        return nanoseconds <= now ? 0 : Int((nanoseconds - now + 999_999) / 1_000_000)
    }

    public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }
}
