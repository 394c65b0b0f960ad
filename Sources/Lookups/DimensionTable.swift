import Bytes
import ChangeEvents
import Columnar
import KeyedState
import MixedTables

/// The current rows of a keyed table, held in memory for joins. They are loaded at a read point and updated from the
/// table's changes.
///
/// ```
/// chunks   rows in arrival order, columnar
/// newest   key fingerprint → (chunk, row) of the newest row of that key
/// ```
/// A replaced row stays in its chunk until chunks are merged. Not thread-safe: one thread looks up and refreshes.
public final class DimensionTable {
    /// The columns that lookups return.
    public let schema: Schema
    /// The table state that the rows reflect. Changes applied ahead of their commit may be included as well.
    public private(set) var point: ReadPoint
    /// Rows read from the table in total.
    public private(set) var loaded = 0
    private let keyColumns: [Int]
    private let keysAreNarrow: Bool
    private var chunks = RowChunks()
    private var newest = KeyMap(filler: RowPick(source: -1, row: -1))
    /// One row of nulls: the result for a missing key.
    private let missing: ColumnBatch

    /// Reads the table at its loaded state. Fails for an unkeyed table.
    ///
    /// - Parameters:
    ///   - columns: names of the columns that lookups return; key columns are always held.
    ///   - check: called for each batch; an error it throws ends the loading.
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
        keyColumns = table.primaryKey.compactMap { schema.index(ofField: $0.id) }
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

    /// Number of keys.
    public var count: Int { newest.count }
    /// Bytes of all rows, including replaced ones that are still in their chunks.
    public var byteCount: Int { chunks.byteCount }
    /// Rows copied by merging chunks since the table was created.
    var copiedRows: Int { chunks.copied }

    /// Applies what was committed since. Returns `reload` when the changes are incomplete; the caller must then commit
    /// everything it applied ahead of its commit before it reads the table again.
    ///
    /// - Parameters:
    ///   - table: the same table, loaded again.
    ///   - own: data sequence numbers of commits whose changes were already applied.
    ///   - check: called for each batch; an error it throws ends the update, which can be repeated.
    public func catchUp(
        with table: MixedTable,
        except own: RangeSet<Int64> = RangeSet(),
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
            // A before-image followed by its after-image needs no separate removal.
            apply(batch.rows, kind: batch.kind) { $0 == .delete }
            return true
        }
    }

    /// Applies changes ahead of their commit, such as those of a LogStore.
    ///
    /// - Parameter changes: in order, with all columns of the table.
    public func apply(_ changes: ChangeBatch) throws(WeirError) {
        var columns: [ColumnVector] = []
        for field in schema.fields {
            guard let index = changes.rows.schema.index(ofField: field.id) else {
                columns.append(.nulls(field.type, count: changes.count))
                continue
            }
            let given = changes.rows.columns[index]
            // Another engine may have changed the column's type since it was loaded.
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

    /// - Parameter removes: whether a change of that kind removes the row of its key.
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
        KeyFingerprints(keyColumns.map { batch.columns[$0] }, count: batch.count, areNarrow: keysAreNarrow)
    }

    /// Merges the chunks that are due.
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

    /// Returns the row of each key, or a row of nulls for a missing key; `found` distinguishes the two. A key that
    /// contains null matches no row.
    ///
    /// A long text that many keys match is repeated for each of them. The result therefore covers only the first keys:
    /// as many as fit into `textBytes` of text per column, but at least two.
    ///
    /// - Parameter keys: columns with the types and order of the table's primary key.
    public func lookup(
        _ keys: [ColumnVector],
        count: Int,
        textBytes: Int = ColumnBatch.usualTextBytes
    ) throws(WeirError) -> (rows: ColumnBatch, found: [Bool]) {
        let prints = KeyFingerprints(keys, count: count, areNarrow: keysAreNarrow)
        var picks = [RowPick](repeating: RowPick(source: 0, row: 0), count: count)
        var found = [Bool](repeating: false, count: count)
        // A few rows touch few chunks, so the chunks used are numbered from 1; 0 is the row of nulls.
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
