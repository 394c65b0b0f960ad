/// A time column of a source table, whose integers count what its records may not say.
public struct SourceColumn: Hashable, Sendable {
    public let source: SourceTable
    public let name: String
    /// Whether it is a `time` column, not a timestamp.
    public let isTimeOfDay: Bool

    public init(source: SourceTable, name: String, isTimeOfDay: Bool) {
        self.source = source
        self.name = name
        self.isTimeOfDay = isTimeOfDay
    }

    private var kind: String { isTimeOfDay ? "time-unit" : "timestamp-unit" }

    /// What it is kept by among the columns of a topic: `timestamp-unit.shop.public.orders.placed_at`.
    public var key: String { "\(kind).\(source.identifier).\(name)" }

    /// The option that says what it counts: `debezium-json.timestamp-unit.placed_at`.
    public var option: String { "debezium-json.\(kind).\(name)" }
}
