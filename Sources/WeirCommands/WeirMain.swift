import ArgumentParser
import Bytes
import Foundation

/// Runs the command line and maps every outcome to an exit code.
public enum WeirMain {
    public static func run(_ arguments: [String] = Array(CommandLine.arguments.dropFirst())) -> Never {
        // With SIGPIPE ignored, a closed reader shows as a failed write, which ends the process without a message.
        signal(SIGPIPE, SIG_IGN)
        exit(status(arguments))
    }

    /// Runs a command line and returns its exit code.
    static func status(_ arguments: [String]) -> Int32 {
        do {
            var command = try Weir.parseAsRoot(arguments)
            try command.run()
            return ExitStatus.ok
        } catch let error as WeirError {
            ErrorReport(error).print()
            return ExitStatus.failure
        } catch let error as ExitCode {
            return error.rawValue
        } catch {
            return parserStatus(error, arguments)
        }
    }

    /// Help and version go to standard output. A validation error of the parser is a usage error; any other error is a
    /// failure.
    private static func parserStatus(_ error: any Error, _ arguments: [String]) -> Int32 {
        if let report = UsageMistake.ofHelp(arguments) {
            report.print()
            return ExitStatus.usage
        }
        if Weir.exitCode(for: error).isSuccess {
            do throws(WeirError) {
                try StandardOutput.printLine(Weir.fullMessage(for: error))
                return ExitStatus.ok
            } catch {
                ErrorReport(error).print()
                return ExitStatus.failure
            }
        }
        guard Weir.exitCode(for: error) == .validationFailure else {
            ErrorReport(message: "\(error)").print()
            return ExitStatus.failure
        }
        ErrorReport(usage: Weir.message(for: error), full: Weir.fullMessage(for: error), arguments: arguments).print()
        return ExitStatus.usage
    }
}
