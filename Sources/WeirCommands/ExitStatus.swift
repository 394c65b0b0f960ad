import ArgumentParser

/// What a command's exit code says.
enum ExitStatus {
    static let ok: Int32 = 0
    static let failure: Int32 = 1
    static let usage: Int32 = 2
    /// A check found problems.
    static let problems: Int32 = 3

    /// Ends a command that has said on standard error what is wrong.
    static func ending(_ code: Int32) -> ExitCode { ExitCode(code) }
}
