import Bytes
import ChangeEvents
import Columnar
import MixedTables

/// The current rows of a keyed table, held in memory for joins: loaded from a read point, kept fresh from its changes.
///
/// ```
/// chunks   rows as they came, columnar
/// newest   key fingerprint → (chunk, row) of the newest row of that key
/// ```
/// A row that was replaced stays in its chunk until chunks are put together. Not thread-safe: one thread looks up and
/// refreshes.
public final class DimensionTable {
    /// The columns that lookups return.
    public let schema: Schema
    /// What of the table is in. Changes that were applied ahead of their commit may be in as well.
    public private(set) var point: ReadPoint
    /// Rows read from the table, all in all.
    public private(set) var loaded = 0
    private let keyPlaces: [Int]
    private let keysAreNarrow: Bool
    private var chunks = RowChunks()
    private var newest = KeyMap(filler: RowPick(source: -1, row: -1))
    /// One row of nulls: what a missing key gives.
    private let missing: ColumnBatch

    /// Reads the table as it was loaded. Fails for an unkeyed table.
    ///
    /// - Parameters:
    ///   - columns: names of the columns lookups return; key columns are held in any case.
    ///   - check: called now and then; what it throws ends the loading.
    public init(
        _ table: MixedTable,
        columns: [String]? = nil,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) {
        guard table.isKeyed else {
            throw WeirError(
                .invalid,
                "\(table.identifier) has no primary key to look rows up by",
                advice: "join against a keyed table"
            )
        }
        let wanted = try columns.map { (names) throws(WeirError) in try table.schema.selecting(names).fields }
        var fields = wanted ?? table.schema.fields
        for key in table.primaryKey where !fields.contains(where: { $0.id == key.id }) { fields.append(key) }
        let schema = Schema(fields)
        self.schema = schema
        keyPlaces = table.primaryKey.compactMap { schema.index(ofField: $0.id) }
        keysAreNarrow = KeyFingerprints.areNarrow(table.primaryKey)
        missing = ColumnBatch(schema: schema, columns: fields.map { .nulls($0.type, count: 1) }, count: 1)
        point = ReadPoint(current: table)
        try load(table, check)
    }

    private func load(_ table: MixedTable, _ check: () throws(WeirError) -> Void) throws(WeirError) {
        let scan = try MergeOnReadScan(table, columns: schema, at: point)
        try scan.forEachInOrder { (batch) throws(WeirError) in
            try check()
            loaded += batch.count
            add(batch)
            return true
        }
    }

    /// Keys held.
    public var count: Int { newest.count }
    /// Bytes of the rows, those included that nobody finds any more.
    public var byteCount: Int { chunks.byteCount }
    /// Rows copied to put chunks together, since the table was made.
    public var copiedRows: Int { chunks.copied }

    /// Takes in what was committed since. When that cannot be told from the changes, this only says so: all that was applied
    /// ahead of its commit has to be committed before everything is read anew.
    ///
    /// - Parameters:
    ///   - table: the same table, loaded again.
    ///   - own: data sequence numbers of commits whose changes were applied already.
    ///   - check: called now and then; what it throws ends the work, which may be begun again.
    public func catchUp(
        with table: MixedTable,
        except own: Set<Int64> = [],
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> CatchUp {
        let catchUp = CatchUp(from: point, to: table, except: own)
        switch catchUp {
        case .nothing: break
        case .reload: return catchUp
        case .changes(let ranges):
            do throws(WeirError) {
                for range in ranges { try take(range, of: table, check) }
            } catch  where error.code == .notFound {
                // Another engine has expired some of the changes.
                return .reload("changes have gone: \(error.message)")
            }
        }
        point = ReadPoint(current: table)
        return catchUp
    }

    private func take(
        _ range: ClosedRange<Int64>,
        of table: MixedTable,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) {
        let scan = try ChangeLogScan(table, after: range.lowerBound - 1, upTo: range.upperBound, columns: schema)
        try scan.forEach { (batch) throws(WeirError) in
            try check()
            loaded += batch.count
            // A before-image that is followed by its after-image needs no removal of its own.
            apply(batch.rows, kind: batch.kind) { $0 == .delete }
            return true
        }
    }

    /// Takes in changes ahead of their commit, such as a LogStore's.
    ///
    /// - Parameter changes: of all the table's columns, in order.
    public func apply(_ changes: ChangeBatch) throws(WeirError) {
        var columns: [ColumnVector] = []
        for field in schema.fields {
            guard let place = changes.rows.schema.index(ofField: field.id) else {
                columns.append(.nulls(field.type, count: changes.count))
                continue
            }
            let given = changes.rows.columns[place]
            // Another engine may have changed the column since it was loaded.
            guard let column = given.promoted(to: field.type) else {
                throw WeirError(
                    .invalid,
                    "column '\(field.name)' was loaded as \(field.type), and its changes bring \(given.type)",
                    advice: "start again with the type it has now"
                )
            }
            columns.append(column)
        }
        let rows = ColumnBatch(schema: schema, columns: columns, count: changes.count)
        apply(rows, kind: changes.kind) { $0.isRetraction }
    }

    /// - Parameter removes: whether a change of that kind takes the row of its key away.
    private func apply(_ rows: ColumnBatch, kind: (Int) -> ChangeKind, removes: (ChangeKind) -> Bool) {
        let images = (0..<rows.count).filter { !kind($0).isRetraction }.map { Int32($0) }
        let slot = images.isEmpty ? -1 : chunks.add(rows.gathered(images))
        var image: Int32 = 0
        newest.update(fingerprints(rows)) { row, pick in
            if kind(row).isRetraction {
                guard removes(kind(row)) else { return }
                lose(pick)
                pick = nil
            } else {
                lose(pick)
                pick = RowPick(source: Int32(slot), row: image)
                image += 1
            }
        }
        tidy()
    }

    private func add(_ batch: ColumnBatch) {
        if batch.count == 0 { return }
        let slot = Int32(chunks.add(batch))
        newest.update(fingerprints(batch)) { row, pick in
            lose(pick)
            pick = RowPick(source: slot, row: Int32(row))
        }
        tidy()
    }

    private func lose(_ pick: RowPick?) {
        if let pick { chunks.lose(Int(pick.source)) }
    }

    private func fingerprints(_ batch: ColumnBatch) -> KeyFingerprints {
        KeyFingerprints(keyPlaces.map { batch.columns[$0] }, count: batch.count, areNarrow: keysAreNarrow)
    }

    /// Puts chunks together that are due.
    private func tidy() {
        while true {
            let due = chunks.due()
            if due.isEmpty { return }
            var sources: [ColumnBatch] = []
            var picks: [RowPick] = []
            for slot in due {
                guard chunks.hasLive(slot), let rows = chunks.slots[slot] else { continue }
                newest.forEach(fingerprints(rows)) { row, pick in
                    guard let pick, pick.source == slot, pick.row == row else { return }
                    picks.append(RowPick(source: Int32(sources.count), row: Int32(row)))
                }
                sources.append(rows)
            }
            chunks.remove(due, copied: picks.count)
            if picks.isEmpty { continue }
            let rows = ColumnBatch.interleaved(sources, schema: schema, picks: picks)
            let slot = Int32(chunks.add(rows))
            newest.update(fingerprints(rows)) { row, pick in pick = RowPick(source: slot, row: Int32(row)) }
        }
    }

    /// The row of each key, or a row of nulls where there is none; `found` tells them apart. A null in a key finds nothing.
    ///
    /// A long text that many keys find is there many times: then the result is of the first keys only, of as many as
    /// `textBytes` of text in each column allow, and of two at least.
    ///
    /// - Parameter keys: columns of the types of the table's primary key, in its order.
    public func lookup(
        _ keys: [ColumnVector],
        count: Int,
        textBytes: Int = ColumnBatch.usualTextBytes
    ) throws(WeirError) -> (rows: ColumnBatch, found: [Bool]) {
        let prints = KeyFingerprints(keys, count: count, areNarrow: keysAreNarrow)
        var picks = [RowPick](repeating: RowPick(source: 0, row: 0), count: count)
        var found = [Bool](repeating: false, count: count)
        // Few rows touch few chunks: what they lie in is numbered anew, from 1, behind the row of nulls.
        var sources = [missing]
        var numbers = [Int32](repeating: 0, count: chunks.slots.count)
        let mayBeNull = keys.contains { $0.validity != nil }
        newest.forEach(prints) { row, pick in
            guard let pick else { return }
            if mayBeNull, keys.contains(where: { $0.isNull(row) }) { return }
            let slot = Int(pick.source)
            if numbers[slot] == 0, let rows = chunks.slots[slot] {
                numbers[slot] = Int32(sources.count)
                sources.append(rows)
            }
            picks[row] = RowPick(source: numbers[slot], row: pick.row)
            found[row] = true
        }
        let rows = try ColumnBatch.interleavedPrefix(sources, schema: schema, picks: picks, textBytes: textBytes)
        found.removeSubrange(rows.count...)
        return (rows, found)
    }
}
