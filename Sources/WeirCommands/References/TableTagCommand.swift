import ArgumentParser
import Bytes
import IcebergFormat
import MixedTables
import Optimizing

struct TableTagCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tag",
        abstract: "Create, list and drop tags, which keep a state of a table.",
        discussion: "Example: weir table tag create shop.orders before-cleanup --retain 30d",
        subcommands: [TableTagCreateCommand.self, TableTagListCommand.self, TableTagDropCommand.self]
    )
}

struct TableTagCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Create a tag at the newest state of a table, or at a snapshot.",
        discussion: """
            A tag keeps its snapshot, which '--snapshot NAME' of scan and lookup then reads. A keyed table gets the tag on both \
            stores, base and change, where they belong together; with --snapshot and the id of a base snapshot on base alone. \
            Without --retain it stays for as long as history.expire.max-ref-age-ms says, for ever without it. \
            Example: weir table tag create shop.orders before-cleanup --retain 30d
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var creation: ReferenceCreation

    func run() throws { try creation.run(.tag, options, output) }
}

struct TableTagListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List the tags of a table's stores.",
        discussion: "Example: weir table tag ls shop.orders"
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    func run() throws { try ReferenceListing.print(.tag, of: try options.locations().table(table), output) }
}

struct TableTagDropCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop",
        abstract: "Drop a tag from every store that has it; its snapshot expires like others.",
        discussion: "Example: weir table tag drop shop.orders before-cleanup"
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var reference: ReferenceName

    func run() throws { try reference.drop(.tag, options, output) }
}
