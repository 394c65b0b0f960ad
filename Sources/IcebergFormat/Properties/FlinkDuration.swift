/// A duration as Flink and Amoro write it: `30 s`, `720min`, `7d`; milliseconds without a unit.
public enum FlinkDuration {
    private static let units: [(milliseconds: Int64, names: [String])] = [
        (1, ["", "ms", "milli", "millis", "millisecond", "milliseconds"]),
        (1000, ["s", "sec", "secs", "second", "seconds"]),
        (60_000, ["m", "min", "minute", "minutes"]),
        (3_600_000, ["h", "hour", "hours"]),
        (86_400_000, ["d", "day", "days"]),
    ]

    /// In milliseconds, at most `Int64.max`; nil if the text is no duration.
    public static func milliseconds(_ text: String) -> Int64? {
        let text = text.filter { $0 != " " }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).lowercased()
        guard let number = Int64(digits), let factor = units.first(where: { $0.names.contains(unit) }) else {
            return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor.milliseconds)
        return overflow ? .max : product
    }
}
