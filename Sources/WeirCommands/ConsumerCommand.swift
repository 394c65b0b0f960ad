import ArgumentParser

struct ConsumerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "consumer",
        abstract: "List, move and drop the named readers of a table's changes.",
        discussion: "Example: weir consumer ls shop.orders",
        subcommands: [ConsumerListCommand.self, ConsumerResetCommand.self, ConsumerDropCommand.self]
    )
}
