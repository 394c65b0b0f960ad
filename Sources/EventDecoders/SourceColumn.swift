/// A time column of a source table whose records may not give the unit of its integers.
public struct SourceColumn: Hashable, Sendable {
    public let source: SourceTable
    public let name: String
    /// True for a `time` column, false for a timestamp.
    public let isTimeOfDay: Bool

    public init(source: SourceTable, name: String, isTimeOfDay: Bool) {
        self.source = source
        self.name = name
        self.isTimeOfDay = isTimeOfDay
    }

    private var kind: String { isTimeOfDay ? "time-unit" : "timestamp-unit" }

    /// The key under which the column's unit is stored, unique within a topic:
    /// `timestamp-unit.shop.public.orders.placed_at`.
    public var key: String { "\(kind).\(source.identifier).\(name)" }

    /// The option that sets the unit: `debezium-json.timestamp-unit.placed_at`.
    public var option: String { "debezium-json.\(kind).\(name)" }
}
