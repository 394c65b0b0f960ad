import Synchronization

/// Limits the files that all writers of this process may have open together.
///
/// Each writer may always open one file. Beyond that, it gets up to an equal share of the budget.
public final class OpenFileBudget: Sendable {
    /// Half of the process's limit; the rest is for readers, logs and connections.
    public static let shared = OpenFileBudget(files: max(1, OpenFileLimit.descriptors / 2))

    private struct State {
        var taken = 0
        /// Writers that have files open.
        var writers = 0
    }

    private let files: Int
    private let state = Mutex(State())

    public init(files: Int) { self.files = files }

    /// Files that are open now.
    public var taken: Int { state.withLock { $0.taken } }

    /// Takes one file for a writer; false when the writer must close one of its own first.
    ///
    /// - Parameter held: the writer's open files.
    public func take(held: Int) -> Bool {
        state.withLock { state in
            if held > 0 {
                guard state.taken < files, held < files / max(1, state.writers) else { return false }
            } else {
                state.writers += 1
            }
            state.taken += 1
            return true
        }
    }

    /// Returns files that a writer has closed.
    ///
    /// - Parameter held: the files the writer still has open.
    public func give(_ count: Int, held: Int) {
        if count == 0 { return }
        state.withLock { state in
            state.taken -= count
            if held == 0 { state.writers -= 1 }
        }
    }
}
