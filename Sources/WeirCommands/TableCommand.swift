import ArgumentParser

struct TableCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "table",
        abstract: "Create, list, describe, alter, tag and drop tables.",
        discussion: "Example: weir table describe shop.orders",
        subcommands: [
            TableCreateCommand.self, TableListCommand.self, TableDescribeCommand.self, TableSnapshotsCommand.self,
            TableFilesCommand.self, TableAlterCommand.self, TableTagCommand.self, TableBranchCommand.self,
            TableDropCommand.self,
        ]
    )
}
