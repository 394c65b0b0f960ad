import Columnar
import Foundation
import WeirTesting

@testable import Expressions

/// The expected results of functions, computed per value on wide integers and arrays of code points.
enum FunctionOracle {
    /// Functions not compared here, because floating-point results have no exact form or other tests compare them.
    static let checkedElsewhere: Set<String> = []

    /// Nil for calls that the oracle does not cover.
    static func expected(_ use: FunctionPropertyTests.Use, _ row: [Scalar]) -> Outcome? {
        var values: [Scalar] = []
        var types: [FieldType?] = []
        for argument in use.arguments {
            guard let (value, type) = resolve(argument, row) else { return nil }
            values.append(value)
            types.append(type)
        }
        switch use.name {
        case "COALESCE", "IFNULL", "NULLIF", "IF": return choice(use.name, values, types)
        case "CONCAT_WS":
            guard case .string(let separator) = values[0] else { return .value(.null) }
            let texts = values.dropFirst().compactMap { value in
                if case .string(let text) = value { text } else { nil }
            }
            return .value(.string(texts.joined(separator: separator)))
        default: break
        }
        if values.contains(.null) { return .value(.null) }
        return number(use.name, values, types) ?? time(use.name, values) ?? TextOracle.expected(use.name, values)
    }

    private static func resolve(_ argument: String, _ row: [Scalar]) -> (Scalar, FieldType?)? {
        if let index = FunctionPropertyTests.types.firstIndex(where: { $0.name == argument }) {
            return (row[index], FunctionPropertyTests.types[index].type)
        }
        if argument == "NULL" { return (.null, nil) }
        if argument == "TRUE" { return (.boolean(true), .boolean) }
        if argument.hasPrefix("'") { return (.string(String(argument.dropFirst().dropLast())), .string) }
        return Int32(argument).map { (.int($0), .int) }
    }

    private static func choice(_ name: String, _ values: [Scalar], _ types: [FieldType?]) -> Outcome? {
        let kinds = name == "IF" ? types.dropFirst() : types[...]
        guard let first = kinds.first, first != nil, kinds.allSatisfy({ $0 == first }) else { return nil }
        switch name {
        case "NULLIF": return .value(values[0] == .null || values[0] == values[1] ? .null : values[0])
        case "IF": return .value(values[0] == .boolean(true) ? values[1] : values[2])
        default: return .value(values.first { $0 != .null } ?? .null)
        }
    }

    // MARK: Numbers

    private static func whole(_ value: Scalar) -> Int128? {
        switch value {
        case .int(let number): Int128(number)
        case .long(let number): Int128(number)
        default: nil
        }
    }

    private static func power(_ exponent: Int) -> Int128 { (0..<exponent).reduce(1) { power, _ in power * 10 } }

    /// Rounds half away from zero.
    static func rounded(_ number: Int128, cutting digits: Int) -> Int128 {
        if digits > 38 { return 0 }
        let unit = power(digits)
        let rest = abs(number % unit)
        let quotient = number / unit
        if rest < unit - rest { return quotient }
        return number < 0 ? quotient - 1 : quotient + 1
    }

    static func fits(_ number: Int128, _ precision: Int) -> Bool { abs(number) < power(precision) }

    private static func number(_ name: String, _ values: [Scalar], _ types: [FieldType?]) -> Outcome? {
        guard let type = types[0] else { return nil }
        switch (name, values[0]) {
        case ("-", .double(let x)): return .value(.double(-x))
        case ("-", .float(let x)): return .value(.float(-x))
        case ("-", .decimal(let x, let scale)): return .value(.decimal(-x, scale: scale))
        case ("-", let x): return whole(x).map { .whole(-$0, type) }
        case ("ABS", .double(let x)): return .value(.double(abs(x)))
        case ("ABS", .float(let x)): return .value(.float(abs(x)))
        case ("ABS", .decimal(let x, let scale)): return .value(.decimal(abs(x), scale: scale))
        case ("ABS", let x): return whole(x).map { .whole(abs($0), type) }
        case ("FLOOR", .double(let x)): return .value(.double(floor(x)))
        case ("FLOOR", .float(let x)): return .value(.float(floor(x)))
        case ("FLOOR", .decimal(let x, let scale)):
            let (quotient, rest) = x.quotientAndRemainder(dividingBy: power(scale))
            return .value(.decimal(rest < 0 ? quotient - 1 : quotient, scale: 0))
        case ("FLOOR", let x): return .value(x)
        case ("CEIL", .double(let x)), ("CEILING", .double(let x)): return .value(.double(ceil(x)))
        case ("CEIL", .float(let x)), ("CEILING", .float(let x)): return .value(.float(ceil(x)))
        case ("CEIL", .decimal(let x, let scale)), ("CEILING", .decimal(let x, let scale)):
            let (quotient, rest) = x.quotientAndRemainder(dividingBy: power(scale))
            return .value(.decimal(rest > 0 ? quotient + 1 : quotient, scale: 0))
        case ("CEIL", let x), ("CEILING", let x): return .value(x)
        case ("MOD", let x):
            guard let left = whole(x), let right = whole(values[1]) else { return nil }
            return right == 0 ? .failure : .whole(left % right, types[1] == .long ? .long : type)
        case ("ROUND", let x):
            var decimals = 0
            if values.count == 2 {
                guard case .int(let digits) = values[1] else { return nil }
                decimals = Int(digits)
            }
            return round(x, type, decimals)
        default: return nil
        }
    }

    private static func round(_ value: Scalar, _ type: FieldType, _ decimals: Int) -> Outcome? {
        if let number = whole(value) {
            return decimals >= 0 ? .value(value) : .whole(rounded(number, cutting: -decimals) * power(-decimals), type)
        }
        guard case .decimal(let number, let scale) = value, case .decimal(let precision, _) = type else { return nil }
        if decimals >= scale { return .value(value) }
        let cut = rounded(number, cutting: scale - decimals)
        let (filled, overflow) = cut.multipliedReportingOverflow(by: power(max(0, -decimals)))
        let kept = max(0, decimals)
        let fits = !overflow && fits(filled, min(38, precision - scale + kept + 1))
        return fits ? .value(.decimal(filled, scale: kept)) : .failure
    }

    // MARK: Times

    private static func time(_ name: String, _ values: [Scalar]) -> Outcome? {
        if name == "DATE_TRUNC" {
            guard case .string(let unit) = values[0] else { return nil }
            return truncated(values[1], unit)
        }
        let moment: (days: Int, time: Int64)
        switch values[0] {
        case .date(let day): moment = (Int(day), 0)
        case .timestamp(let value), .timestamptz(let value): moment = daysAndTime(value)
        default: return nil
        }
        let date = CountedDate(moment.days)
        let time = moment.time
        let field: Int
        switch name {
        case "YEAR": field = date.year
        case "QUARTER": field = [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4][date.month - 1]
        case "MONTH": field = date.month
        case "DAY", "DAYOFMONTH": field = date.day
        case "HOUR": field = Int(time / 3_600_000_000)
        case "MINUTE": field = Int(time / 60_000_000) % 60
        case "SECOND": field = Int(time / 1_000_000) % 60
        default: return nil
        }
        return .value(.int(Int32(field)))
    }

    private static func truncated(_ value: Scalar, _ unit: String) -> Outcome? {
        func first(_ days: Int) -> Int {
            let date = CountedDate(days)
            switch unit {
            case "year": return days - date.dayOfYear
            case "quarter":
                var month = days - date.day + 1
                while (CountedDate(month).month - 1) % 3 != 0 { month -= CountedDate(month - 1).day }
                return month
            case "month": return days - date.day + 1
            case "week":
                // Day −3 was a Monday.
                var monday = (days + 3) / 7 * 7 - 3
                if monday > days { monday -= 7 }
                return monday
            default: return days
            }
        }
        let length: Int128 = ["hour": 3_600_000_000, "minute": 60_000_000, "second": 1_000_000][unit] ?? 0
        func micros(_ value: Int64) -> Int64? {
            if length == 0 { return Int64(exactly: Int128(first(daysAndTime(value).days)) * 86_400_000_000) }
            var start = Int128(value) / length * length
            if start > Int128(value) { start -= length }
            return Int64(exactly: start)
        }
        switch value {
        case .date(let day):
            if length > 0 { return .value(value) }
            return Int32(exactly: first(Int(day))).map { .value(.date($0)) } ?? .failure
        case .timestamp(let value): return micros(value).map { .value(.timestamp($0)) } ?? .failure
        case .timestamptz(let value): return micros(value).map { .value(.timestamptz($0)) } ?? .failure
        default: return nil
        }
    }
}
