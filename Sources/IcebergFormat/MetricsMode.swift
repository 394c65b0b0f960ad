import Bytes
import Columnar

/// Which metrics manifests hold for a column: `write.metadata.metrics.*`.
public enum MetricsMode: Hashable, Sendable {
    case none
    case counts
    /// Counts, and bounds truncated to a number of code points or bytes.
    case truncate(Int)
    case full

    /// Parses `none`, `counts`, `truncate(16)`, `full`; nil for other texts.
    public init?(_ text: String) {
        switch text.lowercased() {
        case "none": self = .none
        case "counts": self = .counts
        case "full": self = .full
        case let name:
            guard name.hasPrefix("truncate("), name.hasSuffix(")"), let length = Int(name.dropFirst(9).dropLast()),
                length > 0
            else { return nil }
            self = .truncate(length)
        }
    }
}

/// The metrics modes of a table's columns.
public struct MetricsConfig: Hashable, Sendable {
    private let fallback: MetricsMode
    private let columns: [Int: MetricsMode]

    // Tables with more columns keep counts and bounds only of the first ones, as in Java.
    private static let inferredColumns = 100

    public init(properties: [String: String] = [:], schema: Schema = Schema([])) {
        let explicit = properties["write.metadata.metrics.default"].flatMap { MetricsMode($0) }
        fallback = explicit ?? .truncate(16)
        var columns: [Int: MetricsMode] = [
            DataFile.deletePathFieldId: .full, DataFile.deletePositionFieldId: .full,
        ]
        let limit =
            properties["write.metadata.metrics.max-inferred-column-defaults"].flatMap { Int($0) }
            ?? Self.inferredColumns
        if explicit == nil {
            for field in schema.fields.dropFirst(max(0, limit)) { columns[field.id] = MetricsMode.none }
        }
        for field in schema.fields {
            guard let text = properties["write.metadata.metrics.column.\(field.name)"], let mode = MetricsMode(text)
            else { continue }
            columns[field.id] = mode
        }
        self.columns = columns
    }

    public func mode(field id: Int) -> MetricsMode { columns[id] ?? fallback }
}

/// Truncates bounds. A truncated lower bound is never above the value; a truncated upper bound is rounded up.
enum TruncatedBound {
    static func lower(_ value: Scalar, _ length: Int) -> Scalar {
        switch value {
        case .string(let text): .string(Transform.prefix(of: text, codePoints: length))
        case .binary(let bytes): .binary(Array(bytes.prefix(length)))
        default: value
        }
    }

    /// Nil if no larger value of that length exists.
    static func upper(_ value: Scalar, _ length: Int) -> Scalar? {
        switch value {
        case .string(let text):
            let scalars = text.unicodeScalars
            if scalars.dropFirst(length).isEmpty { return value }
            var kept = Array(scalars.prefix(length))
            while let last = kept.popLast() {
                // Skip the surrogates, which are not valid code points.
                let next = last.value == 0xd7ff ? 0xe000 : last.value + 1
                guard let scalar = Unicode.Scalar(next) else { continue }
                var result = String.UnicodeScalarView(kept)
                result.append(scalar)
                return .string(String(result))
            }
            return nil
        case .binary(let bytes):
            if bytes.count <= length { return value }
            var kept = Array(bytes.prefix(length))
            while let last = kept.popLast() {
                if last < 0xff { return .binary(kept + [last + 1]) }
            }
            return nil
        default: return value
        }
    }
}
