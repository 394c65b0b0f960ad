import Bytes

/// The unit of an integer that represents a time.
public enum TimeUnit: String, Sendable, CaseIterable, Codable {
    case milliseconds
    case microseconds
    case nanoseconds
}

/// The time units of integer source columns that a table has ingested, either configured in the topology or derived
/// from the values.
///
/// The records do not contain the unit. If later values suggested another unit, the rows ingested before would be
/// silently wrong. A unit is therefore stored before the first row is read with it. Stored as the table property
/// `weir.source-units.<topology>`, by topic and column:
/// `{"shop.public.orders":{"timestamp-unit.shop.public.orders.placed_at":"milliseconds"}}`.
public struct SourceUnits: TopologyLedger {
    public private(set) var units: [String: [String: TimeUnit]]

    public init(_ units: [String: [String: TimeUnit]]) { self.units = units }
    public init() { units = [:] }

    public static func propertyName(topology: String) -> String { "weir.source-units.\(topology)" }

    public var isEmpty: Bool { units.values.allSatisfy(\.isEmpty) }

    /// - Parameter column: the column's key: the kind of unit and the column's full name.
    public subscript(topic: String, column: String) -> TimeUnit? {
        get { units[topic]?[column] }
        set { units[topic, default: [:]][column] = newValue }
    }

    /// Adds the other's units. If both have a unit for a column, the other's wins if `overriding` is true.
    public mutating func merge(_ other: SourceUnits, overriding: Bool) {
        for (topic, columns) in other.units {
            units[topic, default: [:]].merge(columns) { own, new in overriding ? new : own }
        }
    }

    public var json: String { LedgerJSON.text(units) }

    public init(json: String) throws(WeirError) {
        units = try LedgerJSON.value(
            json,
            "the units of source columns are not of the form {topic: {column: unit}}"
        )
    }
}
