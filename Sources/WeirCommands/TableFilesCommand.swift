import ArgumentParser
import Bytes
import IcebergFormat
import MixedTables

struct TableFilesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "files",
        abstract: "List the files of a table's newest state, or of an earlier one.",
        discussion: """
            Types: B base rows, I inserted rows, ED deleted rows; 'merged' says whether base holds a change file's rows \
            already. Deletion vectors of one commit share a file; bytes are those of the vector. Example: weir table files shop.orders -o csv
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @OptionGroup var state: SnapshotOption

    func run() throws {
        let (source, point) = try state.state(of: try options.locations().table(table))
        var listing = Listing("store", "partition", "node", "type", "rows", "bytes", "sequence", "merged", "path")
        for entry in try source.files(at: point) {
            listing.add(
                .string(entry.store),
                entry.partition.isEmpty ? .null : .string(entry.partition),
                Int64(entry.node).map { .integer($0) } ?? .null,
                .string(entry.type),
                .integer(entry.file.recordCount),
                .integer(entry.file.contentBytes),
                .integer(entry.sequence),
                entry.isMerged.map { .bool($0) } ?? .null,
                .string(entry.file.path)
            )
        }
        try listing.print(output.format, to: StandardOutput())
    }
}
