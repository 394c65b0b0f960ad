import Columnar
import IcebergFormat
import Values

extension RowFilter {
    /// The hash of the only key whose rows can pass: files of nodes that do not cover it need not be read (spec section
    /// 3). Nil if several keys can, or if writers may have hashed them differently.
    func keyHash(in table: MixedTable) -> Int32? {
        guard table.isKeyed, table.primaryKey.allSatisfy({ Self.hashesAlike($0, in: table) }) else { return nil }
        var key: [Scalar] = []
        for field in table.primaryKey {
            guard let bound = bounds.first(where: { $0.field == field.id && $0.comparison == .equal }) else {
                return nil
            }
            // Rows from when the column was narrower have other hashes, which the metadata need not show any more.
            if case .long(let value) = bound.value, value < 0, value >= Int32.min { return nil }
            key.append(bound.value)
        }
        return KeyHash.hash(of: key)
    }

    /// A column that was of a narrower type once has rows with other hashes, Spark hashes the text of a UUID (spec section
    /// 3.3), and there are two zeros.
    private static func hashesAlike(_ field: Field, in table: MixedTable) -> Bool {
        switch field.type {
        case .uuid, .float, .double: return false
        default: break
        }
        return [table.base, table.change].compactMap { $0 }.allSatisfy { store in
            store.metadata.schemas.allSatisfy { old in
                old.schema.field(id: field.id).map { $0.type == field.type } ?? true
            }
        }
    }
}
