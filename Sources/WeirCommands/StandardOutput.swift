import Bytes
import Foundation

/// Standard output with a large buffer. Used by one thread at a time.
final class StandardOutput: @unchecked Sendable {
    // Not locked: one thread at a time passes rows.
    var buffer = GrowableBuffer(capacity: StandardOutput.flushBytes + (64 << 10))

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
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                var descriptor = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                poll(&descriptor, 1, -1)
            case EPIPE: exit(ExitStatus.ok)
            case ENOSPC: throw WeirError(.outOfSpace, "standard output cannot be written: no space is left")
            default:
                throw WeirError(.storage, "standard output cannot be written: \(String(cString: strerror(errno)))")
            }
        }
        buffer.removeAll()
    }

    /// Waits for the given time. Exits the process if the reader closes the pipe meanwhile: without output to print, no
    /// write would detect that.
    static func pauseWhileRead(milliseconds: Int) {
        var descriptor = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        guard poll(&descriptor, 1, Int32(milliseconds)) > 0 else { return }
        if descriptor.revents & Int16(POLLERR | POLLHUP) != 0 { exit(ExitStatus.ok) }
        // Other events, such as a closed descriptor, make every poll return at once, so sleep instead.
        usleep(UInt32(milliseconds) * 1000)
    }

    /// Prints one line without buffering, for commands that print little.
    static func printLine(_ text: String) throws(WeirError) {
        let output = StandardOutput()
        output.append(text.hasSuffix("\n") ? text : text + "\n")
        try output.flush()
    }
}
