import Foundation

/// The signals that a child process can receive.
enum ChildSignals {
    /// Starts a process with no signal blocked. Test threads block them, and a child process inherits that and would not
    /// receive SIGTERM.
    static func unblocked(_ start: () throws -> Void) rethrows {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try start()
    }
}
