import Bytes
import Foundation

/// What an integer counts that stands for a time.
public enum TimeUnit: String, Sendable, CaseIterable, Codable {
    case milliseconds
    case microseconds
    case nanoseconds
}

/// What the integers of source columns count that a table has taken rows from, as a topology told it or their values did.
///
/// Neither is in the records. Should other values tell something else later, the rows before would be wrong without a word:
/// so a unit is kept before the first row that is read with it. Stored as the table property
/// `weir.source-units.<topology>`, by topic and column:
/// `{"shop.public.orders":{"timestamp-unit.shop.public.orders.placed_at":"milliseconds"}}`.
public struct SourceUnits: Sendable, Equatable {
    public private(set) var units: [String: [String: TimeUnit]]

    public init(_ units: [String: [String: TimeUnit]] = [:]) { self.units = units }

    /// The property that holds a topology's units.
    public static func propertyName(topology: String) -> String { "weir.source-units.\(topology)" }

    public var isEmpty: Bool { units.values.allSatisfy(\.isEmpty) }

    /// - Parameter column: its name in full, with what kind of unit it has.
    public subscript(topic: String, column: String) -> TimeUnit? {
        get { units[topic]?[column] }
        set { units[topic, default: [:]][column] = newValue }
    }

    /// Takes over the units of other columns, and those of the same ones if they count for more.
    public mutating func merge(_ other: SourceUnits, overriding: Bool) {
        for (topic, columns) in other.units {
            units[topic, default: [:]].merge(columns) { own, new in overriding ? new : own }
        }
    }

    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings always have a form in JSON.
        let data = try? encoder.encode(units)
        return String(decoding: data ?? Data("{}".utf8), as: UTF8.self)
    }

    public init(json: String) throws(WeirError) {
        guard let parsed = try? JSONDecoder().decode([String: [String: TimeUnit]].self, from: Data(json.utf8)) else {
            throw WeirError(.corrupt, "the units of source columns are not of the form {topic: {column: unit}}")
        }
        self.init(parsed)
    }
}
