import Bytes
import CLinux
import Foundation

/// Lets a thread that reads several partitions wait for new records in any of them.
///
/// Readers without records register the wakeup with whatever detects new records first: the writer in this process, the
/// kernel's directory watch, or a Kafka client. Used by one thread; `signal` may be called from any.
public final class Wakeup: Sendable {
    /// Readable once the wakeup is signalled. Libraries may signal it by writing eight bytes; they must stop before the
    /// wakeup is freed.
    public let descriptor: Int32

    /// Maximum time of a wait before the partitions are checked again: not every change of writers is signalled.
    static let lookAgainMilliseconds = 200
    /// The same when no file descriptor is available to wait on.
    private static let pollMilliseconds = 5

    public init() { descriptor = weir_event_create() }

    deinit { if descriptor >= 0 { close(descriptor) } }

    public func signal() { if descriptor >= 0 { weir_event_signal(descriptor) } }

    /// Blocks until a partition is ready or the timeout expires; returns whether one is ready.
    ///
    /// - Parameter isReady: checks whether any partition has records, and registers the wakeup to be signalled when one
    ///   gets records later; appends descriptors that become readable then, if any.
    public func wait(
        milliseconds: Int,
        until isReady: (inout [Int32]) throws(WeirError) -> Bool
    ) throws(WeirError) -> Bool {
        let deadline = MonotonicTime.after(milliseconds: milliseconds)
        while true {
            // A signal from here on ends the wait below.
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
