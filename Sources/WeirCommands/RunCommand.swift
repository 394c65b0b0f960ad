import ArgumentParser
import Bytes
import Foundation
import IcebergFormat
import IcebergTables
import KafkaLog
import ObjectStorage
import StreamRuntime
import Topology

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a topology: move events from the log into its tables.",
        discussion: """
            Creates declared tables that are not there and goes on behind the last commit of those that are. SIGINT, \
            SIGTERM or SIGHUP ends it after a last commit, a second SIGINT or SIGTERM at once. Standard error shows \
            how it gets on: on a terminal in one line, elsewhere in a line a minute that begins with the time; with \
            --quiet only what is wrong. \
            With --until-caught-up it exits with 3 when every record became a dead letter. Examples:
              weir run topologies/shop.yaml
              weir run topologies/shop.yaml --until-caught-up --set pipeline.commit.interval=1s
            A table remembers the name of the topology that writes it. After the file was given another name, hand the \
            tables on once, while nothing runs under the former one:
              weir run topologies/shop.yaml --adopt former-name
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var file: TopologyArguments

    @Flag(help: "End when every source is read to its end.")
    var untilCaughtUp = false

    @Option(
        help: ArgumentHelp(
            "Go on where the topology of that name ended, which is this one's former name.",
            valueName: "name"
        )
    )
    var adopt: String?

    func run() throws {
        let (topology, warnings) = try Topology.load(path: file.topology, overrides: try file.overrides())
        let log = RunLog(isQuiet: output.talk.quiet)
        for warning in warnings where warning.severity == .warning { log.note("\(file.topology):\(warning)") }
        let runner = try TopologyRunner(topology, options.locations(topology), adopting: adopt, log: log)
        if let adopt {
            let tables = HumanText.count(runner.adopted, "table")
            log.note(
                runner.adopted > 0
                    ? "\(tables) handed on from topology '\(adopt)' to '\(topology.name)'"
                    : "nothing is left of topology '\(adopt)': '--adopt' can be left out"
            )
        }
        let stop = StopSignals { runner.stop() }
        if !untilCaughtUp { log.note("running topology '\(topology.name)'; SIGINT, SIGTERM or SIGHUP ends it") }
        let watch = Stopwatch()
        let counts = try runner.run(untilCaughtUp: untilCaughtUp)
        warn(runner, counts, log)
        try report(topology, runner, counts, seconds: watch.seconds, isStopped: stop.isStopped)
        if untilCaughtUp, counts.isAllRefused { throw ExitStatus.ending(ExitStatus.problems) }
    }

    private static let shownTablesMax = 5

    /// Prints the warnings at the end of a run.
    private func warn(_ runner: TopologyRunner, _ counts: IngestProgress, _ log: RunLog) {
        if counts.deadLetters > 0 {
            let letters = HumanText.count(counts.deadLetters, "dead letter")
            let all = counts.isAllRefused ? "no record could be taken in: " : ""
            log.warn("\(all)\(letters); see \(runner.deadLetterPath)")
        }
        if counts.fenced > 0 {
            log.warn(
                "partitions were taken over \(HumanText.count(counts.fenced, "time")) before this process had "
                    + "committed what it had read of them; the other process reads that again"
            )
        }
    }

    private func report(
        _ topology: Topology,
        _ runner: TopologyRunner,
        _ counts: IngestProgress,
        seconds: Double,
        isStopped: Bool
    ) throws(WeirError) {
        if output.talk.quiet && output.format == .table { return }
        var properties = Properties()
        properties.set("topology", .string(topology.name))
        properties.set("ended", .string(isStopped ? "stopped" : "caught up"))
        properties.set("records", .count(counts.records))
        properties.set("inserts", .count(counts.inserts))
        properties.set("deletes", .count(counts.deletes))
        properties.set("redundant_deletes", .count(counts.redundantDeletes))
        properties.set("filtered", .count(counts.filtered))
        properties.set("commits", .count(counts.commits))
        properties.set("unrouted", .count(counts.unrouted))
        properties.set("unrouted_tables", .array(counts.unroutedTables.sorted().map { .string($0) }))
        properties.set("without_rows", .count(counts.withoutRows))
        properties.set("tombstones", .count(counts.tombstones))
        properties.set("dead_letters", .count(counts.deadLetters))
        properties.set("dead_letter_file", counts.deadLetters > 0 ? .string(runner.deadLetterPath) : .null)
        properties.set("seconds", .number(HumanText.decimal(seconds, 2)))
        guard output.format == .table else { return try properties.print(output.format, to: StandardOutput()) }
        let out = StandardOutput()
        let rate = HumanText.rate(counts.records, seconds)
        out.line(
            "topology '\(topology.name)' \(isStopped ? "stopped" : "caught up") after \(HumanText.duration(seconds))"
        )
        out.line("  records read     \(HumanText.count(counts.records))" + (rate.isEmpty ? "" : " (\(rate))"))
        out.line("  rows written     \(HumanText.count(counts.inserts))")
        out.line("  deletes written  \(HumanText.count(counts.deletes))")
        if counts.filtered > 0 { out.line("  rows filtered    \(HumanText.count(counts.filtered))") }
        out.line("  table commits    \(HumanText.count(counts.commits))")
        if counts.unrouted > 0 {
            // The warning came with the first record.
            let names = counts.unroutedTables.sorted()
            let tables = names.prefix(Self.shownTablesMax).joined(separator: ", ")
            let more = names.count > Self.shownTablesMax ? ", …" : ""
            out.line(
                "  records left out \(HumanText.count(counts.unrouted)), which no route matches: those of \(tables)\(more)"
            )
        }
        if counts.withoutRows > 0 { out.line("  without rows     \(HumanText.count(counts.withoutRows))") }
        if counts.tombstones > 0 { out.line("  tombstones       \(HumanText.count(counts.tombstones))") }
        out.line("  dead letters     \(HumanText.count(counts.deadLetters))")
        try out.flush()
    }
}
