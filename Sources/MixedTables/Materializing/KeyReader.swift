import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState

/// Reads the keys of base files together with their places.
struct KeyReader: Sendable {
    /// A file to read.
    struct Part: Sendable {
        let file: DataFile
        /// The number that stands for the file in places.
        let number: UInt32
        /// Rows to leave out; nil for none.
        let deleted: DeletedRows?
    }

    private let table: MixedTable
    private let seed: KeySeed
    private let projection: TableProjection

    /// - Parameter seed: of the fingerprints.
    init(_ table: MixedTable, seed: KeySeed) throws(WeirError) {
        self.table = table
        self.seed = seed
        projection = try TableProjection(table)
    }

    func read(
        _ part: Part,
        _ body: (KeyFingerprints, [KeyPlace]) throws(WeirError) -> Void
    ) throws(WeirError) {
        let reader = try DataFileReader.open(
            part.file,
            storage: table.base.storage,
            schema: table.keySchema,
            columns: projection.columns(ofBase: part.file)
        )
        while let (batch, firstRow) = try reader.next() {
            guard firstRow + Int64(batch.count) <= part.file.recordCount else {
                throw WeirError(
                    .corrupt,
                    "the file has more rows than the \(part.file.recordCount) that the table's metadata says",
                    at: part.file.path
                )
            }
            let first = UInt32(firstRow)
            var keys = batch
            let places: [KeyPlace]
            if let deleted = part.deleted, !deleted.isEmpty {
                let rows = deleted.survivors(from: first, count: batch.count)
                if rows.isEmpty { continue }
                keys = batch.gathered(rows)
                places = rows.map { KeyPlace(file: part.number, row: first + UInt32($0)) }
            } else {
                places = (0..<batch.count).map { KeyPlace(file: part.number, row: first + UInt32($0)) }
            }
            let prints = KeyFingerprints(
                keys.columns,
                count: keys.count,
                areNarrow: table.keysAreNarrow,
                seed: seed
            )
            try body(prints, places)
        }
    }
}
