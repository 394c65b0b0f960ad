import Synchronization

/// The files that all writers of this process may have open together.
///
/// Each writer may always have one. Beyond that it gets files up to an equal share of what there is.
public final class OpenFileBudget: Sendable {
    /// Half of what the process may have open: the rest is for readers, logs and connections.
    public static let shared = OpenFileBudget(files: max(1, OpenFileLimit.descriptors / 2))

    private struct State {
        var taken = 0
        /// Writers that have files open.
        var writers = 0
    }

    private let files: Int
    private let state = Mutex(State())

    public init(files: Int) { self.files = files }

    /// Files that are open.
    public var taken: Int { state.withLock { $0.taken } }

    /// Takes one file for a writer; false when the writer has to close one of its own first.
    ///
    /// - Parameter held: how many the writer has.
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

    /// Gives files back that a writer has closed.
    ///
    /// - Parameter held: how many the writer still has.
    public func give(_ count: Int, held: Int) {
        if count == 0 { return }
        state.withLock { state in
            state.taken -= count
            if held == 0 { state.writers -= 1 }
        }
    }
}
