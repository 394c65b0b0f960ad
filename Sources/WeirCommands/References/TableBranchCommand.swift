import ArgumentParser
import Bytes
import IcebergFormat
import MixedTables
import Optimizing

struct TableBranchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "branch",
        abstract: "Create, list and drop branches, which other engines can write to.",
        discussion: "Example: weir table branch create shop.orders audit",
        subcommands: [TableBranchCreateCommand.self, TableBranchListCommand.self, TableBranchDropCommand.self]
    )
}

struct TableBranchCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Create a branch at the newest state of a table, or at a snapshot.",
        discussion: """
            Engines such as Spark write to it; Weir writes main alone and reads any with '--snapshot NAME'. A keyed table gets \
            the branch on both stores, base and change, where they belong together; with --snapshot and the id of a base \
            snapshot on base alone. Without --retain it stays for as long as history.expire.max-ref-age-ms says, for ever \
            without it. Example: weir table branch create shop.orders audit
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var creation: ReferenceCreation

    func run() throws { try creation.run(.branch, options, output) }
}

struct TableBranchListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List the branches of a table's stores.",
        discussion: "Example: weir table branch ls shop.orders"
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    func run() throws { try ReferenceListing.print(.branch, of: try options.locations().table(table), output) }
}

struct TableBranchDropCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop",
        abstract: "Drop a branch from every store that has it; what only it has expires like others.",
        discussion: "Example: weir table branch drop shop.orders audit"
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var reference: ReferenceName

    func run() throws { try reference.drop(.branch, options, output) }
}
