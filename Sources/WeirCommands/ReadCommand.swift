import ArgumentParser
import Bytes
import IcebergFormat
import MixedTables

/// The format of changes.
enum ChangeFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case json, csv, debezium
}

struct ReadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read",
        abstract: "Print the changes of a table, and with --follow those to come.",
        discussion: """
            'snapshot:ID' begins with the commit after that snapshot, 'timestamp:TIME' with the first one that is not older; \
            standard error says which that is. Ends at the newest commit unless --follow is given; then SIGINT, SIGTERM or the end of its reader ends it. 'full' begins with the rows \
            as they are, as +I, and goes on with what changes. A table with a LogStore is followed there once the change \
            store is read to its end: rows come in milliseconds, before their commit, with a null seq, and are taken back \
            should their commit never come.

            --consumer has the table keep the place under a name: the next call with that name goes on there, and what it \
            needs stays until it was silent for longer than its TTL. A program that keeps its own place asks for --markers \
            and goes on with 'seq:N', N being the last marker's commit. Examples:
              weir read shop.orders --from earliest
              weir read shop.orders --from full --follow -o debezium
              weir read shop.orders --from timestamp:2026-01-31T12:00:00Z -o csv
              weir read shop.orders --consumer search --from full --follow
              weir read shop.orders --consumer search --follow
              weir read shop.orders --from seq:41 --markers --follow
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var talk: TalkOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @Option(help: "\(ReadStart.forms); not for a consumer that has a place.")
    var from: String?

    @Option(help: "A name under which the table keeps how far was read; 'weir consumer' lists, moves and drops it.")
    var consumer: String?

    @Option(
        name: .customLong("consumer-ttl"),
        help:
            "How long the consumer may be silent before what it needs may go, such as 12h (default: what it has, or 7d)."
    )
    var consumerTTL: String?

    @Flag(help: "Take the consumer's name over from a process that may be at work, which then ends with an error.")
    var takeOver = false

    @Flag(help: "Go on with the changes that come.")
    var follow = false

    @Flag(help: "Print a line at the end of each commit; only with -o json.")
    var markers = false

    @Option(help: "Changes to print at most.")
    var limit: Int?

    @Option(name: [.customShort("o"), .customLong("output")], help: "json, csv or debezium.")
    var format: ChangeFormat = .json

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("--limit \(limit) is negative") }
        if from == nil, consumer == nil {
            throw ValidationError("--from or --consumer is missing: it says where to begin\nuse \(ReadStart.forms)")
        }
        if consumer == nil {
            if consumerTTL != nil { throw ValidationError("--consumer-ttl is for --consumer, which is missing") }
            if takeOver { throw ValidationError("--take-over is for --consumer, which is missing") }
        }
        if markers, format != .json {
            throw ValidationError("--markers is for -o json: \(format.rawValue) has no line for the end of a commit")
        }
        try UsageMistake.check { () throws(WeirError) in
            if let from { _ = try ReadStart(from) }
            if let consumer { try Consumer.check(name: consumer) }
            if let consumerTTL { _ = try ConsumerTTL.parse(consumerTTL) }
        }
    }

    func run() throws {
        // Reading for a consumer ends with its place stored, whatever ends it.
        let stop = follow || consumer != nil ? StopSignals() : nil
        let source = try options.locations().table(table)
        let printer = ChangePrinter(source, format: format, limit: limit, hasMarkers: markers, stop: stop)
        let logs = TopologyLogs(try options.locations())
        let reader = ChangeReader(printer, logs, follows: follow, keepsPlace: consumer != nil)
        try reader.check(source)
        guard let consumer else {
            let start = try ReadStart(from ?? "")
            let beginning = try start.resolve(in: source)
            tell(beginning, start, of: source)
            printer.place = try beginning.place(in: source)
            if start == .latest { try printer.markStart(of: source) }
            try reader.run(source, takesWhatIsThere: beginning.takesWhatIsThere)
            return try printer.finish()
        }
        let opening = ConsumerOpening(
            consumer,
            ttlMs: try consumerTTL.map { (text) throws(WeirError) in try ConsumerTTL.parse(text) },
            takesOver: takeOver,
            talk: talk
        )
        let opened = try opening.open(source, from: from.map { (text) throws(WeirError) in try ReadStart(text) }) {
            tell($0, $1, of: $2)
        }
        printer.place = opened.keeper.consumer.place
        let progress = ConsumerProgress(opened.keeper, printer)
        if opened.start == .latest { try printer.markStart(of: opened.table) }
        try progress.read(opened.table.identifier, wasLapsed: opened.wasLapsed) { () throws(WeirError) in
            try reader.run(opened.table, takesWhatIsThere: opened.takesWhatIsThere, progress)
        }
    }

    private func tell(_ beginning: ReadBeginning, _ start: ReadStart, of source: MixedTable) {
        if let notice = beginning.notice { talk.note(notice) }
        // With `earliest` the start needs no explanation.
        if start != .earliest { talk.note(StartNotice.text(beginning, of: source)) }
    }
}
