import Bytes
import ChangeEvents
import Columnar
import IcebergTables
import MixedTables

/// Prints rows and changes until enough are printed or the user wants to stop, and knows how far it is.
final class ChangePrinter: @unchecked Sendable {
    // Not locked: a scan passes its batches one at a time, and one scan runs at a time.
    let out = StandardOutput()
    let hasMarkers: Bool
    let isLimited: Bool
    /// Everything up to it is printed.
    var place = ConsumerPlace(.beginning)
    /// Of a consumer, so many rows lie between the places that may be stored: less than a pipe holds, as a rule.
    private static let placeRows = 128
    private let format: ChangeFormat
    private let stop: StopSignals?
    private var output: any ChangeOutput
    private var schema: Schema
    private var left: Int
    /// The last commit whose end is printed.
    private var marked: Int64 = -1

    init(_ table: MixedTable, format: ChangeFormat, limit: Int?, hasMarkers: Bool = false, stop: StopSignals?) {
        self.format = format
        self.stop = stop
        self.hasMarkers = hasMarkers
        isLimited = limit != nil
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

    var isDone: Bool { left == 0 || isStopped }
    var isStopped: Bool { stop?.isStopped == true }

    // MARK: - From files

    /// Prints the rows that the place begins with as inserts, from where it is on.
    func printRows(of table: MixedTable, _ progress: ConsumerProgress?) throws(WeirError) {
        guard !isDone, let rows = place.rows else { return }
        try adopt(table)
        let scan = try rows.scan(of: table)
        let sequence = place.position.sequence
        var skipped: Int64 = 0
        var isWhole = true
        let body = { (batch: ColumnBatch) throws(WeirError) -> Bool in
            let first = Int(min(Int64(batch.count), rows.delivered - skipped))
            skipped += Int64(first)
            if first == batch.count { return true }
            let count = min(batch.count - first, self.left)
            var next = first
            while next < first + count {
                let end = progress == nil ? first + count : min(first + count, next + Self.placeRows)
                try self.output.write(batch, rows: next..<end, sequence: sequence, isSnapshot: true) { _ in .insert }
                self.left -= end - next
                self.place.advance(rows: end - next)
                next = end
                try progress?.keep()
            }
            isWhole = first + count == batch.count && !self.isDone
            return !self.isDone
        }
        // Only in order can it go on amid the rows.
        if progress == nil {
            let unordered = UncheckedBody(body)
            try scan.forEach { (batch) throws(WeirError) in try unordered.body(batch) }
        } else {
            try scan.forEachInOrder(body)
        }
        if isWhole {
            let count = place.rows?.delivered ?? 0
            place.rows = nil
            try mark(sequence, timestampMs: Self.timestamp(of: table, sequence), changes: count)
        }
        try output.flush()
    }

    /// A scan calls it by one thread at a time.
    private struct UncheckedBody: @unchecked Sendable {
        let body: (ColumnBatch) throws(WeirError) -> Bool

        init(_ body: @escaping (ColumnBatch) throws(WeirError) -> Bool) { self.body = body }
    }

    /// Prints the changes behind the place.
    func printChanges(
        of table: MixedTable,
        takesWhatIsThere: Bool,
        _ progress: ConsumerProgress?
    ) throws(WeirError) {
        try adopt(table)
        let scan = try ChangeLogScan(
            table,
            since: place.position,
            takesWhatIsThere: takesWhatIsThere,
            skipping: place.skip
        )
        var isWhole = true
        try scan.forEach(
            { (batch) throws(WeirError) in
                let count = self.count(of: batch)
                var first = 0
                while first < count {
                    var end = progress == nil ? count : min(count, first + Self.placeRows)
                    // An update is one event of Debezium's.
                    if end < count, batch.kind(end - 1) == .updateBefore { end += 1 }
                    try output.write(
                        batch.rows,
                        rows: first..<end,
                        sequence: batch.sequence,
                        isSnapshot: false,
                        kind: batch.kind
                    )
                    left = max(0, left - (end - first))
                    place.advance(changes: end - first, of: batch.sequence)
                    first = end
                    try progress?.keep()
                }
                isWhole = !isDone
                return isWhole
            },
            ended: { (commit) throws(WeirError) in
                place.end(commit)
                try mark(commit.sequence, timestampMs: commit.timestampMs, changes: commit.changes)
                return true
            }
        )
        if isWhole { place.end(at: table.newestChange) }
        try output.flush()
    }

    /// How many changes of a batch are printed. The two images of an update are one event of Debezium's.
    private func count(of batch: ChangeLogBatch) -> Int {
        if left >= batch.count { return batch.count }
        let isSplit = format == .debezium && left > 0 && batch.kind(left - 1) == .updateBefore
        return isSplit && batch.kind(left) == .updateAfter ? left + 1 : left
    }

    // MARK: - From the LogStore

    /// Prints changes read from the LogStore before their commit.
    func print(_ batches: [ChangeBatch]) throws(WeirError) {
        for batch in batches where !isDone {
            let count = min(batch.count, left)
            try write(batch, count)
            left -= count
        }
        try output.flush()
    }

    /// Prints all of it, though the user wants to stop.
    func printAll(_ batches: [ChangeBatch]) throws(WeirError) {
        for batch in batches { try write(batch, batch.count) }
        try output.flush()
    }

    private func write(_ batch: ChangeBatch, _ count: Int) throws(WeirError) {
        try output.write(batch.rows, rows: 0..<count, sequence: nil, isSnapshot: false) { batch.kind($0) }
    }

    /// All changes of a commit are printed.
    func end(_ commit: CommitMark) throws(WeirError) {
        place.end(commit)
        try mark(commit.sequence, timestampMs: commit.timestampMs, changes: commit.changes)
        try output.flush()
    }

    // MARK: - Markers

    /// Tells where a reader of what is to come begins.
    func markStart(of table: MixedTable) throws(WeirError) {
        let sequence = place.position.sequence
        try mark(sequence, timestampMs: Self.timestamp(of: table, sequence), changes: 0)
        try output.flush()
    }

    private func mark(_ sequence: Int64, timestampMs: Int64?, changes: Int64) throws(WeirError) {
        guard hasMarkers, sequence > marked else { return }
        marked = sequence
        let timestamp = timestampMs.map { "\"\(TimeText.text($0))\"" } ?? "null"
        out.line("{\"commit\":\(sequence),\"timestamp\":\(timestamp),\"changes\":\(changes)}")
        try out.flushWhenLarge()
    }

    private static func timestamp(of table: MixedTable, _ sequence: Int64) -> Int64? {
        table.ingestStore.metadata.mainAncestors.first { $0.sequenceNumber == sequence }?.timestampMs
    }

    // MARK: -

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
