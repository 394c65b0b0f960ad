import ArgumentParser
import Bytes
import IcebergFormat
import IcebergTables
import MixedTables
import Optimizing

struct ExpireCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "expire",
        abstract: "Expire what a table does not need any more, and free its files.",
        discussion: """
            Removes rows that are too old (data-expire.*), delete files that apply to nothing, and the snapshots, branches and \
            tags of both stores that are due; takes change files out of the change store that are older than \
            change.data.ttl.minutes, in base and read by all consumers; and puts the files that nothing names any more in \
            quarantine. Those that have been there for table-expire.quarantine-minutes are deleted: an hour later, the next \
            'weir expire' frees them. 'weir clean' shows them. Runs and readers may go on beside it. A tag that is due \
            (tag.auto-create.*) is created first. Example: weir expire shop.orders --dry-run
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @Flag(help: "Say what would be done and change nothing.")
    var dryRun = false

    func run() throws {
        let source = try options.locations().table(table)
        try TableExpiry.check(source)
        for name in MaintenanceSettings(source.properties).refused {
            output.talk.note("property '\(name)' has no value of its kind; its default is in force")
        }
        let neighbours = try NeighbourFolders(of: source.base.catalog)
        let now = TimeText.nowMilliseconds
        let before = try prepare(source, now)
        let expiry = TableExpiry(try source.refreshed(), neighbours: neighbours, nowMs: now)
        let outcome = dryRun ? try expiry.plan() : try expiry.run().outcome
        try report(outcome, before, source)
        try CleanCommand.failIfAny(outcome.cleaning)
    }

    /// What comes before expiry, which frees the files of it.
    private struct Before {
        var tag: String?
        var rows = DataExpiryRun.Outcome()
        var deleteFiles = 0
    }

    private func prepare(_ source: MixedTable, _ nowMs: Int64) throws(WeirError) -> Before {
        var before = Before()
        let cleansDeletes = MaintenanceSettings(source.properties).cleansDanglingDeletes
        let rows = DataExpiryRun(source, nowMs: nowMs)
        if dryRun {
            before.tag = try AutoTags.due(source, nowMs: nowMs)
            before.rows = try rows.plan()
            before.deleteFiles = cleansDeletes ? try DanglingDeletes.find(in: source.base).count : 0
        } else {
            before.tag = try AutoTags.run(source, nowMs: nowMs)
            before.rows = try rows.run().outcome
            before.deleteFiles = cleansDeletes ? try DanglingDeletes(source, nowMs: nowMs).run().files : 0
        }
        return before
    }

    private func report(
        _ outcome: TableExpiry.Outcome,
        _ before: Before,
        _ source: MixedTable
    ) throws(WeirError) {
        let base = outcome.snapshots[source.base.identifier] ?? ExpiredSnapshots()
        let change = source.change.flatMap { outcome.snapshots[$0.identifier] }
        let cleaning = outcome.cleaning
        func count(_ isCounted: (TableCleaning.Fate) -> Bool) -> (files: Int, bytes: Int64) {
            cleaning.count(isCounted)
        }
        let deletes = MaintenanceSettings(source.properties)
        let classes = TableCleaning.Mode(unattended: deletes).deletes
        // A dry run tells what is due, a run what it has done.
        let freed = dryRun ? Self.counted(cleaning, classes) { $0 == .left(.due) } : count { $0 == .deleted }
        let put =
            dryRun
            ? Self.counted(cleaning, classes) { $0 == .left(.found) }
            : count { if case .quarantined = $0 { true } else { false } }
        let held = count { if case .left(.held) = $0 { true } else { false } }
        var properties = Properties()
        properties.set("table", .string(source.identifier.description))
        properties.set("dry_run", .bool(dryRun))
        properties.set("tag", .optional(before.tag))
        properties.set("old_rows", .integer(before.rows.rows))
        properties.set("old_files", .count(before.rows.files))
        properties.set("waiting_partitions", .count(before.rows.waiting))
        properties.set("delete_files", .count(before.deleteFiles))
        properties.set("base_snapshots", .count(base.snapshots.count))
        properties.set("change_snapshots", change.map { .count($0.snapshots.count) } ?? .null)
        let references = base.references + (change?.references ?? [])
        properties.set("references", .array(references.map { .string($0) }))
        properties.set("change_files", .count(outcome.changes.files))
        properties.set("change_bytes", .integer(outcome.changes.bytes))
        properties.set("change_files_for_consumers", .count(outcome.changes.needed))
        properties.set("quarantined_files", .count(put.files))
        properties.set("quarantined_bytes", .integer(put.bytes))
        properties.set("held_files", .count(held.files))
        properties.set("deleted_files", .count(freed.files))
        properties.set("deleted_bytes", .integer(freed.bytes))
        guard output.format == .table else { return try properties.print(output.format, to: StandardOutput()) }
        func line(_ count: (files: Int, bytes: Int64)) -> String {
            "\(HumanText.count(count.files, "file")), \(HumanText.bytes(count.bytes))"
        }
        var snapshots = "\(base.snapshots.count) of base"
        if let change { snapshots += ", \(change.snapshots.count) of the change store" }
        if !references.isEmpty { snapshots += "; \(references.joined(separator: ", "))" }
        var changes = line((outcome.changes.files, outcome.changes.bytes))
        if outcome.changes.needed > 0 { changes += "; \(outcome.changes.needed) stay for consumers" }
        var waiting = line(put)
        if held.files > 0 { waiting += "; \(held.files) are there already" }
        var lines = ["\(source.identifier): \(dryRun ? "would expire" : "expired")"]
        if let tag = before.tag { lines.append("  tag           \(tag)") }
        if before.rows != DataExpiryRun.Outcome() {
            let rows = HumanText.count(before.rows.rows, "row")
            var old = "\(rows) in \(HumanText.count(before.rows.files, "file"))"
            if before.rows.waiting > 0 {
                let count = HumanText.count(before.rows.waiting, "partition")
                old += "; \(count) more once their changes are in base"
            }
            lines.append("  old rows      \(old)")
        }
        if before.deleteFiles > 0 {
            lines.append("  delete files  \(HumanText.count(before.deleteFiles, "file")) that applied to nothing")
        }
        lines += [
            "  snapshots     \(snapshots)", "  change files  \(changes)", "  quarantine    \(waiting)",
            "  deleted       \(line(freed))",
        ]
        for line in lines { try StandardOutput.printLine(line) }
        for path in cleaning.reclaimed { output.talk.note("out of quarantine, since the table needs it: \(path)") }
    }

    private static func counted(
        _ cleaning: TableCleaning.Outcome,
        _ classes: Set<FoundFileClass>,
        _ isCounted: (TableCleaning.Fate) -> Bool
    ) -> (files: Int, bytes: Int64) {
        let items = cleaning.items.filter { classes.contains($0.file.fileClass) && isCounted($0.fate) }
        return (items.count, items.map(\.file.size).clampedSum())
    }
}
