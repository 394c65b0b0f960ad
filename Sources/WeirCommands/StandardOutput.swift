import Bytes
import Foundation

/// Standard output with a large buffer. Used by one thread at a time.
final class StandardOutput: @unchecked Sendable {
    // Not locked: one thread at a time passes rows.
    var buffer = GrowableBuffer(capacity: StandardOutput.flushBytes + (64 << 10))
    /// Bytes that were written out.
    private(set) var written: Int64 = 0
    /// Called before the process exits because its reader is gone.
    var onReaderGone: () -> Void = {}

    static let flushBytes = 256 << 10

    /// Writes out the buffer once it is large enough to be worth a system call.
    func flushWhenLarge() throws(WeirError) { if buffer.count >= Self.flushBytes { try flush() } }

    func append(_ text: String) {
        var text = text
        text.withUTF8 { buffer.append(UnsafeRawBufferPointer($0)) }
    }

    func line(_ text: String) {
        append(text)
        buffer.append(UInt8(ascii: "\n"))
    }

    /// Writes out everything. If the reader has closed the pipe (`| head`), the process exits here without a message.
    func flush() throws(WeirError) {
        var done = 0
        while done < buffer.count {
            let written = write(STDOUT_FILENO, buffer.base + done, buffer.count - done)
            if written >= 0 {
                done += written
                self.written += Int64(written)
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                var descriptor = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                poll(&descriptor, 1, -1)
            case EPIPE: exitWithoutReader()
            case ENOSPC: throw WeirError(.outOfSpace, "standard output cannot be written: no space is left")
            default:
                throw WeirError(.storage, "standard output cannot be written: \(String(cString: strerror(errno)))")
            }
        }
        buffer.removeAll()
    }

    private func exitWithoutReader() -> Never {
        onReaderGone()
        exit(ExitStatus.ok)
    }

    /// Bytes that the reader has taken: of a pipe, not those that wait in it.
    var taken: Int64 {
        var status = stat()
        guard fstat(STDOUT_FILENO, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return written }
        var waiting: Int32 = 0
        guard ioctl(STDOUT_FILENO, UInt(FIONREAD), &waiting) == 0 else { return written }
        return written - Int64(waiting)
    }

    /// Waits as `pauseWhileRead`, and calls `onReaderGone` before it exits.
    func pauseWhileRead(milliseconds: Int) {
        if Self.waitsInVain(milliseconds: milliseconds) { exitWithoutReader() }
    }

    /// Waits for the given time. Exits the process if the reader closes the pipe meanwhile: without output to print, no
    /// write would detect that.
    static func pauseWhileRead(milliseconds: Int) {
        if waitsInVain(milliseconds: milliseconds) { exit(ExitStatus.ok) }
    }

    /// Whether the reader closes the pipe within the given time.
    private static func waitsInVain(milliseconds: Int) -> Bool {
        var descriptor = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        guard poll(&descriptor, 1, Int32(milliseconds)) > 0 else { return false }
        if descriptor.revents & Int16(POLLERR | POLLHUP) != 0 { return true }
        // Other events, such as a closed descriptor, make every poll return at once, so sleep instead.
        usleep(UInt32(milliseconds) * 1000)
        return false
    }

    /// Prints one line without buffering, for commands that print little.
    static func printLine(_ text: String) throws(WeirError) {
        let output = StandardOutput()
        output.append(text.hasSuffix("\n") ? text : text + "\n")
        try output.flush()
    }
}
