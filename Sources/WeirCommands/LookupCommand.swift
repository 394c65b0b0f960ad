import ArgumentParser
import Bytes
import Columnar
import MixedTables

struct LookupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lookup",
        abstract: "Print the rows of keys.",
        discussion: """
            A key of several columns is written with commas, in the order of the primary key; an argument may hold a comma \
            of its own when the key is one column. Keys without a row are named on standard error; when no key has one, the \
            exit code is 1. Put '--' before keys that begin with '-'. Examples:
              weir lookup shop.customers 1 2 3
              weir lookup shop.order_lines 4711,2 -o json
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @Argument(help: "Keys.")
    var keys: [String]

    @OptionGroup var state: SnapshotOption

    @Flag(help: "With the changes that the table's LogStore holds ahead of the next commit.")
    var fresh = false

    func validate() throws {
        if fresh && state.snapshot != nil { throw ValidationError("--fresh means now; it excludes --snapshot") }
    }

    func run() throws {
        let locations = try options.locations()
        let (source, point) = try state.state(of: try locations.table(table))
        let lookup = try KeyLookup(source, keys: keys)
        let rows = LimitedRows(output.format.rowOutput(source.schema, to: StandardOutput()), limit: nil)
        let tail = fresh ? try locations.logStoreTail(of: source) : []
        let scan = try FreshScan(source, tail: tail, filter: lookup.filter, at: point)
        try scan.forEach { (batch) throws(WeirError) in
            lookup.markFound(in: batch)
            return try rows.write(batch)
        }
        if rows.count > 0 || output.format != .table { try rows.finish() }
        let missing = lookup.missing
        if rows.count == 0 || !output.talk.quiet {
            for key in missing { Terminal.note("\(source.identifier) has no row with the key \(key)") }
        }
        if rows.count == 0 { throw ExitStatus.ending(ExitStatus.failure) }
    }
}
