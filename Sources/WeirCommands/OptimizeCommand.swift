import ArgumentParser
import Bytes
import Foundation
import IcebergFormat
import MixedTables
import Optimizing

struct OptimizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "optimize",
        abstract: "Move a table's changes into base, and rewrite files that slow readers down.",
        discussion: """
            Works beside writers, which neither stop nor wait: rows that they delete meanwhile are deleted in the new files. \
            --minor merges small files and loose deletes, --major also rewrites files with many deleted rows, --full all that \
            is not as it should be, which is what is done without a kind. --dry-run says what would be done, and why. \
            --watch optimizes the table, or all tables of the warehouse, whenever they are due, as their self-optimizing \
            properties say. Examples:
              weir optimize shop.orders --dry-run
              weir optimize shop.orders --major
              weir optimize --watch
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE; with --watch all tables if left out.")
    var table: String?

    @Flag(help: "Merge small files, and give each data file one delete file.")
    var minor = false

    @Flag(help: "The same, and rewrite files with many deleted rows or below the target size.")
    var major = false

    @Flag(help: "Rewrite all files that are not as they should be.")
    var full = false

    @Flag(help: "Print what would be done, and change nothing.")
    var dryRun = false

    @Flag(help: "Go on until stopped, and optimize tables when they are due.")
    var watch = false

    func validate() throws {
        if [minor, major, full].filter(\.self).count > 1 {
            throw ValidationError("--minor, --major and --full exclude each other\n--full does all that the others do")
        }
        if watch, minor || major || full || dryRun {
            throw ValidationError("--watch does what is due\nleave out --minor, --major, --full and --dry-run")
        }
        if !watch, table == nil { throw ValidationError("name a table, as DB.TABLE, or give --watch for all") }
    }

    private var kind: OptimizingKind { minor ? .minor : major ? .major : .full }

    func run() throws {
        if watch { return try OptimizeWatch(options.locations(), table, output.talk).run() }
        let source = try options.locations().table(table ?? "")
        let settings = try settings(of: source)
        let optimizer = TableOptimizer(
            settings,
            threads: ProcessInfo.processInfo.activeProcessorCount,
            nowMilliseconds: { TimeText.nowMilliseconds }
        )
        if dryRun { return try printPlan(try optimizer.evaluate(source, .kind(kind))) }
        let watch = Stopwatch()
        let before = try source.fileCounts()
        let changes = HumanText.count(before.unmerged, "change file")
        output.talk.note(
            "\(kind.rawValue) optimize of \(source.identifier): \(changes) to merge, \(HumanText.count(before.base, "base file"))"
        )
        let stop = StopSignals()
        let (after, report) = try optimizer.run(
            source,
            .kind(kind),
            check: { () throws(WeirError) in
                if stop.isStopped {
                    throw WeirError(
                        .cancelled,
                        "stopped: what was committed so far stays, and nothing else has changed"
                    )
                }
            }
        )
        try print(report, before, after.fileCounts(), after, watch.seconds, optimizer)
        // The others are optimized; this one needs somebody's attention.
        if let (_, error) = report.unusable.min(by: { $0.key < $1.key }) { throw error }
    }

    private func settings(of table: MixedTable) throws(WeirError) -> OptimizingSettings {
        let settings = OptimizingSettings(table.properties)
        for name in settings.refused {
            output.talk.note(
                "\(name) is '\(table.properties[name] ?? "")', which is no value of it: its default is used"
            )
        }
        return settings
    }

    // MARK: Output

    private func printPlan(_ evaluation: TableOptimizer.Evaluation) throws(WeirError) {
        var listing = Listing("partition", "kind", "work", "why", "files", "size", "rows", "deleted_rows")
        for step in evaluation.plan.steps {
            listing.add(
                .string(step.partition),
                .string(step.kind.rawValue),
                .string(step.work == .rows ? "rewrite" : "deletes only"),
                .string(step.reason.rawValue),
                .count(step.files.count),
                .integer(step.bytes),
                .integer(step.rows),
                .integer(step.deletedRows)
            )
        }
        try listing.print(output.format, to: StandardOutput())
        let waiting = try evaluation.table.fileCounts().unmerged
        if waiting > 0 {
            output.talk.note(
                "\(HumanText.count(waiting, "change file")) would be moved into base before, which may make more to do"
            )
        }
        let files = HumanText.count(evaluation.tasks.count, "data file")
        output.talk.note("health \(evaluation.health.total) of 100, \(files), nothing was changed")
        if evaluation.plan.left > 0 {
            output.talk.note("\(HumanText.count(evaluation.plan.left, "further step")) would follow")
        }
    }

    private func print(
        _ report: TableOptimizer.Report,
        _ before: FileCounts,
        _ after: FileCounts,
        _ table: MixedTable,
        _ seconds: Double,
        _ optimizer: TableOptimizer
    ) throws(WeirError) {
        if let unfinished = report.unfinished { output.talk.note(unfinished) }
        for (_, error) in report.unusable.sorted(by: { $0.key < $1.key }).dropFirst() {
            output.talk.note("a file is left as it is: \(error)")
        }
        if report.isNothing, output.format == .table {
            if !report.unusable.isEmpty { return }
            return try StandardOutput.printLine("\(table.identifier) is optimized already")
        }
        let health = try optimizer.evaluate(table, .kind(kind)).health.total
        var properties = Properties()
        properties.set("table", .string(table.identifier.description))
        properties.set("kind", .string(kind.rawValue))
        properties.set("partitions", .count(report.partitions.count))
        properties.set("base_files_before", .count(before.base))
        properties.set("base_files_after", .count(after.base))
        properties.set("change_files_before", .count(before.unmerged))
        properties.set("change_files_after", .count(after.unmerged))
        properties.set("rows_inserted", .integer(report.inserted))
        properties.set("rows_deleted", .integer(report.deleted))
        properties.set("rows_rewritten", .integer(report.rewrite.rows))
        properties.set("bytes_written", .integer(report.rewrite.bytes))
        properties.set("health", .count(health))
        properties.set("seconds", .number(HumanText.decimal(seconds, 2)))
        guard output.format == .table else { return try properties.print(output.format, to: StandardOutput()) }
        var parts: [String] = []
        if report.inserted > 0 { parts.append("\(HumanText.count(report.inserted, "row")) moved into base") }
        if report.deleted > 0 { parts.append("\(HumanText.count(report.deleted, "row")) deleted") }
        if !report.rewrite.isNothing {
            let partitions = HumanText.count(report.partitions.count, "partition")
            parts.append("\(HumanText.count(report.rewrite.rows, "row")) of \(partitions) rewritten")
        }
        try StandardOutput.printLine(
            """
            \(table.identifier): \(parts.joined(separator: ", ")), in \(HumanText.duration(seconds))
              base files    \(before.base) -> \(after.base)
              change files  \(before.unmerged) -> \(after.unmerged) to merge on read
            """
        )
    }
}
