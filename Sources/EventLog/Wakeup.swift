import Bytes
import CLinux
import Foundation

/// What a thread that reads several partitions waits for: something new in any of them.
///
/// Readers that have nothing give the wakeup to whatever will know first: the writer in this process, the kernel's watch
/// of a directory, a broker's client. Used by one thread; `signal` may be called from any.
public final class Wakeup: Sendable {
    /// Readable once the wakeup is signalled: for libraries that write eight bytes where something has come. They must
    /// have stopped before the wakeup goes.
    public let descriptor: Int32

    /// How long a wait goes on without another look: not every change of hands among writers is told.
    static let lookAgainMilliseconds = 200
    /// The same where the system has no descriptor left to wait for.
    private static let pollMilliseconds = 5

    public init() { descriptor = weir_event_create() }

    deinit { if descriptor >= 0 { close(descriptor) } }

    public func signal() { if descriptor >= 0 { weir_event_signal(descriptor) } }

    /// Blocks until that is so, or the time is over; returns whether it is.
    ///
    /// - Parameter isReady: looks whether any partition has something, and has the wakeup signalled when one gets
    ///   something later; appends descriptors that become readable then, if it knows any.
    public func wait(
        milliseconds: Int,
        until isReady: (inout [Int32]) throws(WeirError) -> Bool
    ) throws(WeirError) -> Bool {
        let deadline = MonotonicTime.after(milliseconds: milliseconds)
        while true {
            // What is signalled from here on ends the wait below.
            if descriptor >= 0 { weir_event_clear(descriptor) }
            var watched = [descriptor]
            if try isReady(&watched) { return true }
            let left = deadline.millisecondsLeft
            if left == 0 { return false }
            let step = watched.allSatisfy { $0 >= 0 } ? Self.lookAgainMilliseconds : Self.pollMilliseconds
            watched.withUnsafeBufferPointer { weir_wait_readable($0.baseAddress, $0.count, Int32(min(left, step))) }
        }
    }
}
