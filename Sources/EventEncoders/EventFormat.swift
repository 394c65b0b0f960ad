/// How a change becomes a record.
public enum EventFormat: String, Sendable, CaseIterable {
    /// Debezium's envelope without its schema block. The two rows of an update become one event; a lone old row is a
    /// delete, a lone new row an update without `before`. The record's key is the primary key, if there is one.
    case debeziumJSON = "debezium-json"
    /// The new row as a flat object. Old rows of updates are left out, and so are deletes, which it cannot express: whoever
    /// writes it sets them aside.
    case json
    /// The primary key, and the new row as a flat object or no value for a delete. Old rows of updates are left out.
    case upsertKafka = "upsert-kafka"

    /// Whether a reader of the records learns that a row is gone.
    public var hasDeletes: Bool { self != .json }
}
