import ArgumentParser

struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Create, fill and look at topics of the file log.",
        discussion: "Example: weir log append shop.public.orders orders.ndjson",
        subcommands: [
            LogCreateCommand.self, LogAppendCommand.self, LogTailCommand.self, LogListCommand.self,
            LogDescribeCommand.self,
        ]
    )
}
