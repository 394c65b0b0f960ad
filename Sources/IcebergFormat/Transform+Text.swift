import Bytes
import Columnar
import Values

extension Transform {
    /// A partition value as in Java's partition paths: `2024-01-02`, `2024-01`, `2024-01-02-10`; "null" for null.
    public func humanText(_ value: Scalar) -> String {
        switch (self, value) {
        case (.year, .int(let years)): ScalarText.text { $0.appendYear(1970 + Int(years), isSigned: false) }
        case (.month, .int(let months)):
            ScalarText.text {
                $0.appendYear(1970 + Int(months).floorDivided(by: 12), isSigned: false)
                $0.appendByte(0x2d)
                $0.appendDigits(UInt64(months.floorRemainder(by: 12) + 1), width: 2)
            }
        case (.day, .int(let days)): ScalarText.text(.date(days), .java)
        case (.hour, .int(let hours)):
            ScalarText.text {
                $0.appendDate(hours.floorDivided(by: 24), isSigned: false)
                $0.appendByte(0x2d)
                $0.appendDigits(UInt64(hours.floorRemainder(by: 24)), width: 2)
            }
        default: ScalarText.text(value, .java)
        }
    }
}
