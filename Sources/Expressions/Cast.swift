import Bytes
import Columnar
import Values

/// CAST. Numbers are truncated towards zero if the target is an integer, and rounded half up if it is a decimal. A
/// value outside the target's range has no result. Timestamps without a zone are UTC.
enum Cast {
    static func isPossible(from: FieldType, to: FieldType) -> Bool {
        if from == to { return true }
        switch (from, to) {
        case (_, _) where from.isNumeric && to.isNumeric: return true
        case (.string, .fixed), (.fixed, .string): return false
        case (.string, _): return to.isPrimitive
        case (_, .string): return from.isPrimitive
        case (.boolean, .int), (.boolean, .long), (.int, .boolean), (.long, .boolean): return true
        case (.date, .timestamp), (.date, .timestamptz), (.timestamp, .date), (.timestamptz, .date): return true
        case (.timestamp, .timestamptz), (.timestamptz, .timestamp): return true
        case (.timestamp, .time), (.timestamptz, .time): return true
        case (.fixed, .binary), (.uuid, .binary): return true
        default: return false
        }
    }

    /// Whether every value has a result.
    static func isTotal(from: FieldType, to: FieldType) -> Bool {
        if from == to { return true }
        switch (from, to) {
        case (.int, .long), (.int, .double), (.int, .float), (.long, .double), (.long, .float), (.float, .double):
            return true
        case (.int, .decimal(let precision, let scale)): return precision - scale >= 10
        case (.long, .decimal(let precision, let scale)): return precision - scale >= 19
        case (.decimal(let p1, let s1), .decimal(let p2, let s2)): return p2 - s2 >= p1 - s1 && s2 >= s1
        case (.decimal, .double), (.decimal, .float), (.boolean, _), (_, .boolean): return from != .string
        case (.timestamp, _), (.timestamptz, _), (.fixed, .binary), (.uuid, .binary), (.string, .binary): return true
        case (_, .string): return from != .binary
        default: return false
        }
    }

    static func run(_ a: Operand, to: FieldType, invalid: inout [Int32], _ count: Int) -> ColumnVector {
        let from = a.type
        if from == to { return a.expanded(to: count) }
        switch (from, to) {
        case (_, .string): return toString(a, invalid: &invalid, count)
        case (.string, _): return fromString(a, to: to, invalid: &invalid, count)
        case (_, .int):
            return toInteger(a, to: to, Int32.self, invalid: &invalid, count)
        case (_, .long):
            return toInteger(a, to: to, Int64.self, invalid: &invalid, count)
        case (_, .double): return toDouble(a, count).vector
        case (_, .float): return toFloat(a, invalid: &invalid, count)
        case (_, .decimal(let precision, let scale)):
            return toDecimal(a, precision, scale, invalid: &invalid, count)
        case (.int, .boolean): return nonZero(a, Int32.self, count)
        case (.long, .boolean): return nonZero(a, Int64.self, count)
        case (.date, _):
            return Kernel.tryMap(a, to: to, zero: 0, count, invalid: &invalid) { (day: Int32) in
                CivilTime.timestamp(day: Int(day))
            }
        case (_, .date):
            return Kernel.map(a, to: to, count) { (time: Int64) in CivilTime.split(time).day }.vector
        case (_, .time): return Kernel.map(a, to: to, count) { (time: Int64) in CivilTime.split(time).time }.vector
        case (_, .timestamp), (_, .timestamptz): return a.expanded(to: count).reinterpreted(as: to)
        case (_, .binary): return fixedToBinary(a, invalid: &invalid, count)
        default: return .nulls(to, count: count)
        }
    }

    private static func nonZero<I: FixedWidthInteger & BitwiseCopyable>(_ a: Operand, _: I.Type, _ count: Int)
        -> ColumnVector
    {
        let values = a.vector.pointer(as: I.self)
        let stride = a.stride
        return Kernel.test([a], count) { values[$0 * stride] != 0 }.vector
    }

    private static func toInteger<I: FixedWidthInteger & BitwiseCopyable>(
        _ a: Operand,
        to: FieldType,
        _: I.Type,
        invalid: inout [Int32],
        _ count: Int
    ) -> ColumnVector {
        switch a.type {
        case .boolean:
            let rows = a.expanded(to: count)
            let values = Buffer.filled(count: count * MemoryLayout<I>.size) { target in
                let out = target.bindMemory(to: I.self)
                for row in 0..<count { out[row] = rows.boolean(row) ? 1 : 0 }
            }
            return ColumnVector(type: to, count: count, validity: rows.validity, values: values)
        case .int: return Kernel.tryMap(a, to: to, zero: 0, count, invalid: &invalid) { (v: Int32) in I(exactly: v) }
        case .long: return Kernel.tryMap(a, to: to, zero: 0, count, invalid: &invalid) { (v: Int64) in I(exactly: v) }
        case .float:
            return Kernel.tryMap(a, to: to, zero: 0, count, invalid: &invalid) { (v: Float) in
                I(exactly: v.rounded(.towardZero))
            }
        case .double:
            return Kernel.tryMap(a, to: to, zero: 0, count, invalid: &invalid) { (v: Double) in
                I(exactly: v.rounded(.towardZero))
            }
        case .decimal(_, let scale):
            let unit = Int128(PowersOfTen.wide[scale])
            return Kernel.tryMap(a, to: to, zero: 0, count, invalid: &invalid) { (v: Int128) -> I? in
                if let narrow = Int64(exactly: v), let unit = Int64(exactly: unit) { return I(exactly: narrow / unit) }
                return I(exactly: v / unit)
            }
        default: return .nulls(to, count: count)
        }
    }

    private static func toDouble(_ a: Operand, _ count: Int) -> Operand {
        switch a.type {
        case .int: return Kernel.map(a, to: .double, count) { (v: Int32) in Double(v) }
        case .long: return Kernel.map(a, to: .double, count) { (v: Int64) in Double(v) }
        case .float: return Kernel.map(a, to: .double, count) { (v: Float) in Double(v) }
        case .decimal(_, let scale):
            return Kernel.map(a, to: .double, count) { (v: Int128) in Decimals.double(v, scale: scale) }
        default: return Operand(a.expanded(to: count))
        }
    }

    /// Converts integers and decimals directly, not through a double, to avoid double rounding.
    private static func toFloat(_ a: Operand, invalid: inout [Int32], _ count: Int) -> ColumnVector {
        switch a.type {
        case .int: return Kernel.map(a, to: .float, count) { (v: Int32) in Float(v) }.vector
        case .long: return Kernel.map(a, to: .float, count) { (v: Int64) in Float(v) }.vector
        case .decimal(_, let scale):
            return Kernel.map(a, to: .float, count) { (v: Int128) in Decimals.float(v, scale: scale) }.vector
        default:
            return Kernel.tryMap(a, to: .float, zero: 0, count, invalid: &invalid) { (v: Double) -> Float? in
                let narrow = Float(v)
                return narrow.isInfinite && v.isFinite ? nil : narrow
            }
        }
    }

    private static func toDecimal(
        _ a: Operand,
        _ precision: Int,
        _ scale: Int,
        invalid: inout [Int32],
        _ count: Int
    ) -> ColumnVector {
        let to = FieldType.decimal(precision: precision, scale: scale)
        let check = { (v: Int128?) -> Int128? in v.flatMap { Decimals.fits($0, precision) ? $0 : nil } }
        switch a.type {
        case .int:
            return Kernel.tryMap(a, to: to, zero: 0, count, invalid: &invalid) { (v: Int32) in
                check(Decimals.rescale(Int128(v), from: 0, to: scale))
            }
        case .long:
            return Kernel.tryMap(a, to: to, zero: 0, count, invalid: &invalid) { (v: Int64) in
                check(Decimals.rescale(Int128(v), from: 0, to: scale))
            }
        case .decimal(_, let from):
            return Kernel.tryMap(a, to: to, zero: 0, count, invalid: &invalid) { (v: Int128) -> Int128? in
                check(Decimals.rescale(v, from: from, to: scale))
            }
        case .float:
            return Kernel.tryMap(a, to: to, zero: 0, count, invalid: &invalid) { (v: Float) in
                v.isFinite ? decimal("\(v)", precision, scale) : nil
            }
        case .double:
            return Kernel.tryMap(a, to: to, zero: 0, count, invalid: &invalid) { (v: Double) in
                v.isFinite ? decimal("\(v)", precision, scale) : nil
            }
        default: return .nulls(to, count: count)
        }
    }

    /// Parses the shortest decimal text of a float or double, so that 0.1 is exactly one tenth.
    private static func decimal(_ text: String, _ precision: Int, _ scale: Int) -> Int128? {
        DecimalText.parse(text, precision: precision, scale: scale, .cast).value
    }

    private static func fixedToBinary(_ a: Operand, invalid: inout [Int32], _ count: Int) -> ColumnVector {
        guard case .fixedWidth(let width) = a.type.layout else { return .nulls(.binary, count: count) }
        let stride = a.stride
        return Kernel.text([a], as: .binary, count, invalid: &invalid) { row, output in
            output.append(UnsafeRawBufferPointer(start: a.vector.values.base + row * stride * width, count: width))
            return true
        }
    }
}

extension FieldType {
    var isNumeric: Bool {
        switch self {
        case .int, .long, .float, .double, .decimal: true
        default: false
        }
    }

    var isWhole: Bool { self == .int || self == .long }
}
