import Bytes

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
        let digits = text.drop { $0 == " " }.prefix { $0.isASCII && $0.isNumber }
        let unit = text.drop { $0 == " " }.dropFirst(digits.count).filter { $0 != " " }.lowercased()
        let factors: [Int64: [String]] = [
            1: ["", "ms", "milli", "millis", "millisecond", "milliseconds"],
            1000: ["s", "sec", "secs", "second", "seconds"],
            60_000: ["m", "min", "minute", "minutes"],
            3_600_000: ["h", "hour", "hours"],
            86_400_000: ["d", "day", "days"],
        ]
        guard let number = Int64(digits), let factor = factors.first(where: { $0.value.contains(unit) })?.key else {
            throw refused(name, text, allowed: ["a number and a unit: ms", "s", "min", "h", "d"])
        }
        let (milliseconds, overflow) = number.multipliedReportingOverflow(by: factor)
        guard !overflow else { throw refused(name, text, allowed: ["durations up to 106751991167 d"]) }
        return milliseconds
    }

    func refused(_ name: String, _ value: String, allowed: [String]) -> WeirError {
        WeirError(.invalid, "property \(name) is '\(value)'", advice: "allowed are \(allowed.joined(separator: ", "))")
    }
}
