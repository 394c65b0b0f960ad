import ArgumentParser
import Bytes
import ChangeEvents
import Columnar
import Foundation
import IcebergTables
import LogStores
import MixedTables
import StreamRuntime

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
            should their commit never come. Examples:
              weir read shop.orders --from earliest
              weir read shop.orders --from full --follow -o debezium
              weir read shop.orders --from timestamp:2026-01-31T12:00:00Z -o csv
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var talk: TalkOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @Option(help: "\(ReadStart.forms).")
    var from: String

    @Flag(help: "Go on with the changes that come.")
    var follow = false

    @Option(help: "Changes to print at most.")
    var limit: Int?

    @Option(name: [.customShort("o"), .customLong("output")], help: "json, csv or debezium.")
    var format: ChangeFormat = .json

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("--limit \(limit) is negative") }
        do {
            _ = try ReadStart(from)
        } catch {
            throw ValidationError([error.message, error.advice].compactMap(\.self).joined(separator: "\n"))
        }
    }

    func run() throws {
        let start = try ReadStart(from)
        let stop = follow ? StopSignals() : nil
        let source = try options.locations().table(table)
        let logs = TopologyLogs(try options.locations())
        let printer = ChangePrinter(source, format: format, limit: limit, stop: stop)
        let beginning = try start.resolve(in: source)
        if let notice = beginning.notice { talk.note(notice) }
        // With `earliest` the start needs no explanation.
        if start != .earliest { talk.note(StartNotice.text(beginning, of: source)) }
        var position = beginning.position
        var takesWhatIsThere = beginning.takesWhatIsThere
        if let rows = beginning.rows {
            try printer.printRows(of: source, at: rows, sequence: position.sequence)
        }
        var current = source
        while !printer.isDone {
            if current.newestChange != position {
                try printer.printChanges(of: current, since: position, takesWhatIsThere: takesWhatIsThere)
                position = current.newestChange
            }
            takesWhatIsThere = false
            guard follow, !printer.isDone else { break }
            if let back = try followLog(of: current, logs, printer) {
                position = ChangePosition(sequence: back)
                current = try current.refreshed()
                continue
            }
            // One catalog query shows whether the table changed. It is cheap enough to poll at this interval.
            StandardOutput.pauseWhileRead(milliseconds: 50)
            current = try current.refreshed()
        }
        try printer.finish()
    }
}

extension ReadCommand {
    /// Follows the table in its LogStore until the reader is done. Returns nil if the table cannot be followed there
    /// now. If the log was trimmed, returns the sequence after which to continue in the change store.
    private func followLog(
        of table: MixedTable,
        _ logs: TopologyLogs,
        _ printer: ChangePrinter
    ) throws(WeirError) -> Int64? {
        let settings = try LogStoreSettings(table.properties, isKeyed: table.isKeyed)
        guard settings.isEnabled, try EmitMode(table.properties, hasLogStore: true).writesLog,
            let follower = try LogStoreFollower(table, log: logs.logStore(settings), settings: settings)
        else { return nil }
        while !printer.isDone {
            switch try follower.next() {
            case .changes(let batches): try printer.print(batches)
            case .idle:
                StandardOutput.pauseWhileRead(milliseconds: 0)
                try follower.wait(milliseconds: 100)
            case .trimmed(let undo, let sequence):
                try printer.print(undo)
                return sequence
            }
        }
        return nil
    }
}

/// Prints rows and changes until enough are printed or the user wants to stop.
final class ChangePrinter: @unchecked Sendable {
    // Not locked: a scan passes its batches one at a time, and one scan runs at a time.
    private let out = StandardOutput()
    private let format: ChangeFormat
    private let stop: StopSignals?
    private var output: any ChangeOutput
    private var schema: Schema
    private var left: Int

    init(_ table: MixedTable, format: ChangeFormat, limit: Int?, stop: StopSignals?) {
        self.format = format
        self.stop = stop
        left = limit ?? .max
        schema = table.schema
        output = Self.output(format, table, to: out)
    }

    private static func output(
        _ format: ChangeFormat,
        _ table: MixedTable,
        to out: StandardOutput
    ) -> any ChangeOutput {
        switch format {
        case .json: JSONChangeOutput(table.schema, to: out)
        case .csv: CSVChangeOutput(table.schema, to: out)
        case .debezium: DebeziumOutput(table.identifier, table.schema, to: out)
        }
    }

    var isDone: Bool { left == 0 || stop?.isStopped == true }

    /// Prints the table's state as inserts.
    func printRows(of table: MixedTable, at point: ReadPoint, sequence: Int64) throws(WeirError) {
        guard !isDone else { return }
        try adopt(table)
        let scan = try MergeOnReadScan(table, columns: table.schema, at: point)
        try scan.forEach { (batch) throws(WeirError) in
            let count = min(batch.count, left)
            try output.write(batch, rows: 0..<count, sequence: sequence, isSnapshot: true) { _ in .insert }
            left -= count
            return !isDone
        }
        try output.flush()
    }

    func printChanges(
        of table: MixedTable,
        since position: ChangePosition,
        takesWhatIsThere: Bool
    ) throws(WeirError) {
        try adopt(table)
        let scan = try ChangeLogScan(table, since: position, takesWhatIsThere: takesWhatIsThere)
        try scan.forEach { (batch) throws(WeirError) in
            let count = min(batch.count, left)
            let kind = batch.kind
            try output.write(
                batch.rows,
                rows: 0..<count,
                sequence: batch.sequence,
                isSnapshot: false,
                kind: kind
            )
            left -= count
            return !isDone
        }
        try output.flush()
    }

    /// Prints changes read from the LogStore before their commit.
    func print(_ batches: [ChangeBatch]) throws(WeirError) {
        for batch in batches where !isDone {
            let count = min(batch.count, left)
            try output.write(batch.rows, rows: 0..<count, sequence: nil, isSnapshot: false) { batch.kind($0) }
            left -= count
        }
        try output.flush()
    }

    /// Adopts the current columns: some may have been added or dropped since the table was first loaded.
    private func adopt(_ table: MixedTable) throws(WeirError) {
        if table.schema != schema {
            try output.finish()
            schema = table.schema
            output = Self.output(format, table, to: out)
        }
        (output as? DebeziumOutput)?.learn(
            table.ingestStore.metadata.mainAncestors,
            ExpiredCommits(table.ingestStore.metadata)
        )
    }

    func finish() throws(WeirError) { try output.finish() }
}
