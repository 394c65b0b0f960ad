import Foundation

/// Properties of one of the standard streams.
struct Terminal: Sendable {
    let isTerminal: Bool

    static let output = Terminal(isTerminal: isatty(STDOUT_FILENO) == 1)
    static let error = Terminal(isTerminal: isatty(STDERR_FILENO) == 1)

    /// Colour is used only on a terminal and unless it is switched off.
    var usesColor: Bool {
        isTerminal && ProcessInfo.processInfo.environment["NO_COLOR", default: ""].isEmpty
            && !CommandLine.arguments.contains("--no-color") && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    /// The width of the terminal at standard error in columns; 80 if unknown.
    static var columns: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 1 else { return 80 }
        return Int(size.ws_col)
    }

    func colored(_ text: String, _ code: Int) -> String { usesColor ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text }

    /// Writes a message. Errors are ignored, for example if no process reads the stream.
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

    /// Prints a note to standard error.
    static func note(_ text: String) { write("weir: \(text)\n", to: STDERR_FILENO) }
}
