import Columnar
import Testing
import WeirTesting

@Suite struct ColumnBoundsTests {
    private static let comparisons: [RowFilter.Bound.Comparison] = [
        .less, .lessOrEqual, .equal, .greaterOrEqual, .greater,
    ]

    /// Whether a value is within a bound; NaN is greater than every number.
    private static func isWithin(_ value: Scalar, _ bound: RowFilter.Bound) -> Bool {
        if value == .null { return false }
        if value.isNaN { return bound.comparison == .greater || bound.comparison == .greaterOrEqual }
        let isBefore = value.precedes(bound.value) == true
        let isBehind = bound.value.precedes(value) == true
        return switch bound.comparison {
        case .less: isBefore
        case .lessOrEqual: !isBehind
        case .equal: !isBefore && !isBehind
        case .greaterOrEqual: !isBefore
        case .greater: isBehind
        }
    }

    private static func value(_ isFloating: Bool, _ random: inout SeededGenerator) -> Scalar {
        if Int.random(in: 0..<4, using: &random) == 0 { return .null }
        if !isFloating { return .long(Int64.random(in: -4...4, using: &random)) }
        return .double([-.infinity, -1, -0.0, 0, 1, 2, .infinity, .nan].randomElement(using: &random) ?? 0)
    }

    @Test(arguments: SeededGenerator.seeds(10), [true, false])
    func `bounds hold whenever a value is within them, and of integers that touch only then`(
        seed: UInt64,
        isFloating: Bool
    ) {
        var random = SeededGenerator(seed: seed)
        for step in 0..<500 {
            let values = (0..<Int.random(in: 1...3, using: &random)).map { _ in Self.value(isFloating, &random) }
            let ordered = values.filter { $0 != .null && !$0.isNaN }.sorted { $0.precedes($1) == true }
            let known = ColumnBounds(
                lower: ordered.first,
                upper: ordered.last,
                valueCount: Int64(values.count),
                nullCount: Int64(values.count { $0 == .null }),
                mayHoldNaN: isFloating
            )
            for comparison in Self.comparisons {
                let limit: Scalar = isFloating ? .double(1) : .long(Int64.random(in: -5...5, using: &random))
                let bound = RowFilter.Bound(field: 1, comparison, limit)
                let holds = values.contains { Self.isWithin($0, bound) }
                if holds { #expect(bound.mayHold(in: known), "seed \(seed) step \(step): \(values) \(bound)") }
                // If all values are equal, the bounds decide every comparison.
                if !holds, !isFloating, Set(ordered).count <= 1 {
                    #expect(!bound.mayHold(in: known), "seed \(seed) step \(step): \(values) \(bound)")
                }
            }
        }
    }

    @Test func `values of an earlier type are compared in the later one, and others rule nothing out`() {
        let narrow = ColumnBounds(lower: .int(1), upper: .int(5))
        #expect(!RowFilter.Bound(field: 1, .greater, .long(5)).mayHold(in: narrow))
        #expect(RowFilter.Bound(field: 1, .greater, .long(4)).mayHold(in: narrow))
        for comparison in Self.comparisons {
            let bound = RowFilter.Bound(field: 1, comparison, .string("a"))
            #expect(bound.mayHold(in: narrow))
            #expect(bound.mayHold(in: ColumnBounds(lower: nil, upper: nil)))
            #expect(bound.mayHold(in: ColumnBounds(lower: nil, upper: nil, valueCount: 4, nullCount: 3)))
            #expect(!bound.mayHold(in: ColumnBounds(lower: nil, upper: nil, valueCount: 4, nullCount: 4)))
        }
    }
}
