import Bytes
import IcebergFormat

/// Parses values of a table's properties. Errors name the property, its value and the allowed values.
struct PropertyReader {
    private let properties: [String: String]

    init(_ properties: [String: String]) { self.properties = properties }

    func text(_ name: String) -> String? { properties[name] }

    /// Nil when the property is not set.
    func flag(_ name: String) throws(WeirError) -> Bool? {
        guard let text = properties[name] else { return nil }
        switch text.lowercased() {
        case "true": return true
        case "false": return false
        default: throw refused(name, text, allowed: ["true", "false"])
        }
    }

    func choice<Choice: RawRepresentable & CaseIterable>(_ name: String) throws(WeirError) -> Choice?
    where Choice.RawValue == String {
        guard let text = properties[name] else { return nil }
        guard let choice = Choice(rawValue: text.lowercased()) else {
            throw refused(name, text, allowed: Choice.allCases.map(\.rawValue))
        }
        return choice
    }

    /// A duration as Flink writes it (`30 s`, `5min`, `1 h`, `1500`) in milliseconds.
    func duration(_ name: String) throws(WeirError) -> Int64? {
        guard let text = properties[name] else { return nil }
        guard let milliseconds = FlinkDuration.milliseconds(text), milliseconds < .max else {
            throw refused(name, text, allowed: ["a number and a unit: ms", "s", "min", "h", "d"])
        }
        return milliseconds
    }

    func refused(_ name: String, _ value: String, allowed: [String]) -> WeirError {
        WeirError(.invalid, "property \(name) is '\(value)'", advice: "allowed are \(allowed.joined(separator: ", "))")
    }
}
