import ArgumentParser
import Bytes
import MixedTables

struct TableAlterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alter",
        abstract: "Set and remove properties of a table; a keyed table has them on both of its stores.",
        discussion: """
            Runs that write the table see the change at their next start. Names and values are checked; what Weir and \
            other engines do with them is in docs/table-properties.md. format-version=3 upgrades both stores, for good. \
            Columns cannot be added, \
            renamed or dropped yet. Example:
              weir table alter shop.orders --set optimized-sequence.registration=statistics --unset write.target-file-size-bytes
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @Option(name: .customLong("set"), help: "A property, as KEY=VALUE; may be repeated.")
    var set: [String] = []

    @Option(name: .customLong("unset"), help: "The key of a property to remove; may be repeated.")
    var unset: [String] = []

    @Option(name: [.customLong("add-column"), .customLong("drop-column"), .customLong("rename-column")], help: .hidden)
    var columns: [String] = []

    func validate() throws {
        if !columns.isEmpty {
            throw ValidationError(
                "columns cannot be added, renamed or dropped yet\n"
                    + "make a table with the columns that are wanted and read the source from its beginning; "
                    + "of a table without a key PyIceberg changes them: table.update_schema()"
            )
        }
        if set.isEmpty, unset.isEmpty { throw ValidationError("there is nothing to change: use --set or --unset") }
        for text in set { _ = try KeyValue.split(text, option: "--set") }
    }

    func run() throws {
        var values: [String: String] = [:]
        for text in set {
            let (key, value) = try KeyValue.split(text, option: "--set")
            guard values.updateValue(value, forKey: key) == nil else {
                throw ValidationError("--set gives '\(key)' twice")
            }
        }
        for key in unset where values[key] != nil {
            throw ValidationError("'\(key)' is both set and unset")
        }
        for (key, value) in values.sorted(by: { $0.key < $1.key }) { try PropertyWords.check(key, value) }
        let existing = try options.locations().table(table)
        let missing = existing.missing(unset)
        for key in missing {
            let near = NearestName.nearest(to: key, among: Array(existing.properties.keys))
            let hint = near.map { "; did you mean '\($0)'?" } ?? ""
            Terminal.note("property '\(key)' is not set on \(existing.identifier)\(hint)")
        }
        let removed = Set(unset).subtracting(missing)
        let changed = try existing.altered(setting: values, removing: removed.sorted())
        var properties = Properties()
        properties.set("table", .string(changed.identifier.description))
        properties.set("set", .integer(Int64(values.count)))
        properties.set("unset", .integer(Int64(removed.count)))
        guard output.format == .table else { return try properties.print(output.format, to: StandardOutput()) }
        let stores = changed.isKeyed ? "both stores of \(changed.identifier)" : "\(changed.identifier)"
        let parts = [(values.count, "set"), (removed.count, "removed")].filter { $0.0 > 0 }
        if parts.isEmpty { return output.talk.note("nothing changed on \(stores)") }
        let what = parts.map { "\($0.1) \(HumanText.count($0.0, "property", "properties"))" }.joined(separator: ", ")
        output.talk.note("\(what) of \(stores)")
    }
}
