extension FieldType {
    /// Describes what is wrong with the parameters of a primitive type; nil when they are valid or the type has none.
    public static func mistake(in text: String) -> String? {
        let name = text.lowercased().filter { $0 != " " }
        let base = name.prefix { $0.isLetter }
        let list = name.dropFirst(base.count)
        guard base == "decimal" || base == "fixed", FieldType(primitive: text) == nil else { return nil }
        let numbers = list.dropFirst().dropLast().split(separator: ",", omittingEmptySubsequences: false).map {
            Int($0)
        }
        guard base == "decimal" else { return "fixed needs a length of at least one byte, such as fixed(16)" }
        guard numbers.count == 2, let precision = numbers[0], let scale = numbers[1] else {
            return "a decimal needs a precision and a scale, such as decimal(12,2)"
        }
        if precision > 38 { return "a decimal has at most 38 digits, not \(precision)" }
        if precision < 1 { return "a decimal has at least one digit" }
        return "the scale of a decimal is 0 to its precision of \(precision), not \(scale)"
    }
}
