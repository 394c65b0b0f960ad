import CLinux
import Foundation

/// Tells when another process changes files of a directory. Where the kernel has no watch left it degrades to a short
/// sleep, so its users look for themselves after every wait.
final class DirectoryWatch: Sendable {
    /// Readable after a change; below 0 where there is no watch.
    let descriptor: Int32

    init(_ directory: String) { descriptor = weir_watch_directory(directory) }

    deinit { if descriptor >= 0 { Foundation.close(descriptor) } }

    /// Returns after a change, or when the time is over.
    func wait(milliseconds: Int) {
        if descriptor >= 0 {
            _ = weir_wait_for_change(descriptor, Int32(clamping: milliseconds))
        } else {
            usleep(UInt32(clamping: min(milliseconds, 20) * 1000))
        }
    }
}
