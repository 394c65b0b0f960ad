import ArgumentParser
import Bytes
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables

struct TableDropCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop",
        abstract: "Drop a table with its change store; --purge deletes its files too.",
        discussion: """
            Asks before it does so; without a terminal to ask at, --yes is needed. Without --purge the files stay and can be \
            registered again. Example: weir table drop shop.orders --purge --yes
            """
    )

    @OptionGroup var place: WarehouseOptions
    @OptionGroup var talk: TalkOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @Flag(help: "Delete data and metadata files too.")
    var purge = false

    @Flag(name: .shortAndLong, help: "Do not ask.")
    var yes = false

    @Flag(help: "Say what would be dropped and change nothing.")
    var dryRun = false

    func run() throws {
        let source = try place.places().table(table)
        let files = try source.files()
        let rows = files.reduce(Int64(0)) { $0 + $1.file.fileSize }
        let what = "\(source.identifier)" + (source.change.map { " with \($0.identifier)" } ?? "")
        let size = "\(HumanText.count(files.count, "current file")), \(HumanText.bytes(rows))"
        let fate = purge ? "deleted" : "kept"
        if dryRun { return StandardOutput.printLine("would drop \(what): \(size), files \(fate)") }
        if !yes { try confirm("drop \(what) (\(size), files will be \(fate))?") }
        try source.drop(purge: purge)
        talk.note("dropped \(what); its files are \(fate)")
    }

    private func confirm(_ question: String) throws {
        guard isatty(STDIN_FILENO) == 1 else {
            throw ValidationError("there is no terminal to ask at\nadd --yes to drop \(table)")
        }
        Terminal.write("weir: \(question) [y/N] ", to: STDERR_FILENO)
        guard ["y", "yes"].contains(readLine()?.lowercased() ?? "") else {
            throw WeirError(.cancelled, "nothing was dropped")
        }
    }
}
