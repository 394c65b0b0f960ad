/// Suggests missing quotes for invalid YAML.
enum QuotingHint {
    /// Advice for the line where the parser stopped, or the line before it; nil if neither has a known mistake.
    ///
    /// - Parameter line: from 1.
    static func advice(_ yaml: String, line: Int) -> String? {
        let lines = yaml.split(separator: "\n", omittingEmptySubsequences: false)
        for number in [line, line - 1] where lines.indices.contains(number - 1) {
            if let advice = advice(lines[number - 1]) { return advice }
        }
        return nil
    }

    private static func advice(_ line: Substring) -> String? {
        if line.prefix(while: { $0 == " " || $0 == "\t" }).contains("\t") {
            return "indent with blanks: YAML takes no tabs there"
        }
        if let value = variable(line) {
            return "inside { } and [ ] a value with ${…} stands in quotes: \(quoted(value))"
        }
        guard let colon = line.firstRange(of: ": ") else { return nil }
        let value = line[colon.upperBound...].drop { $0 == " " }.trimmed
        guard let first = value.first else { return nil }
        if "*&!%@`".contains(first), value.count > 1 {
            return "a value that begins with '\(first)' stands in quotes: \(quoted(value))"
        }
        if first == "\"" || first == "'" {
            let inner = value.dropFirst()
            guard let end = inner.firstIndex(of: first) else { return "the quote \(first) is never closed" }
            let rest = inner[inner.index(after: end)...].trimmed
            if !rest.isEmpty, !rest.hasPrefix("#"), !rest.hasPrefix(","), !rest.hasPrefix("}") {
                return first == "'"
                    ? "a text with ' in it stands in double quotes" : "a text with \" in it stands in single quotes"
            }
            return nil
        }
        if value.contains(": "), first != "{", first != "[" {
            return "a value with ': ' in it stands in quotes: \(quoted(value))"
        }
        if first == "[" || first == "{" {
            let close: Character = first == "[" ? "]" : "}"
            if value.last != close { return "a value that begins with '\(first)' and is a text stands in quotes" }
        }
        return nil
    }

    /// The value without quotes that contains the first `${…}` of the line: its braces end a value in braces.
    private static func variable(_ line: Substring) -> String? {
        guard let mark = line.firstRange(of: "${"), let close = line[mark.upperBound...].firstIndex(of: "}") else {
            return nil
        }
        let before = line[..<mark.lowerBound]
        let isQuoted = "\"'".contains { quote in !before.count { $0 == quote }.isMultiple(of: 2) }
        if isQuoted { return nil }
        let start = before.lastIndex { " ,[{".contains($0) }.map(line.index(after:)) ?? line.startIndex
        let rest = line[line.index(after: close)...].prefix { !" ,]}".contains($0) }
        // Without braces around it, the value is sound YAML.
        guard before.contains(where: { "{[".contains($0) }) || line[rest.endIndex...].hasPrefix(",") else { return nil }
        return String(line[start..<rest.endIndex])
    }

    private static func quoted(_ text: String) -> String {
        text.contains("\"") ? "'\(text)'" : "\"\(text)\""
    }
}
