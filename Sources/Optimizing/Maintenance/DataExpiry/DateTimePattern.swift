import Foundation

/// A form of times as Java's `DateTimeFormatter` writes it, for the letters that tables use: `yyyy-MM-dd HH:mm:ss`,
/// `'tag-'yyyyMMdd`. Every field has a fixed number of digits.
public struct DateTimePattern: Sendable, Equatable {
    enum Unit: Int, Sendable, Comparable {
        case year, month, day, hour, minute, second, fraction

        static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

        fileprivate static let letters: [Character: Unit] = [
            "y": .year, "u": .year, "M": .month, "d": .day, "H": .hour, "m": .minute, "s": .second, "S": .fraction,
        ]
    }

    private enum Part: Sendable, Equatable {
        case text(String)
        case field(Unit, digits: Int)
    }

    private let parts: [Part]
    /// In the order of the text.
    let units: [Unit]

    /// Nil for a pattern with other letters, an open quote, or a field that has no fixed number of digits.
    public init?(_ pattern: String) {
        var parts: [Part] = []
        var rest = pattern[...]
        func add(_ text: String) {
            if case .text(let before)? = parts.last {
                parts[parts.count - 1] = .text(before + text)
            } else {
                parts.append(.text(text))
            }
        }
        while let first = rest.first {
            if first == "'" {
                rest = rest.dropFirst()
                // Two quotes stand for one, within quotes too.
                if rest.first == "'" {
                    add("'")
                    rest = rest.dropFirst()
                    continue
                }
                while true {
                    guard let end = rest.firstIndex(of: "'") else { return nil }
                    add(String(rest[..<end]))
                    rest = rest[rest.index(after: end)...]
                    guard rest.first == "'" else { break }
                    add("'")
                    rest = rest.dropFirst()
                }
            } else if first.isLetter {
                let run = rest.prefix { $0 == first }
                guard let unit = Unit.letters[first] else { return nil }
                let digits = run.count
                let isFixed =
                    switch unit {
                    case .year: digits == 4
                    case .fraction: 1...9 ~= digits
                    default: digits == 2
                    }
                guard isFixed else { return nil }
                parts.append(.field(unit, digits: digits))
                rest = rest[run.endIndex...]
            } else {
                add(String(first))
                rest = rest.dropFirst()
            }
        }
        self.parts = parts
        units = parts.compactMap { if case .field(let unit, _) = $0 { unit } else { nil } }
        guard Set(units).count == units.count else { return nil }
    }

    /// Whether later times have greater texts, so that the greatest text of a column is that of its latest time.
    var sortsByTime: Bool {
        guard units == units.sorted(), units.first == .year else { return false }
        // No unit is left out in between.
        return units.enumerated().allSatisfy { $0.offset == $0.element.rawValue }
    }

    public func text(_ milliseconds: Int64, in zone: TimeZone) -> String {
        let date = Date(timeIntervalSince1970: Double(milliseconds) / 1000)
        let fields = Self.calendar(zone).dateComponents(
            [.year, .month, .day, .hour, .minute, .second, .nanosecond],
            from: date
        )
        var text = ""
        for part in parts {
            switch part {
            case .text(let fixed): text += fixed
            case .field(let unit, let digits):
                let value =
                    switch unit {
                    case .year: fields.year
                    case .month: fields.month
                    case .day: fields.day
                    case .hour: fields.hour
                    case .minute: fields.minute
                    case .second: fields.second
                    case .fraction: fields.nanosecond
                    }
                let width = unit == .fraction ? 9 : digits
                let number = String(value ?? 0)
                let padded = String(repeating: "0", count: max(0, width - number.count)) + number
                text += unit == .fraction ? String(padded.prefix(digits)) : padded
            }
        }
        return text
    }

    /// The last millisecond that a text may stand for: a day stands for all of it. Nil for a text of another form. A text
    /// may end early, as the bounds of long texts do.
    public func end(of text: String, in zone: TimeZone) -> Int64? {
        var fields = DateComponents()
        var rest = text[...]
        var last: Unit?
        for part in parts {
            if rest.isEmpty, last != nil { break }
            switch part {
            case .text(let fixed):
                guard rest.hasPrefix(fixed) else { return nil }
                rest = rest.dropFirst(fixed.count)
            case .field(let unit, let digits):
                let word = rest.prefix(digits)
                guard word.utf8.count == digits, word.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                    let value = Int(word)
                else { return nil }
                rest = rest.dropFirst(digits)
                last = max(last ?? unit, unit)
                switch unit {
                case .year: fields.year = value
                case .month: fields.month = value
                case .day: fields.day = value
                case .hour: fields.hour = value
                case .minute: fields.minute = value
                case .second: fields.second = value
                case .fraction: break
                }
            }
        }
        guard rest.isEmpty, let last else { return nil }
        let calendar = Self.calendar(zone)
        var begin = fields
        begin.month = begin.month ?? 1
        begin.day = begin.day ?? 1
        guard begin.isValidDate(in: calendar), let date = calendar.date(from: begin) else { return nil }
        let step: Calendar.Component? =
            switch last {
            case .year: .year
            case .month: .month
            case .day: .day
            case .hour: .hour
            case .minute: .minute
            case .second, .fraction: .second
            }
        guard let step, let end = calendar.date(byAdding: step, value: 1, to: date) else { return nil }
        return Int64(end.timeIntervalSince1970 * 1000) - 1
    }

    static func calendar(_ zone: TimeZone) -> Calendar {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        return calendar
    }
}
