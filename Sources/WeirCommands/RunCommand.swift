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
            Creates declared tables that are not there and goes on behind the last commit of those that are. SIGINT or \
            SIGTERM ends it after a last commit, a second one at once. With --until-caught-up it exits with 3 when every \
            record became a dead letter. Examples:
              weir run topologies/shop.yaml
              weir run topologies/shop.yaml --until-caught-up --set pipeline.commit.interval=1s
            A table remembers the name of the topology that writes it. After the file was given another name, hand the \
            tables on once, while nothing runs under the former one:
              weir run topologies/shop.yaml --adopt former-name
            """
    )

    @OptionGroup var place: WarehouseOptions
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
        for warning in warnings where warning.severity == .warning { output.talk.note("\(file.topology):\(warning)") }
        let runner = try TopologyRunner(
            topology,
            place.places(topology),
            adopting: adopt,
            showsProgress: output.talk.showsProgress
        )
        if let adopt {
            let tables = HumanText.count(runner.adopted, "table")
            output.talk.note(
                runner.adopted > 0
                    ? "\(tables) handed on from topology '\(adopt)' to '\(topology.name)'"
                    : "nothing is left of topology '\(adopt)': '--adopt' can be left out"
            )
        }
        let stop = StopSignals { runner.stop() }
        if !untilCaughtUp { output.talk.note("running topology '\(topology.name)'; SIGINT or SIGTERM ends it") }
        let watch = Stopwatch()
        let counts = try runner.run(untilCaughtUp: untilCaughtUp)
        try report(topology, runner, counts, seconds: watch.seconds, isStopped: stop.isStopped)
        if untilCaughtUp, counts.isAllRefused { throw ExitStatus.ending(ExitStatus.problems) }
    }

    private func report(
        _ topology: Topology,
        _ runner: TopologyRunner,
        _ counts: IngestProgress,
        seconds: Double,
        isStopped: Bool
    ) throws(WeirError) {
        if counts.deadLetters > 0 {
            let letters = HumanText.count(counts.deadLetters, "dead letter")
            let all = counts.isAllRefused ? "no record could be taken in: " : ""
            Terminal.note("warning: \(all)\(letters); see \(runner.deadLetterPath)")
        }
        if counts.fenced > 0 {
            Terminal.note(
                "warning: partitions were taken over \(HumanText.count(counts.fenced, "time")) before this process had "
                    + "committed what it had read of them; the other process reads that again"
            )
        }
        if !counts.unroutedTables.isEmpty {
            let records = HumanText.count(counts.unrouted, "record")
            let tables = counts.unroutedTables.sorted().prefix(5).joined(separator: ", ")
            let place = tables.isEmpty ? "" : " of \(tables)"
            Terminal.note("warning: \(records)\(place) left out: no route matches the source table's identifier")
        }
        if output.talk.quiet && output.format == .table { return }
        var properties = Properties()
        properties.set("topology", .string(topology.name))
        properties.set("ended", .string(isStopped ? "stopped" : "caught up"))
        properties.set("records", .count(counts.records))
        properties.set("inserts", .count(counts.inserts))
        properties.set("deletes", .count(counts.deletes))
        properties.set("redundant_deletes", .count(counts.redundantDeletes))
        properties.set("commits", .count(counts.commits))
        properties.set("unrouted", .count(counts.unrouted))
        properties.set("without_rows", .count(counts.withoutRows))
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
        out.line("  table commits    \(HumanText.count(counts.commits))")
        if counts.unrouted > 0 { out.line("  records left out \(HumanText.count(counts.unrouted))") }
        if counts.withoutRows > 0 { out.line("  without rows     \(HumanText.count(counts.withoutRows))") }
        out.line("  dead letters     \(HumanText.count(counts.deadLetters))")
        try out.flush()
    }
}

/// A topology on a warehouse, ready to run once.
final class TopologyRunner: Sendable {
    let deadLetterPath: String
    /// Tables that were handed on from the topology's former name.
    let adopted: Int
    private let lock: TopologyLock
    private let ingest: IngestRun
    private let patience: KafkaPatience
    private let line: ProgressLine

    /// - Parameter former: a name that the topology had before, whose tables it takes over.
    init(
        _ topology: Topology,
        _ places: WarehousePlaces,
        adopting former: String? = nil,
        showsProgress: Bool
    ) throws(WeirError) {
        let files = LocalFileSystem()
        lock = try Self.lock(topology, places, files)
        let line = ProgressLine(isOn: showsProgress)
        self.line = line
        let warn: @Sendable (String) -> Void = { text in
            line.clear()
            Terminal.note("warning: \(text)")
        }
        // A run outlives every session of another engine: it waits for as long as one is in its way.
        let catalog = try places.openedCatalog(patience: CatalogPatience(limit: nil, onWait: warn))
        if let former {
            let quiet = try TopologyLock.Quiet(topology: former, warehouse: places.warehouse, files: files)
            adopted = try withExtendedLifetime(quiet) { () throws(WeirError) in
                try IngestPlan.adopt(former, for: topology, catalog: catalog).count
            }
        } else {
            adopted = 0
        }
        let formerNames = try IngestPlan.formerNames(of: topology, catalog: catalog)
        patience = KafkaPatience(onNotice: warn)
        let logs = TopologyLogs(places, patience: patience)
        let plan = try IngestPlan.resolve(
            topology,
            catalog: catalog,
            nowMilliseconds: TimeText.nowMilliseconds,
            creationLock: CreationLock(warehouse: places.warehouse, files: files)
        ) { (source) throws(WeirError) in
            try logs.source(source)
        } openTopic: { (sink, table, place) throws(WeirError) in
            try logs.topic(sink, table, topology: topology.name, place)
        } earlierTransactions: { (sink, table, isShared, partitions) in
            logs.earlierTransactions(sink, table, topology: topology.name, isShared: isShared, partitions)
                + formerNames.flatMap { logs.formerTransactions(sink, table, topology: $0, partitions) }
        } openLogStore: { (settings) throws(WeirError) in
            try logs.logStore(settings)
        } openAppender: { (log, settings) throws(WeirError) in
            try logs.appender(log, settings)
        }
        let name = TopologyLock.name(topology: topology.name, number: lock.number)
        deadLetterPath = "\(places.warehouse)/dead-letters/\(name).ndjson"
        let watch = Stopwatch()
        ingest = IngestRun(plan, deadLetterPath: deadLetterPath, files: files) { now in
            line.show {
                let rate = HumanText.rate(now.records, watch.seconds)
                return "\(HumanText.count(now.records, "record")) \(rate), "
                    + "\(HumanText.count(now.inserts, "row")) in \(HumanText.count(now.commits, "commit"))"
            }
        } onWarning: {
            warn($0)
        }
    }

    /// The right to run it. A source on brokers is shared with other processes, unless a topic of the file log mirrors a
    /// table: that is one process's.
    private static func lock(
        _ topology: Topology,
        _ places: WarehousePlaces,
        _ files: LocalFileSystem
    ) throws(WeirError) -> TopologyLock {
        let isOnBrokers = topology.sources.allSatisfy { $0.kind == .kafka }
        let properties =
            topology.tables.map { ($0.name, $0.properties) } + topology.joins.map { ($0.name, $0.properties) }
        let mirrored = properties.first { _, properties in
            properties["log-store.enabled"]?.lowercased() == "true" && properties["log-store.type"] == "file"
        }
        do {
            return try TopologyLock(
                topology: topology.name,
                warehouse: places.warehouse,
                files: files,
                isShared: isOnBrokers && mirrored == nil
            )
        } catch {
            guard error.code == .locked, isOnBrokers, let (table, properties) = mirrored else { throw error }
            let topic = properties["log-store.topic"] ?? ""
            throw WeirError(
                .locked,
                "\(error.message); it cannot be shared, since the LogStore of \(table) is the topic '\(topic)' of the "
                    + "file log, which one process writes",
                at: error.location,
                advice: "stop that process, or put the LogStore on a broker with log-store.type: kafka"
            )
        }
    }

    /// Ends the run after a last commit.
    func stop() {
        ingest.stop()
        patience.stop()
    }

    func run(untilCaughtUp: Bool) throws(WeirError) -> IngestProgress {
        defer { line.clear() }
        return try withExtendedLifetime(lock) { () throws(WeirError) in try ingest.run(untilCaughtUp: untilCaughtUp) }
    }
}
