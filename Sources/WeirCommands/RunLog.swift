import Foundation
import Synchronization

/// The messages of a run on standard error. On a terminal they are plain; elsewhere each line begins with the time.
final class RunLog: Sendable {
    let isTerminal: Bool
    private let isQuiet: Bool
    private let write: @Sendable (String) -> Void
    private let nowMilliseconds: @Sendable () -> Int64
    private struct State {
        /// Whether the status line is on the screen.
        var isDrawn = false
        var isClosed = false
    }

    private let state = Mutex(State())

    /// - Parameter isQuiet: prints only warnings.
    init(
        isTerminal: Bool = Terminal.error.isTerminal,
        isQuiet: Bool,
        nowMilliseconds: @escaping @Sendable () -> Int64 = { TimeText.nowMilliseconds },
        write: @escaping @Sendable (String) -> Void = { Terminal.write($0, to: STDERR_FILENO) }
    ) {
        self.isTerminal = isTerminal
        self.isQuiet = isQuiet
        self.nowMilliseconds = nowMilliseconds
        self.write = write
    }

    func note(_ text: String) { if !isQuiet { line(text) } }
    func warn(_ text: String) { line("warning: \(text)") }

    /// Shows an output of `RunStatus`. Does nothing after `closeStatus`.
    func show(_ output: RunStatus.Output) {
        if isQuiet { return }
        state.withLock { state in
            if state.isClosed { return }
            switch output {
            case .line(let text): line(text, &state)
            case .redraw(let text):
                state.isDrawn = true
                // The last column stays empty, so that no terminal wraps the line.
                write("\r\u{1b}[K\(text.prefix(Terminal.columns - 1))")
            }
        }
    }

    /// Removes the status line. No status is shown after that.
    func closeStatus() {
        state.withLock { state in
            if state.isDrawn { write("\r\u{1b}[K") }
            state = State(isDrawn: false, isClosed: true)
        }
    }

    private func line(_ text: String) { state.withLock { line(text, &$0) } }

    private func line(_ text: String, _ state: inout State) {
        let before = state.isDrawn ? "\r\u{1b}[K" : ""
        state.isDrawn = false
        write(before + (isTerminal ? "weir:" : TimeText.text(nowMilliseconds())) + " \(text)\n")
    }
}
