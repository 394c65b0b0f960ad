import Foundation
import Synchronization

/// What a run says on standard error while it goes on, in one form: for people at a terminal, or with a time in front for
/// whoever reads it later.
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

    /// - Parameter isQuiet: says what is wrong and nothing else.
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

    /// Shows a part of the status; nothing once that is closed.
    func show(_ output: RunStatus.Output) {
        if isQuiet { return }
        state.withLock { state in
            if state.isClosed { return }
            switch output {
            case .line(let text): line(text, &state)
            case .redraw(let text):
                state.isDrawn = true
                // Without the last column no terminal breaks the line.
                write("\r\u{1b}[K\(text.prefix(Terminal.columns - 1))")
            }
        }
    }

    /// Takes the status line away for good.
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
