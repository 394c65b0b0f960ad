import Foundation

/// What is known about one of the standard streams.
struct Terminal: Sendable {
    let isTerminal: Bool

    static let output = Terminal(isTerminal: isatty(STDOUT_FILENO) == 1)
    static let error = Terminal(isTerminal: isatty(STDERR_FILENO) == 1)

    /// Colour is for people, and for those who did not switch it off.
    var usesColor: Bool {
        isTerminal && ProcessInfo.processInfo.environment["NO_COLOR", default: ""].isEmpty
            && !CommandLine.arguments.contains("--no-color") && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    /// How wide the terminal of standard error is.
    static var columns: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 1 else { return 80 }
        return Int(size.ws_col)
    }

    func colored(_ text: String, _ code: Int) -> String { usesColor ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text }

    /// Writes a message; a stream nobody reads is no reason to fail.
    static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while rest.count > 0 {
                let written = Foundation.write(descriptor, rest.baseAddress, rest.count)
                if written < 0 && errno == EINTR { continue }
                if written <= 0 { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
        }
    }

    /// A remark for the user, on standard error.
    static func note(_ text: String) { write("weir: \(text)\n", to: STDERR_FILENO) }
}
