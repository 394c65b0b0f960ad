import ArgumentParser
import Bytes
import IcebergFormat
import IcebergTables
import MixedTables

struct TableListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List tables; a keyed table's change store is part of it and not listed.",
        discussion: "Example: weir table ls shop"
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "Only the tables of this database.")
    var database: String?

    func run() throws {
        let catalog = try options.locations().existingCatalog()
        let namespaces: [[String]] =
            try database.map { [$0.split(separator: ".").map(String.init)] } ?? catalog.namespaces()
        var listing = Listing("table", "kind", "columns", "primary_key", "partition_by", "snapshots", "last_commit")
        for namespace in namespaces {
            for identifier in try catalog.tables(in: namespace) {
                let base: Table
                do {
                    base = try catalog.load(identifier)
                } catch {
                    // A broken table must not stop the listing of the others.
                    Terminal.note("\(identifier) cannot be loaded: \(error)")
                    continue
                }
                if TableMarkers.isChange(base.properties) { continue }
                try add(identifier, base, to: &listing, from: catalog)
            }
        }
        try listing.print(output.format, to: StandardOutput())
        for other in try catalog.otherCatalogs() {
            let count = HumanText.count(other.tables, "table")
            output.talk.note(
                "\(count) of this database under the catalog name \(other.name): use --catalog-name \(other.name)"
            )
        }
    }

    private func add(
        _ identifier: TableIdentifier,
        _ base: Table,
        to listing: inout Listing,
        from catalog: any Catalog
    ) throws(WeirError) {
        guard TableMarkers.isBase(base.properties) else {
            return row(MixedTable(base: base, change: nil, primaryKey: []), kind: "iceberg", in: &listing)
        }
        let table = try MixedTable.load(identifier, from: catalog)
        row(table, kind: table.isKeyed ? "keyed" : "unkeyed", in: &listing)
    }

    private func row(_ table: MixedTable, kind: String, in listing: inout Listing) {
        let snapshots = table.base.snapshots + (table.change?.snapshots ?? [])
        let key = table.primaryKey.map(\.name).joined(separator: ",")
        let partition = table.partitionTexts.joined(separator: ", ")
        listing.add(
            .string(table.identifier.description),
            .string(kind),
            .count(table.schema.count),
            key.isEmpty ? .null : .string(key),
            partition.isEmpty ? .null : .string(partition),
            .count(snapshots.count),
            .optional(snapshots.map(\.timestampMs).max().map { TimeText.text($0) })
        )
    }
}

extension MixedTable {
    /// The partition spec in the syntax of `weir table create`: `day(created_at)`.
    var partitionTexts: [String] {
        base.spec.fields.map { field in
            let column = schema.field(id: field.sourceId)?.name ?? "#\(field.sourceId)"
            switch field.transform {
            case .identity: return column
            case .bucket(let count): return "bucket(\(count), \(column))"
            case .truncate(let width): return "truncate(\(width), \(column))"
            default: return "\(field.transform)(\(column))"
            }
        }
    }
}
