import Testing
import Values

@Suite struct CheckedIntegerTests {
    @Test func `division rounds down for every byte`() {
        for value in Int8.min...Int8.max {
            for divisor in Int8(1)...Int8.max {
                let quotient = Int((Double(value) / Double(divisor)).rounded(.down))
                let isRight =
                    Int(value.floorDivided(by: divisor)) == quotient
                    && Int(value.floorRemainder(by: divisor)) == Int(value) - quotient * Int(divisor)
                    && value.floorMultiple(of: divisor) == Int8(exactly: quotient * Int(divisor))
                if !isRight { Issue.record("\(value) by \(divisor)") }
            }
        }
        #expect((-7).floorDivided(by: 2) == -4)
    }

    @Test func `sums stop at the ends of the type`() {
        for a in Int8.min...Int8.max {
            for b in Int8.min...Int8.max {
                let isRight =
                    a.addingClamped(b) == Int8(clamping: Int(a) + Int(b))
                    && a.subtractingClamped(b) == Int8(clamping: Int(a) - Int(b))
                if !isRight { Issue.record("\(a) and \(b)") }
            }
        }
        #expect([Int64.max, 1, .max].clampedSum() == .max)
    }

    @Test func `hours keep the order of timestamps`() {
        let moments = [
            Int64.min, -7_730_941_132_800_000_001, -7_730_941_132_800_000_000, -1, 0, 7_730_941_132_799_999_999, .max,
        ]
        let hours = moments.map { CivilTime.hours($0) }
        #expect(hours == hours.sorted())
        #expect(hours.first == .min && hours.last == .max)
    }
}
