import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState
import ObjectStorage
import Synchronization

/// Equality deletes that other engines wrote into an unkeyed table. Weir reads them and never writes one.
final class EqualityDeletes: Sendable {
    /// The deleted values of one set of columns, each with the newest delete's data sequence number.
    struct Set: Sendable {
        let fields: [Field]
        var keys: DeletedKeys
    }

    private let table: MixedTable
    private let projection: TableProjection
    /// Keyed by the paths of the delete files; data files of one partition share an entry.
    private let cache = Mutex<[[String]: [Set]]>([:])

    init(_ table: MixedTable, _ projection: TableProjection) {
        self.table = table
        self.projection = projection
    }

    static func inKeyedBase(_ delete: DeleteFile) -> WeirError {
        WeirError(
            .unsupported,
            "the base store of a keyed table holds an equality-delete file",
            at: delete.file.path,
            advice: "rewrite the base store with the engine that wrote it, so that it has position deletes only"
        )
    }

    func deletedKeys(for file: NodeTask.File, isKeyed: Bool) throws(WeirError) -> [Set] {
        let deletes = file.task.deletes.filter { $0.file.content == .equalityDeletes }
        guard let first = deletes.first else { return [] }
        if isKeyed {
            throw Self.inKeyedBase(first)
        }
        let paths = deletes.map(\.file.path)
        if let known = cache.withLock({ $0[paths] }) { return known }
        var sets: [[Int]: Set] = [:]
        for delete in deletes {
            let ids = delete.file.equalityIds
            let fields = try ids.map { (id) throws(WeirError) in try field(id, of: delete) }
            var set = sets[ids] ?? Set(fields: fields, keys: DeletedKeys())
            let reader = try DataFileReader.open(
                delete.file,
                storage: table.base.storage,
                schema: Schema(fields),
                columns: projection.columns(ofBase: delete.file)
            )
            while let (batch, _) = try reader.next() {
                let prints = KeyFingerprints(batch.columns, count: batch.count, areNarrow: false)
                set.keys.insert(prints, transactionId: delete.dataSequenceNumber) { _ in 0 }
            }
            sets[ids] = set
        }
        let result = sets.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
        cache.withLock { $0[paths] = result }
        return result
    }

    /// The column with this id. If it was dropped since, an older schema has it: files of that time still need the
    /// delete.
    private func field(_ id: Int, of delete: DeleteFile) throws(WeirError) -> Field {
        if let field = table.schema.field(id: id) { return field }
        for old in table.base.metadata.schemas.reversed() {
            if let field = old.schema.field(id: id) { return field }
            guard let nested = old.schema.nestedField(id: id) else { continue }
            throw WeirError(
                .unsupported,
                "an equality delete compares '\(nested.name)', which lies inside another column",
                at: delete.file.path,
                advice: "compact the table with the engine that wrote it"
            )
        }
        throw WeirError(
            .corrupt,
            "an equality delete compares column \(id), which none of the table's schemas has",
            at: delete.file.path
        )
    }
}
