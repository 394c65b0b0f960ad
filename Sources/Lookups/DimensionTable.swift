import Bytes
import ChangeEvents
import Columnar
import MixedTables

/// The current rows of a keyed table, held in memory for joins: loaded from a read point, kept fresh from its changes.
///
/// ```
/// chunks   [batch₀ batch₁ … batchₙ]     rows as they came, columnar
/// places   key fingerprint → (chunk, row) of the newest row of that key
/// ```
/// A row that was replaced stays in its chunk until half of all rows are dead; then the live ones are packed. Not
/// thread-safe: one thread looks up and refreshes.
public final class DimensionTable {
    /// The columns that lookups return.
    public let schema: Schema
    /// Changes up to this change-store sequence are in.
    public private(set) var sequence: Int64
    private let keyPlaces: [Int]
    private let keysAreNarrow: Bool
    private var chunks: [ColumnBatch] = []
    private var rowCount = 0
    private var narrow: KeyTable<UInt64, RowPick>
    private var wide: KeyTable<UInt128, RowPick>
    /// One row of nulls: what a missing key gives.
    private let missing: ColumnBatch

    static let chunksMax = 128

    /// Reads the table as it was loaded. Fails for an unkeyed table.
    ///
    /// - Parameter columns: names of the columns lookups return; key columns are held in any case.
    public init(_ table: MixedTable, columns: [String]? = nil) throws(WeirError) {
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
        let nowhere = RowPick(source: -1, row: -1)
        narrow = KeyTable(filler: nowhere)
        wide = KeyTable(filler: nowhere)
        missing = ColumnBatch(schema: schema, columns: fields.map { .nulls($0.type, count: 1) }, count: 1)
        let point = ReadPoint(current: table)
        sequence = point.changeSequence
        let scan = try MergeOnReadScan(table, columns: schema, at: point)
        try scan.forEachInOrder { (batch) throws(WeirError) in
            add(batch)
            return true
        }
        pack()
    }

    /// Keys held.
    public var count: Int { narrow.count + wide.count }

    /// Takes in the changes that were committed since.
    ///
    /// - Parameter table: the same table, loaded again.
    public func refresh(from table: MixedTable) throws(WeirError) {
        let latest = ReadPoint(current: table).changeSequence
        guard latest > sequence else { return }
        let scan = try ChangeLogScan(table, after: sequence, upTo: latest, columns: schema)
        try scan.forEach { (batch) throws(WeirError) in
            // A before-image that is followed by its after-image needs no removal of its own.
            apply(batch.rows, kind: batch.kind) { $0 == .delete }
            return true
        }
        sequence = latest
        if chunks.count > Self.chunksMax || rowCount > 2 * count + 65_536 { pack() }
    }

    /// Takes in changes ahead of their commit, such as a LogStore's.
    ///
    /// - Parameter changes: of all the table's columns, in order.
    public func apply(_ changes: ChangeBatch) {
        let columns = schema.fields.map { field in
            changes.rows.schema.index(ofField: field.id).map { changes.rows.columns[$0] }
                ?? .nulls(field.type, count: changes.count)
        }
        let rows = ColumnBatch(schema: schema, columns: columns, count: changes.count)
        apply(rows, kind: changes.kind) { $0.isRetraction }
        if chunks.count > Self.chunksMax || rowCount > 2 * count + 65_536 { pack() }
    }

    /// - Parameter removes: whether a change of that kind takes the row of its key away.
    private func apply(_ rows: ColumnBatch, kind: (Int) -> ChangeKind, removes: (ChangeKind) -> Bool) {
        let prints = fingerprints(rows)
        var images: [Int32] = []
        let chunk = Int32(chunks.count)
        for row in 0..<rows.count {
            if kind(row).isRetraction {
                if removes(kind(row)) { remove(prints, row) }
            } else {
                set(prints, row, RowPick(source: chunk, row: Int32(images.count)))
                images.append(Int32(row))
            }
        }
        if images.isEmpty { return }
        chunks.append(rows.gathered(images))
        rowCount += images.count
    }

    private func add(_ batch: ColumnBatch) {
        let prints = fingerprints(batch)
        let chunk = Int32(chunks.count)
        for row in 0..<batch.count { set(prints, row, RowPick(source: chunk, row: Int32(row))) }
        chunks.append(batch)
        rowCount += batch.count
    }

    private func fingerprints(_ batch: ColumnBatch) -> KeyFingerprints {
        KeyFingerprints(keyPlaces.map { batch.columns[$0] }, count: batch.count, areNarrow: keysAreNarrow)
    }

    private func set(_ prints: KeyFingerprints, _ row: Int, _ place: RowPick) {
        switch prints {
        case .narrow(let keys): narrow.set(keys[row], place)
        case .wide(let keys): wide.set(keys[row], place)
        }
    }

    private func remove(_ prints: KeyFingerprints, _ row: Int) {
        switch prints {
        case .narrow(let keys): narrow.remove(keys[row])
        case .wide(let keys): wide.remove(keys[row])
        }
    }

    /// Copies the live rows together and forgets the dead ones.
    private func pack() {
        if chunks.count <= 1 && rowCount == count { return }
        var picks: [RowPick] = []
        picks.reserveCapacity(count)
        narrow.forEach { picks.append($1) }
        wide.forEach { picks.append($1) }
        // In the order they lie in memory, so that packing reads forward.
        picks.sort { ($0.source, $0.row) < ($1.source, $1.row) }
        let old = chunks
        chunks = []
        rowCount = 0
        for start in stride(from: 0, to: picks.count, by: Self.packedRows) {
            let part = Array(picks[start..<min(start + Self.packedRows, picks.count)])
            add(ColumnBatch.interleaved(old, schema: schema, picks: part))
        }
    }

    // Big enough that a million rows are a few chunks, small enough that a text column stays far from 2 GiB.
    private static let packedRows = 262_144

    /// The row of each key, or a row of nulls where there is none; `found` tells them apart. A null in a key finds nothing.
    ///
    /// - Parameter keys: columns of the types of the table's primary key, in its order.
    public func lookup(_ keys: [ColumnVector], count: Int) -> (rows: ColumnBatch, found: [Bool]) {
        let prints = KeyFingerprints(keys, count: count, areNarrow: keysAreNarrow)
        let nowhere = RowPick(source: Int32(chunks.count), row: 0)
        var picks = [RowPick](repeating: nowhere, count: count)
        var found = [Bool](repeating: false, count: count)
        let mayBeNull = keys.contains { $0.validity != nil }
        for row in 0..<count {
            if mayBeNull, keys.contains(where: { $0.isNull(row) }) { continue }
            let place: RowPick? =
                switch prints {
                case .narrow(let values): narrow.find(values[row])
                case .wide(let values): wide.find(values[row])
                }
            if let place {
                picks[row] = place
                found[row] = true
            }
        }
        return (ColumnBatch.interleaved(chunks + [missing], schema: schema, picks: picks), found)
    }
}
