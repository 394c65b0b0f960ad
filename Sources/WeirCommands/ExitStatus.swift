import ArgumentParser

/// The exit codes of the commands.
enum ExitStatus {
    static let ok: Int32 = 0
    static let failure: Int32 = 1
    static let usage: Int32 = 2
    /// A check found problems.
    static let problems: Int32 = 3

    /// Ends a command that has already printed its error.
    static func ending(_ code: Int32) -> ExitCode { ExitCode(code) }
}
