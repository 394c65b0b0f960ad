import Columnar
import Values

/// `+ - * / %` on two operands of one type, or on two decimals of any scale.
enum Arithmetic {
    static func run(
        _ operation: ArithmeticOperator,
        _ a: Operand,
        _ b: Operand,
        to type: FieldType,
        invalid: inout [Int32],
        _ count: Int
    ) -> ColumnVector {
        switch type {
        case .int: whole(operation, a, b, to: type, Int32.self, invalid: &invalid, count)
        case .long: whole(operation, a, b, to: type, Int64.self, invalid: &invalid, count)
        case .float: binary(operation, a, b, to: type, Float.self, invalid: &invalid, count)
        case .double: binary(operation, a, b, to: type, Double.self, invalid: &invalid, count)
        case .decimal(let precision, let scale):
            decimal(operation, a, b, precision, scale, invalid: &invalid, count)
        default: .nulls(type, count: count)
        }
    }

    private static func whole<I: FixedWidthInteger & BitwiseCopyable>(
        _ operation: ArithmeticOperator,
        _ a: Operand,
        _ b: Operand,
        to type: FieldType,
        _: I.Type,
        invalid: inout [Int32],
        _ count: Int
    ) -> ColumnVector {
        switch operation {
        case .add:
            Kernel.tryZip(a, b, to: type, zero: 0, count, invalid: &invalid) { (l: I, r: I) -> I? in
                let (value, overflow) = l.addingReportingOverflow(r)
                return overflow ? nil : value
            }
        case .subtract:
            Kernel.tryZip(a, b, to: type, zero: 0, count, invalid: &invalid) { (l: I, r: I) -> I? in
                let (value, overflow) = l.subtractingReportingOverflow(r)
                return overflow ? nil : value
            }
        case .multiply:
            Kernel.tryZip(a, b, to: type, zero: 0, count, invalid: &invalid) { (l: I, r: I) -> I? in
                let (value, overflow) = l.multipliedReportingOverflow(by: r)
                return overflow ? nil : value
            }
        case .divide:
            Kernel.tryZip(a, b, to: type, zero: 0, count, invalid: &invalid) { (l: I, r: I) -> I? in
                let (value, overflow) = l.dividedReportingOverflow(by: r)
                return overflow ? nil : value
            }
        case .remainder:
            Kernel.tryZip(a, b, to: type, zero: 0, count, invalid: &invalid) { (l: I, r: I) -> I? in
                // The minimum divided by −1 overflows, but its remainder is 0.
                r == 0 ? nil : l.remainderReportingOverflow(dividingBy: r).partialValue
            }
        }
    }

    private static func binary<F: BinaryFloatingPoint & BitwiseCopyable>(
        _ operation: ArithmeticOperator,
        _ a: Operand,
        _ b: Operand,
        to type: FieldType,
        _: F.Type,
        invalid: inout [Int32],
        _ count: Int
    ) -> ColumnVector {
        switch operation {
        case .add: Kernel.tryZip(a, b, to: type, zero: 0, count, invalid: &invalid) { (l: F, r: F) -> F? in l + r }
        case .subtract: Kernel.tryZip(a, b, to: type, zero: 0, count, invalid: &invalid) { (l: F, r: F) -> F? in l - r }
        case .multiply: Kernel.tryZip(a, b, to: type, zero: 0, count, invalid: &invalid) { (l: F, r: F) -> F? in l * r }
        case .divide:
            Kernel.tryZip(a, b, to: type, zero: 0, count, invalid: &invalid) { (l: F, r: F) -> F? in
                r == 0 ? nil : l / r
            }
        case .remainder:
            Kernel.tryZip(a, b, to: type, zero: 0, count, invalid: &invalid) { (l: F, r: F) -> F? in
                r == 0 ? nil : l.truncatingRemainder(dividingBy: r)
            }
        }
    }

    private static func decimal(
        _ operation: ArithmeticOperator,
        _ a: Operand,
        _ b: Operand,
        _ precision: Int,
        _ scale: Int,
        invalid: inout [Int32],
        _ count: Int
    ) -> ColumnVector {
        let type = FieldType.decimal(precision: precision, scale: scale)
        guard case .decimal(_, let s1) = a.type, case .decimal(_, let s2) = b.type else {
            return .nulls(type, count: count)
        }
        return Kernel.tryZip(a, b, to: type, zero: 0, count, invalid: &invalid) { (l: Int128, r: Int128) -> Int128? in
            let value: Int128? =
                switch operation {
                case .add: Decimals.sum(l, s1, r, s2, scale: scale)
                case .subtract: Decimals.difference(l, s1, r, s2, scale: scale)
                case .multiply: Decimals.product(l, r, productScale: s1 + s2, scale: scale)
                case .divide: r == 0 ? nil : Decimals.quotient(l, s1, r, s2, scale: scale)
                case .remainder:
                    r == 0
                        ? nil : Decimals.rescale(Decimals.remainder(l, s1, r, s2), from: max(s1, s2), to: scale)
                }
            return value.flatMap { Decimals.fits($0, precision) ? $0 : nil }
        }
    }

    /// The error message for a row without a result.
    static func reason(_ operation: ArithmeticOperator, _ a: Operand, _ b: Operand, to type: FieldType, _ row: Int)
        -> String
    {
        let calculation = "\(a.scalar(row).shown) \(operation.rawValue) \(b.scalar(row).shown)"
        if operation == .divide || operation == .remainder, isZero(b.scalar(row)) {
            return "division by zero: \(calculation)"
        }
        return "\(calculation) does not fit \(type)"
    }

    private static func isZero(_ scalar: Scalar) -> Bool {
        switch scalar {
        case .int(let value): value == 0
        case .long(let value): value == 0
        case .float(let value): value == 0
        case .double(let value): value == 0
        case .decimal(let value, _): value == 0
        default: false
        }
    }
}
