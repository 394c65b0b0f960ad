import ArgumentParser
import Bytes
import Foundation
import IcebergFormat
import MixedTables

struct OptimizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "optimize",
        abstract: "Merge a table's changes into its base store.",
        discussion: """
            Afterwards every engine that reads Iceberg sees the current rows in plain data files. Rewrites every partition \
            that has changes, deletes or several small files, and leaves the others alone. Runs beside writers. \
            Example: weir optimize shop.orders
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @Flag(help: "The kind of optimizing, which is the only one so far and what is done without a kind.")
    var full = false

    @Flag(help: .hidden)
    var minor = false

    @Flag(help: .hidden)
    var major = false

    func validate() throws {
        if minor || major {
            let kind = minor ? "minor" : "major"
            throw ValidationError("--\(kind) is not available yet\nleave it out: a full optimize does more")
        }
    }

    func run() throws {
        let source = try options.locations().table(table)
        let watch = Stopwatch()
        let counts = try source.fileCounts()
        let changes = HumanText.count(counts.unmerged, "change file")
        let base = HumanText.count(counts.base, "base file")
        output.talk.note("full optimize of \(table): \(changes) to merge, \(base)")
        let optimize = RepeatedOptimize { TimeText.nowMilliseconds }
        let (before, after, outcome) = try optimize.run(source) { attempt, error in
            output.talk.note("\(error.message); trying again, with other changes of it held back")
            usleep(UInt32(attempt) * 100_000)
        }
        try report(outcome, before.fileCounts(), after.fileCounts(), watch.seconds)
    }

    private func report(
        _ outcome: FullOptimize.Outcome,
        _ before: FileCounts,
        _ after: FileCounts,
        _ seconds: Double
    ) throws(WeirError) {
        if outcome.partitions == 0, output.format == .table {
            return try StandardOutput.printLine("\(table) is optimized already")
        }
        var properties = Properties()
        properties.set("table", .string(table))
        properties.set("partitions", .count(outcome.partitions))
        properties.set("base_files_before", .count(before.base))
        properties.set("base_files_after", .count(after.base))
        properties.set("change_files_before", .count(before.unmerged))
        properties.set("change_files_after", .count(after.unmerged))
        properties.set("rows", .integer(outcome.rows))
        properties.set("seconds", .number(HumanText.decimal(seconds, 2)))
        guard output.format == .table else { return try properties.print(output.format, to: StandardOutput()) }
        try StandardOutput.printLine(
            """
            \(table): \(HumanText.count(outcome.partitions, "partition")) rewritten, \
            \(HumanText.count(Int(outcome.rows), "row")) in \(HumanText.duration(seconds))
              base files    \(before.base) -> \(after.base)
              change files  \(before.unmerged) -> \(after.unmerged) to merge on read
            """
        )
    }
}
