import Bytes

/// A table property that Weir, Amoro or Iceberg's engines know.
public struct TableProperty: Sendable {
    /// Who acts on a property.
    public enum Effect: String, Sendable, CaseIterable {
        /// Weir acts on it.
        case weir
        /// Weir stores it for other engines and does not act on it.
        case others
        /// An Amoro property that Weir does not act on yet.
        case notYet
        /// Weir writes it; users cannot set it.
        case format
    }

    /// A name that ends in `*` is a wildcard for every name with this prefix.
    public let name: String
    public let values: PropertyValues
    /// The default value; nil if there is none.
    public let fallback: String?
    public let effect: Effect
    /// Whether the value cannot change after the table was created.
    public let isFixed: Bool
    /// The description in the manual, one line.
    public let text: String

    init(
        _ name: String,
        _ values: PropertyValues,
        _ fallback: String?,
        effect: Effect = .weir,
        isFixed: Bool = false,
        _ text: String
    ) {
        self.name = name
        self.values = values
        self.fallback = fallback
        self.effect = effect
        self.isFixed = isFixed
        self.text = text
    }

    /// The prefix of a name that ends in `*`.
    var prefix: String? { name.hasSuffix("*") ? String(name.dropLast()) : nil }

    func matches(_ other: String) -> Bool {
        guard let prefix else { return other == name }
        return other.hasPrefix(prefix) && other.utf8.count > prefix.utf8.count
    }
}

/// The allowed values of a property.
public enum PropertyValues: Sendable {
    case text
    case flag
    case whole(ClosedRange<Int64>)
    case number(ClosedRange<Double>)
    /// A power of two up to the given maximum.
    case powerOfTwo(Int)
    case duration
    case choice([String])
    /// `none`, `counts`, `truncate(N)` or `full`.
    case metrics
    /// `file`, `log`, both in any order, or `auto` alone.
    case emitMode

    public func allows(_ text: String) -> Bool {
        switch self {
        case .text: true
        case .flag: ["true", "false"].contains(text.lowercased())
        case .whole(let range): Int64(text).map(range.contains) ?? false
        case .number(let range): Double(text).map(range.contains) ?? false
        case .powerOfTwo(let most): Int(text).map { 1...most ~= $0 && $0 & ($0 - 1) == 0 } ?? false
        case .duration: Self.isDuration(text)
        case .choice(let known): known.contains(text)
        case .metrics: MetricsMode(text) != nil
        case .emitMode:
            switch text.lowercased().split(separator: ",", omittingEmptySubsequences: false).map(Self.trimmed) {
            case ["auto"], ["file"], ["log"], ["file", "log"], ["log", "file"]: true
            default: false
            }
        }
    }

    /// A description of the values, for the manual.
    public var description: String {
        switch self {
        case .text: "text"
        case .flag: "`true`, `false`"
        case .whole(let range): "whole number" + Self.bounds(range, (Int64.min, Int64.max))
        case .number(let range): "number" + Self.bounds(range, (-.infinity, .infinity))
        case .powerOfTwo(let most): "power of two up to \(most)"
        case .duration: "duration, such as `30s`"
        case .choice(let known): known.map { "`\($0)`" }.joined(separator: ", ")
        case .metrics: "`none`, `counts`, `truncate(N)`, `full`"
        case .emitMode: "`auto`, `file`, `log`, `file,log`"
        }
    }

    /// The value to use instead of one that is not allowed.
    func advice(for text: String) -> String? {
        switch self {
        case .text: String?.none
        case .flag: "write true or false"
        case .whole(let range) where range == 1...Int64.max: "write a whole number above zero"
        case .whole(let range): "write a whole number" + Self.bounds(range, (Int64.min, Int64.max))
        case .number(let range): "write a number" + Self.bounds(range, (-.infinity, .infinity))
        case .powerOfTwo: "the number of buckets is a power of two, such as 4"
        case .duration: "write a duration such as 30s"
        case .choice(let known): NearestName.advice(for: text, among: known)
        case .metrics: "write none, counts, full or truncate(N), such as truncate(16)"
        case .emitMode: "write file, log, 'file,log' or auto"
        }
    }

    private static func bounds<T: Comparable>(_ range: ClosedRange<T>, _ ends: (T, T)) -> String {
        switch (range.lowerBound == ends.0, range.upperBound == ends.1) {
        case (true, true): ""
        case (false, true): " from \(range.lowerBound)"
        case (true, false): " up to \(range.upperBound)"
        case (false, false): " from \(range.lowerBound) to \(range.upperBound)"
        }
    }

    private static func trimmed(_ text: Substring) -> String { text.filter { $0 != " " } }

    /// A whole number with one of Flink's time units; milliseconds without a unit.
    private static func isDuration(_ text: String) -> Bool { FlinkDuration.milliseconds(text) != nil }
}
