import ArgumentParser

/// The root of the command line.
public struct Weir: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "weir",
        abstract: "Moves change events from a log into lakehouse tables and serves them back.",
        discussion: """
            Try 'weir demo' first. Options that every command takes also come from the environment: WEIR_WAREHOUSE, \
            WEIR_CATALOG, WEIR_LOG_ROOT. Exit codes: 0 ok, 1 failure, 2 usage, 3 a check found problems.
            """,
        version: "weir \(WeirVersion.number)",
        subcommands: [
            DemoCommand.self, RunCommand.self, CheckCommand.self, LogCommand.self, TableCommand.self, ScanCommand.self,
            ReadCommand.self, ConsumerCommand.self, LookupCommand.self, OptimizeCommand.self, ExpireCommand.self,
            CleanCommand.self, WhyLateCommand.self, DoctorCommand.self, VersionCommand.self,
        ]
    )

    public init() {}
}
