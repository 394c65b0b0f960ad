import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import ObjectStorage
import Synchronization

/// Equality deletes that other engines wrote into an unkeyed table. Weir reads them and never writes one.
final class EqualityDeletes: Sendable {
    /// The deleted values of one set of columns, each with the newest delete's data sequence number.
    struct Set: Sendable {
        let fields: [Field]
        var keys: DeletedKeys
    }

    private let storage: any ObjectStorage
    private let schema: Schema
    /// By the paths of the delete files that make up the sets: files of one partition share them.
    private let cache = Mutex<[[String]: [Set]]>([:])

    init(storage: any ObjectStorage, schema: Schema) {
        self.storage = storage
        self.schema = schema
    }

    func deletedKeys(for file: NodeTask.File, isKeyed: Bool) throws(WeirError) -> [Set] {
        let deletes = file.task.deletes.filter { $0.file.content == .equalityDeletes }
        guard let first = deletes.first else { return [] }
        if isKeyed {
            throw WeirError(
                .unsupported,
                "the base store of a keyed table holds an equality-delete file",
                at: first.file.path,
                advice: "rewrite the base store with the engine that wrote it, so that it has position deletes only"
            )
        }
        let paths = deletes.map(\.file.path)
        if let known = cache.withLock({ $0[paths] }) { return known }
        var sets: [[Int]: Set] = [:]
        for delete in deletes {
            let ids = delete.file.equalityIds
            var fields: [Field] = []
            for id in ids {
                guard let field = schema.field(id: id) else {
                    throw WeirError(
                        .unsupported,
                        "an equality delete compares column \(id), which the table no longer has",
                        at: delete.file.path
                    )
                }
                fields.append(field)
            }
            var set = sets[ids] ?? Set(fields: fields, keys: DeletedKeys())
            let reader = try DataFileReader.open(delete.file, storage: storage, schema: Schema(fields))
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
}
