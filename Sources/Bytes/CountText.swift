/// Counts in messages.
public enum CountText {
    /// `1,234,567`.
    public static func of(_ number: some BinaryInteger) -> String {
        let digits = String(number.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return number < 0 ? "-" + text : text
    }

    /// `1,234 rows`, `1 row`.
    ///
    /// - Parameter plural: nil if it is the singular with an s.
    public static func of(_ number: some BinaryInteger, _ singular: String, _ plural: String? = nil) -> String {
        "\(of(number)) \(number == 1 ? singular : plural ?? singular + "s")"
    }
}
