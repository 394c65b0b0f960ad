import ArgumentParser
import Bytes
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import StreamRuntime

struct TableDropCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop",
        abstract: "Drop a table with its change store; --purge deletes its files too.",
        discussion: """
            Asks before it does so; without a terminal to ask at, --yes is needed. A table that a running topology works \
            with is not dropped unless --force is given. Without --purge the files stay; Weir cannot register them again, \
            PyIceberg can: catalog.register_table(NAME, METADATA_FILE), for the change store of a keyed table too. --purge \
            deletes the files that the table's metadata reaches, wherever they are, and no \
            others. Example: weir table drop shop.orders --purge --yes
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @Flag(help: "Delete data and metadata files too.")
    var purge = false

    @Flag(name: .shortAndLong, help: "Do not ask.")
    var yes = false

    @Flag(help: "Drop it even while a topology works with it, whose run then ends with an error.")
    var force = false

    @Flag(help: "Say what would be dropped and change nothing.")
    var dryRun = false

    func run() throws {
        let locations = try options.locations()
        if !force { try checkUnused(locations) }
        if purge {
            let source = try locations.table(table)
            let stores = [source.identifier] + (source.change.map { [$0.identifier] } ?? [])
            let size = try Self.size(of: source)
            return try drop(stores, size) { () throws(WeirError) in
                let outcome = try source.drop(purge: true)
                tell(outcome)
                return outcome
            }
        }
        // A drop without purge reads none of the table's files, so a table whose files are gone can be dropped too.
        let catalog = try locations.existingCatalog()
        let stores = try Self.stores(of: try TableIdentifier(table), in: catalog)
        try drop(stores, "") { () throws(WeirError) in
            for store in stores { try catalog.unregister(store) }
            return nil
        }
    }

    private func checkUnused(_ locations: WarehouseLocations) throws(WeirError) {
        let name = try TableIdentifier(table).description
        guard
            let holder = try TopologyLock.holder(of: name, warehouse: locations.warehouse, files: LocalFileSystem())
        else { return }
        throw WeirError(
            .locked,
            "table \(name) is in use by topology '\(holder.name)', which process \(holder.process) runs",
            advice:
                "stop that process first; with --force --yes the table is dropped all the same and the run ends with an error"
        )
    }

    /// The approximate size that a purge deletes, as a text that precedes other words.
    private static func size(of table: MixedTable) throws(WeirError) -> String {
        do throws(WeirError) {
            let files = try table.files()
            let bytes = files.map(\.file.fileSize).clampedSum()
            return "\(HumanText.count(files.count, "current file")), \(HumanText.bytes(bytes)), "
        } catch  where error.code == .notFound {
            return "a manifest is missing: what only it leads to stays; other "
        }
    }

    /// - Parameter body: drops the table. Returns the outcome for its files, or nil if all files stay.
    private func drop(
        _ stores: [TableIdentifier],
        _ size: String,
        _ body: () throws(WeirError) -> DropOutcome?
    ) throws {
        let what = stores.map(\.description).joined(separator: " with ")
        let fate = purge ? "deleted" : "kept"
        if dryRun {
            guard output.format == .table else { return try report(stores, nil) }
            return try StandardOutput.printLine("would drop \(what): \(size)files \(fate)")
        }
        if !yes { try confirm("drop \(what) (\(size)files will be \(fate))?") }
        let outcome = try body()
        guard output.format == .table else { return try report(stores, outcome) }
        output.talk.note("dropped \(what); its files are \(fate)")
    }

    private func report(_ stores: [TableIdentifier], _ outcome: DropOutcome?) throws(WeirError) {
        var properties = Properties()
        properties.set("table", .string(table))
        properties.set("dropped", .array(dryRun ? [] : stores.map { .string($0.description) }))
        properties.set("deleted_files", .count(outcome?.deleted ?? 0))
        properties.set("kept_files", .array((outcome?.kept ?? []).map { .string($0) }))
        properties.set("unreached_files", .array((outcome?.unreached ?? []).map { .string($0) }))
        properties.set("missing_manifests", .array((outcome?.missing ?? []).map { .string($0) }))
        try properties.print(output.format, to: StandardOutput())
    }

    /// Prints which files stay.
    private func tell(_ outcome: DropOutcome) {
        func note(_ paths: [String], _ reason: String) {
            guard let first = paths.first else { return }
            let verb = paths.count == 1 ? "stays" : "stay"
            let example = paths.count == 1 ? first : "\(first) and others"
            output.talk.note("\(HumanText.count(paths.count, "file")) \(verb), \(reason): \(example)")
        }
        if let first = outcome.missing.first {
            let count = HumanText.count(
                outcome.missing.count,
                "manifest or manifest list",
                "manifests or manifest lists"
            )
            output.talk.note(
                "\(count) had gone before, so data files that nothing else leads to are not deleted: \(first)"
            )
        }
        note(outcome.unreached, "which the table's metadata does not reach")
        note(outcome.kept, "which could not be deleted or which gc.enabled=false keeps")
    }

    /// The stores of a table that are in the catalog, base first.
    static func stores(
        of identifier: TableIdentifier,
        in catalog: any Catalog
    ) throws(WeirError) -> [TableIdentifier] {
        // Throws if the table does not exist. Metadata that cannot be read does not throw here.
        _ = try catalog.metadataLocation(of: identifier)
        let change: TableIdentifier
        if let properties = try? catalog.load(identifier).properties {
            if TableMarkers.isChange(properties) {
                throw WeirError(
                    .invalid,
                    "\(identifier) is the change store of another table",
                    advice: "name the table it belongs to"
                )
            }
            guard TableMarkers.isBase(properties), let name = properties[TableMarkers.changeIdentifier] else {
                return [identifier]
            }
            change = try TableIdentifier(name)
        } else {
            change = TableIdentifier(namespace: identifier.namespace, name: identifier.name + "_change_")
        }
        return try catalog.exists(change) ? [identifier, change] : [identifier]
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
