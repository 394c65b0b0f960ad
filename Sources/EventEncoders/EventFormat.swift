/// How changes are encoded as records.
public enum EventFormat: String, Sendable, CaseIterable {
    /// Debezium's envelope without its schema block. The two rows of an update become one event. An old row alone
    /// becomes a delete, a new row alone an update without `before`. The record's key is the primary key, if the table
    /// has one.
    case debeziumJSON = "debezium-json"
    /// The new row as a flat object. Old rows of updates are left out. Deletes cannot be expressed and are left out
    /// too; the caller has to handle them.
    case json
    /// The primary key as the record's key, and as its value the new row as a flat object, or no value for a delete.
    /// Old rows of updates are left out.
    case upsertKafka = "upsert-kafka"

    /// Whether the format expresses deletes.
    public var hasDeletes: Bool { self != .json }
}
