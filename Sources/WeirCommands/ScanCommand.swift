import ArgumentParser
import Bytes
import Columnar
import Expressions
import Foundation
import IcebergFormat
import MixedTables

struct ScanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan",
        abstract: "Print the rows of a table: base and changes merged.",
        discussion: """
            Rows come in no particular order. --snapshot shows that commit and all before it, --as-of those that are not \
            younger than the time; standard error says which is the last. Examples:
              weir scan shop.orders --limit 5
              weir scan shop.orders --columns order_id,amount --where "status = 'PAID' AND amount > 100" -o csv
              weir scan shop.orders --as-of 2026-01-31T12:00:00Z --count
              weir scan shop.orders --snapshot month-end
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @OptionGroup var state: SnapshotOption

    @Option(help: "The state at a time: ISO 8601 or milliseconds since 1970.")
    var asOf: String?

    @Option(help: "Columns to print, separated by commas.")
    var columns: String?

    @Option(name: .customLong("where"), help: "A SQL condition that rows must fulfil.")
    var condition: String?

    @Option(help: "Rows to print at most.")
    var limit: Int?

    @Flag(help: "Print how many rows there are instead of the rows.")
    var count = false

    @Flag(help: "With the changes that the table's LogStore holds ahead of the next commit.")
    var fresh = false

    func validate() throws {
        if fresh && (state.snapshot != nil || asOf != nil) {
            throw ValidationError("--fresh means now; it excludes --snapshot and --as-of")
        }
        if state.snapshot != nil && asOf != nil { throw ValidationError("--snapshot and --as-of exclude each other") }
        if let limit, limit < 0 { throw ValidationError("--limit \(limit) is negative") }
    }

    func run() throws {
        let current = try options.locations().table(table)
        let (source, point) = try source(current)
        if state.snapshot != nil || asOf != nil { output.talk.note(StartNotice.text(point, of: current)) }
        let filter = try condition.map { (text) throws(WeirError) in try source.filter(text) }
        let selected = try columns.map { (names) throws(WeirError) in try source.schema.selecting(names.listed) }
        if selected?.fields.isEmpty == true {
            throw WeirError(.invalid, "--columns names no column", advice: "leave it out")
        }
        if fresh {
            let tail = try options.locations().logStoreTail(of: source)
            return try print(try FreshScan(source, tail: tail, columns: selected, filter: filter))
        }
        if count {
            // With no columns, only the columns that the merge needs are read.
            let scan = try MergeOnReadScan(source, columns: Schema([]), filter: filter, at: point)
            let rows = try scan.count()
            var listing = Listing("count")
            listing.add(.count(limit.map { min($0, rows) } ?? rows))
            return try listing.print(output.format, to: StandardOutput())
        }
        let scan = try MergeOnReadScan(source, columns: selected, filter: filter, at: point)
        try print(scan)
    }

    private func print(_ scan: FreshScan) throws(WeirError) {
        if count {
            let rows = try scan.count()
            var listing = Listing("count")
            listing.add(.count(limit.map { min($0, rows) } ?? rows))
            return try listing.print(output.format, to: StandardOutput())
        }
        let rows = LimitedRows(output.format.rowOutput(scan.schema, to: StandardOutput()), limit: limit)
        if limit != 0 { try scan.forEach { (batch) throws(WeirError) in try rows.write(batch) } }
        try rows.finish()
    }

    /// Returns the read point and the table with its columns at that point.
    private func source(_ current: MixedTable) throws(WeirError) -> (table: MixedTable, point: ReadPoint) {
        guard let asOf else { return try state.state(of: current) }
        let point = try ReadPoint(asOf: try TimeText.parse(asOf), of: current)
        return (try current.seen(at: point), point)
    }

    private func print(_ scan: MergeOnReadScan) throws(WeirError) {
        let rows = LimitedRows(output.format.rowOutput(scan.schema, to: StandardOutput()), limit: limit)
        if limit != 0 {
            if limit != nil || output.format == .table {
                // In order, so that a limit gives the same rows every time and nothing is read beyond it.
                try scan.forEachInOrder { (batch) throws(WeirError) in try rows.write(batch) }
            } else {
                try scan.forEach { (batch) throws(WeirError) in try rows.write(batch) }
            }
        }
        try rows.finish()
        if output.format == .table, Terminal.output.isTerminal {
            output.talk.note(HumanText.count(rows.count, "row"))
        }
    }
}

/// Passes rows on until the limit is reached. Used by one thread at a time.
final class LimitedRows: @unchecked Sendable {
    // Not locked: a scan passes its batches one at a time.
    private let output: any RowOutput
    private let limit: Int
    private(set) var count = 0

    init(_ output: any RowOutput, limit: Int?) {
        self.output = output
        self.limit = limit ?? .max
    }

    /// False when no more rows are wanted.
    func write(_ batch: ColumnBatch) throws(WeirError) -> Bool {
        let wanted = min(batch.count, limit - count)
        try output.write(batch, rows: 0..<wanted)
        count += wanted
        return count < limit
    }

    func finish() throws(WeirError) { try output.finish() }
}

extension MixedTable {
    /// A SQL condition as a filter over this table's columns.
    func filter(_ condition: String) throws(WeirError) -> RowFilter {
        do {
            let expression = try SQLExpression.parse(condition)
            return try expression.bindCondition(to: Scope(schema, names: [identifier.name])).rowFilter()
        } catch {
            throw error.weirError(in: condition)
        }
    }
}

extension String {
    /// The parts of a comma-separated list.
    var listed: [String] {
        split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }
}
