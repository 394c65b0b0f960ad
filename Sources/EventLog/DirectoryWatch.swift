import CLinux
import Foundation

/// Detects when another process changes files in a directory. If the kernel has no watch left, a wait is a short sleep,
/// so callers must check for changes themselves after every wait.
final class DirectoryWatch: Sendable {
    /// Readable after a change; negative if there is no watch.
    let descriptor: Int32

    init(_ directory: String) { descriptor = weir_watch_directory(directory) }

    deinit { if descriptor >= 0 { Foundation.close(descriptor) } }

    /// Returns after a change or the timeout.
    func wait(milliseconds: Int) {
        if descriptor >= 0 {
            _ = weir_wait_for_change(descriptor, Int32(clamping: milliseconds))
        } else {
            usleep(UInt32(clamping: min(milliseconds, 20) * 1000))
        }
    }
}
