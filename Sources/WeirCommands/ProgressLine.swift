import Foundation
import Synchronization

/// A progress line on standard error that is rewritten while work goes on. It prints nothing if progress is off.
final class ProgressLine: Sendable {
    private struct State {
        var last: ContinuousClock.Instant?
        var isShown = false
    }

    private let isOn: Bool
    private let state = Mutex(State())

    init(isOn: Bool) { self.isOn = isOn }

    /// Shows a text, at most ten times a second. The closure is only called when the text is shown.
    func show(_ text: () -> String) {
        guard isOn else { return }
        state.withLock { state in
            let now = ContinuousClock.now
            if let last = state.last, now - last < .milliseconds(100) { return }
            state.last = now
            state.isShown = true
            Terminal.write("\r\u{1b}[K" + text(), to: STDERR_FILENO)
        }
    }

    /// `[#####-----]  50%  label`.
    func show(done: Int, of total: Int, _ label: () -> String) {
        show { "\(Self.bar(done: done, of: total)) \(label())" }
    }

    static func bar(done: Int, of total: Int) -> String {
        let share = total > 0 ? min(1, max(0, Double(done) / Double(total))) : 1
        let filled = Int(share * 24)
        let percent = String(Int(share * 100))
        return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: 24 - filled) + "] "
            + String(repeating: " ", count: 3 - percent.count) + percent + "%"
    }

    /// Clears the line.
    func clear() {
        state.withLock { state in
            if state.isShown { Terminal.write("\r\u{1b}[K", to: STDERR_FILENO) }
            state.isShown = false
        }
    }
}
