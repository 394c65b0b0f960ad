import Bytes
import Columnar
import KeyedState

extension KeyIndex {
    /// A part of a table, read by one thread.
    private struct Part: Sendable {
        let task: NodeTask
        let partition: UInt32
        let rows: Int64
    }

    /// Reads the keys that a table holds now into an index without keys. Two rows of one key, which other writers may
    /// leave, become one entry.
    ///
    /// - Parameter check: called periodically; an error it throws ends the loading.
    /// - Returns: number of rows read.
    mutating func load(
        from table: MixedTable,
        partitions: inout PartitionDictionary,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> Int {
        state?.beginLoading()
        let scan = try MergeOnReadScan(table, columns: table.keySchema)
        let parts = scan.tasks.flatMap { task in
            let partition = partitions.ordinal(of: task.partition)
            return task.parts(ofRows: Self.partRows).map { Part(task: $0, partition: partition, rows: $0.rowCount) }
        }
        let areNarrow = areNarrow
        if parts.reduce(Int64(0), { $0.addingClamped($1.rows) }) <= Int64(settings.recentKeys) {
            var rows = 0
            for part in parts {
                try scan.read(part.task, check: check) { (batch) throws(WeirError) in
                    try check()
                    let keys = KeyFingerprints(batch.columns, count: batch.count, areNarrow: areNarrow)
                    update(keys) { $1 = part.partition }
                    rows += batch.count
                    return true
                }
                trim()
            }
            return rows
        }
        let loader = PlaceLoader(areNarrow: areNarrow, settings: settings)
        let rounds = KeyLoadRounds(rowsMax: state?.rowsOfRound ?? .max)
        var loaded = 0
        var left = parts[...]
        while !left.isEmpty {
            let some = Array(left.prefix(rounds.next(left.lazy.map(\.rows), loaded: Int64(loaded))))
            left = left.dropFirst(some.count)
            let counts = try concurrently(some, check: check) { (part, stop) throws(WeirError) in
                let place = KeyPlace(file: part.partition, row: 0)
                var rows = 0
                try scan.read(part.task, check: stop) { (batch) throws(WeirError) in
                    try stop()
                    let keys = KeyFingerprints(batch.columns, count: batch.count, areNarrow: areNarrow)
                    loader.add(keys, places: [KeyPlace](repeating: place, count: batch.count))
                    rows += batch.count
                    return true
                }
                return rows
            }
            loaded += counts.reduce(0, +)
            _ = loader.drain(into: &places)
            try state?.trimLoaded(&places, check: check)
        }
        return loaded
    }

    private static let partRows: Int64 = 1 << 20
}
