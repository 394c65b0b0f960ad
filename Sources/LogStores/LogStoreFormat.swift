import Bytes
import Columnar

/// How a log store's rows are encoded: the property `log-store.data-format`.
public enum LogStoreFormat: String, Sendable, CaseIterable {
    /// One record per row; readable by every reader of the format.
    case json
    /// One record per batch and partition; readable only by Weir.
    case columnar

    /// Fails with `unsupported` for nested columns, which have no column vector.
    static func check(_ schema: Schema) throws(WeirError) {
        for field in schema.fields where !field.type.isPrimitive {
            throw WeirError(.unsupported, "a log store cannot hold column '\(field.name)' of type \(field.type)")
        }
    }
}
