import Columnar
import Foundation

/// The expected results of text functions, computed on arrays of code points.
enum TextOracle {
    private typealias Points = [Unicode.Scalar]

    static func expected(_ name: String, _ values: [Scalar]) -> Outcome? {
        guard case .string(let text) = values[0] else { return nil }
        let points = Points(text.unicodeScalars)
        let second: String? = if values.count > 1, case .string(let other) = values[1] { other } else { nil }
        let number: Int128? =
            switch values.dropFirst().first {
            case .int(let value): Int128(value)
            case .long(let value): Int128(value)
            default: nil
            }
        switch name {
        case "UPPER": return .value(.string(text.uppercased()))
        case "LOWER": return .value(.string(text.lowercased()))
        case "REVERSE": return string(points.reversed())
        case "LENGTH", "CHAR_LENGTH", "CHARACTER_LENGTH": return .value(.int(Int32(points.count)))
        case "TRIM", "LTRIM", "RTRIM":
            let set = values.count == 1 ? Set(" ".unicodeScalars) : Set((second ?? "").unicodeScalars)
            var kept = points[...]
            if name != "RTRIM" { kept = kept.drop { set.contains($0) } }
            if name != "LTRIM" { while let last = kept.last, set.contains(last) { kept.removeLast() } }
            return string(kept)
        case "LEFT": return number.map { string(points.prefix(Int(max(0, min($0, 1000))))) }
        case "RIGHT": return number.map { string(points.suffix(Int(max(0, min($0, 1000))))) }
        case "LPAD", "RPAD": return number.flatMap { padded(name, points, $0, values) }
        case "SUBSTRING", "SUBSTR":
            guard let start = number else { return nil }
            var end = Int128(Int64.max)
            switch values.dropFirst(2).first {
            case nil: break
            case .int(let length): end = start + max(0, Int128(length))
            case .long(let length): end = start + max(0, Int128(length))
            default: return nil
            }
            // Positions count from 1.
            return string(points.enumerated().filter { start <= $0.offset + 1 && $0.offset + 1 < end }.map(\.element))
        case "CONCAT":
            var joined = ""
            for value in values {
                guard case .string(let part) = value else { return nil }
                joined.unicodeScalars.append(contentsOf: part.unicodeScalars)
            }
            return .value(.string(joined))
        case "REPLACE":
            guard let old = second, values.count == 3, case .string(let new) = values[2] else { return nil }
            return string(replaced(points, Points(old.unicodeScalars), Points(new.unicodeScalars)))
        case "SPLIT_PART":
            guard let separator = second, values.count == 3 else { return nil }
            let wanted: Int128
            switch values[2] {
            case .int(let value): wanted = Int128(value)
            case .long(let value): wanted = Int128(value)
            default: return nil
            }
            let parts = split(points, Points(separator.unicodeScalars))
            let index = wanted > 0 ? wanted - 1 : wanted < 0 ? Int128(parts.count) + wanted : -1
            return string(0..<Int128(parts.count) ~= index ? parts[Int(index)] : [])
        case "STRPOS":
            guard let second else { return nil }
            return .value(.int(Int32((position(of: Points(second.unicodeScalars), in: points, from: 0) ?? -1) + 1)))
        case "STARTS_WITH", "STARTSWITH": return second.map { .value(.boolean(points.starts(with: $0.unicodeScalars))) }
        case "ENDS_WITH", "ENDSWITH":
            return second.map { .value(.boolean(points.reversed().starts(with: $0.unicodeScalars.reversed()))) }
        case "CONTAINS":
            return second.map { .value(.boolean(position(of: Points($0.unicodeScalars), in: points, from: 0) != nil)) }
        default: return nil
        }
    }

    private static func string(_ points: some Sequence<Unicode.Scalar>) -> Outcome {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: points)
        return .value(.string(String(view)))
    }

    private static func padded(_ name: String, _ points: Points, _ length: Int128, _ values: [Scalar]) -> Outcome? {
        var pattern = Points(" ".unicodeScalars)
        if values.count == 3 {
            guard case .string(let text) = values[2] else { return nil }
            pattern = Points(text.unicodeScalars)
        }
        let missing = max(0, length) - Int128(points.count)
        if missing <= 0 { return string(points.prefix(Int(max(0, length)))) }
        if pattern.isEmpty { return string(points) }
        if missing > 1 << 26 { return .failure }
        // Comparing by code point would be too slow.
        if missing > 10_000 { return nil }
        let fill = (0..<Int(missing)).map { pattern[$0 % pattern.count] }
        return string(name == "LPAD" ? fill + points : points + fill)
    }

    private static func position(of needle: Points, in points: Points, from start: Int) -> Int? {
        var position = start
        while position + needle.count <= points.count {
            if Points(points[position..<position + needle.count]) == needle { return position }
            position += 1
        }
        return nil
    }

    private static func split(_ points: Points, _ separator: Points) -> [Points] {
        if separator.isEmpty { return [points] }
        var parts: [Points] = []
        var start = 0
        while let found = position(of: separator, in: points, from: start) {
            parts.append(Points(points[start..<found]))
            start = found + separator.count
        }
        return parts + [Points(points[start...])]
    }

    private static func replaced(_ points: Points, _ old: Points, _ new: Points) -> Points {
        old.isEmpty ? points : Points(split(points, old).joined(separator: new))
    }
}
