import ArgumentParser
import Bytes
import IcebergFormat
import IcebergTables
import MixedTables

struct TableSnapshotsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshots",
        abstract: "List the snapshots of a table's stores, oldest first.",
        discussion: """
            'scan', 'lookup', 'table describe' and 'table files' take any of them with --snapshot, 'read --from snapshot:ID' \
            those of the store 'change' (of 'base' where a table has no key); the names of branches and tags, in the column \
            refs, do as well as ids. Ids \
            have up to 63 bits and are numbers in JSON, as in Iceberg's own; JavaScript and jq before 1.7 round those above \
            2^53, so take them from -o csv there. Example: weir table snapshots shop.orders
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    func run() throws {
        let source = try options.locations().table(table)
        var listing = Listing(
            "committed_at",
            "store",
            "snapshot",
            "sequence",
            "operation",
            "producer",
            "added_files",
            "added_rows",
            "removed_files",
            "current",
            "refs"
        )
        var all = source.base.snapshots.map { (store: "base", table: source.base, snapshot: $0) }
        if let change = source.change {
            all += change.snapshots.map { (store: "change", table: change, snapshot: $0) }
        }
        all.sort {
            ($0.snapshot.timestampMs, $0.snapshot.sequenceNumber) < (
                $1.snapshot.timestampMs, $1.snapshot.sequenceNumber
            )
        }
        for (store, table, snapshot) in all {
            let refs = table.metadata.references.filter { $0.value.snapshotId == snapshot.id }.keys.sorted()
            func number(_ key: String) -> JSONValue { .integer(snapshot.summary[key].flatMap { Int64($0) } ?? 0) }
            listing.add(
                .string(TimeText.text(snapshot.timestampMs)),
                .string(store),
                .integer(snapshot.id),
                .integer(snapshot.sequenceNumber),
                .optional(snapshot.operation),
                .optional(snapshot.summary["snapshot.producer"]?.lowercased()),
                number("added-data-files"),
                number("added-records"),
                number("deleted-data-files"),
                .bool(table.currentSnapshot?.id == snapshot.id),
                refs.isEmpty ? .null : .string(refs.joined(separator: ", "))
            )
        }
        try listing.print(output.format, to: StandardOutput())
    }
}
