import Bytes
import Columnar
import Foundation
import Values

/// `= <> < <= > >=` on two operands of one type, or on two decimals of any scale.
///
/// Strings compare by bytes, which is code point order in UTF-8. Doubles follow IEEE 754: NaN is not equal to, less
/// than or greater than any value.
enum Comparing {
    static func run(_ comparison: Comparison, _ a: Operand, _ b: Operand, _ count: Int) -> Operand {
        switch a.type {
        case .boolean:
            ordered(comparison, a, b, count) { row in
                let (left, right) = (a.boolean(row), b.boolean(row))
                return left == right ? 0 : left ? 1 : -1
            }
        case .int, .date: values(comparison, a, b, Int32.self, count)
        case .long, .time, .timestamp, .timestamptz: values(comparison, a, b, Int64.self, count)
        case .float: values(comparison, a, b, Float.self, count)
        case .double: values(comparison, a, b, Double.self, count)
        case .decimal(_, let leftScale): decimals(comparison, a, leftScale, b, count)
        case .uuid, .fixed: raw(comparison, a, b, count)
        case .string, .binary: texts(comparison, a, b, count)
        case .list, .map, .structure, .other: Operand(.nulls(.boolean, count: count))
        }
    }

    @inline(__always)
    private static func values<T: Comparable & BitwiseCopyable>(
        _ comparison: Comparison,
        _ a: Operand,
        _ b: Operand,
        _: T.Type,
        _ count: Int
    ) -> Operand {
        let left = a.vector.pointer(as: T.self)
        let right = b.vector.pointer(as: T.self)
        let (i, j) = (a.stride, b.stride)
        return switch comparison {
        case .equal: Kernel.test([a, b], count) { left[$0 * i] == right[$0 * j] }
        case .notEqual: Kernel.test([a, b], count) { left[$0 * i] != right[$0 * j] }
        case .less: Kernel.test([a, b], count) { left[$0 * i] < right[$0 * j] }
        case .lessOrEqual: Kernel.test([a, b], count) { left[$0 * i] <= right[$0 * j] }
        case .greater: Kernel.test([a, b], count) { left[$0 * i] > right[$0 * j] }
        case .greaterOrEqual: Kernel.test([a, b], count) { left[$0 * i] >= right[$0 * j] }
        }
    }

    /// Compares with a three-way order of rows. `order` is called for null rows too.
    @inline(__always)
    private static func ordered(
        _ comparison: Comparison,
        _ a: Operand,
        _ b: Operand,
        _ count: Int,
        _ order: (Int) -> Int
    ) -> Operand {
        switch comparison {
        case .equal: Kernel.test([a, b], count) { order($0) == 0 }
        case .notEqual: Kernel.test([a, b], count) { order($0) != 0 }
        case .less: Kernel.test([a, b], count) { order($0) < 0 }
        case .lessOrEqual: Kernel.test([a, b], count) { order($0) <= 0 }
        case .greater: Kernel.test([a, b], count) { order($0) > 0 }
        case .greaterOrEqual: Kernel.test([a, b], count) { order($0) >= 0 }
        }
    }

    private static func decimals(
        _ comparison: Comparison,
        _ a: Operand,
        _ leftScale: Int,
        _ b: Operand,
        _ count: Int
    ) -> Operand {
        guard case .decimal(_, let rightScale) = b.type else { return Operand(.nulls(.boolean, count: count)) }
        if leftScale == rightScale { return values(comparison, a, b, Int128.self, count) }
        let left = a.vector.pointer(as: Int128.self)
        let right = b.vector.pointer(as: Int128.self)
        let (i, j) = (a.stride, b.stride)
        return ordered(comparison, a, b, count) { row in
            Decimals.compare(left[row * i], leftScale, right[row * j], rightScale)
        }
    }

    private static func raw(_ comparison: Comparison, _ a: Operand, _ b: Operand, _ count: Int) -> Operand {
        guard case .fixedWidth(let width) = a.type.layout else { return Operand(.nulls(.boolean, count: count)) }
        let (left, right) = (a.vector.values.base, b.vector.values.base)
        let (i, j) = (a.stride * width, b.stride * width)
        return ordered(comparison, a, b, count) { row in Int(memcmp(left + row * i, right + row * j, width)) }
    }

    private static func texts(_ comparison: Comparison, _ a: Operand, _ b: Operand, _ count: Int) -> Operand {
        if comparison == .equal || comparison == .notEqual {
            let wanted = comparison == .equal
            return Kernel.test([a, b], count) { row in
                let (left, right) = (a.bytes(row), b.bytes(row))
                return (left.count == right.count && isSame(left, right)) == wanted
            }
        }
        return ordered(comparison, a, b, count) { row in
            let (left, right) = (a.bytes(row), b.bytes(row))
            let shared = min(left.count, right.count)
            if shared > 0, let l = left.baseAddress, let r = right.baseAddress {
                let order = memcmp(l, r, shared)
                if order != 0 { return Int(order) }
            }
            return left.count - right.count
        }
    }

    @inline(__always)
    private static func isSame(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard let l = left.baseAddress, let r = right.baseAddress else { return true }
        return memcmp(l, r, left.count) == 0
    }
}
