import Columnar
import Foundation
import Values

extension Binder {
    /// Minus, ABS, ROUND, FLOOR, CEIL and MOD.
    static let numberFunctions: [String: Function] = [
        "-": Function(arguments: 1...1) { binder, call throws(ExpressionError) in
            try binder.unary(call) {
                -$0
            } whole: {
                $0 == .min ? nil : -$0
            }
        },
        "ABS": Function(arguments: 1...1) { binder, call throws(ExpressionError) in
            try binder.unary(call) {
                $0.magnitude
            } whole: {
                $0 == .min ? nil : abs($0)
            }
        },
        "FLOOR": Function(arguments: 1...1) { binder, call throws(ExpressionError) in
            try binder.toWhole(call, .down)
        },
        "CEIL": Function(arguments: 1...1) { binder, call throws(ExpressionError) in try binder.toWhole(call, .up) },
        "CEILING": Function(arguments: 1...1) { binder, call throws(ExpressionError) in try binder.toWhole(call, .up) },
        "ROUND": Function(arguments: 1...2) { binder, call throws(ExpressionError) in try binder.round(call) },
        "MOD": Function(arguments: 2...2) { binder, call throws(ExpressionError) in
            try binder.arithmetic(.remainder, call.arguments[0], call.arguments[1], call.range)
        },
    ]

    private func number(_ call: Call) throws(ExpressionError) -> Node {
        let node = call.arguments[0]
        if node.isNull { return try typed(node, as: .int) }
        guard node.type.isNumeric else {
            throw ExpressionError(
                "\(call.name) needs a number, but \(node.text) is \(node.type.withArticle)",
                position: node.position
            )
        }
        return node
    }

    /// A function that keeps its operand's type. The minimum of an integer type may have no result.
    private func unary(
        _ call: Call,
        binary: @escaping @Sendable (Double) -> Double,
        whole: @escaping @Sendable (Int128) -> Int128?
    ) throws(ExpressionError) -> Node {
        let node = try number(call)
        let type = node.type
        return call.node(
            type,
            of: [node],
            orFail: { operands, row in "\(operands[0].scalar(row).shown) has no counterpart that fits \(type)" },
            run: { operands, count, invalid in
                let a = operands[0]
                switch type {
                case .float: return Kernel.map(a, to: type, count) { (v: Float) in Float(binary(Double(v))) }.vector
                case .double: return Kernel.map(a, to: type, count) { (v: Double) in binary(v) }.vector
                case .int:
                    return Kernel.tryMap(a, to: type, zero: 0, count, invalid: &invalid) { (v: Int32) in
                        whole(Int128(v)).flatMap { Int32(exactly: $0) }
                    }
                case .long:
                    return Kernel.tryMap(a, to: type, zero: 0, count, invalid: &invalid) { (v: Int64) in
                        whole(Int128(v)).flatMap { Int64(exactly: $0) }
                    }
                default:
                    return Kernel.tryMap(a, to: type, zero: 0, count, invalid: &invalid) { (v: Int128) in whole(v) }
                }
            }
        )
    }

    /// FLOOR and CEIL. Integers are unchanged, floats and doubles keep their type, decimals get scale 0.
    private func toWhole(_ call: Call, _ rule: FloatingPointRoundingRule) throws(ExpressionError) -> Node {
        let node = try number(call)
        switch node.type {
        case .float:
            return call.node(.float, of: [node]) { operands, count in
                Kernel.map(operands[0], to: .float, count) { (v: Float) in v.rounded(rule) }
            }
        case .double:
            return call.node(.double, of: [node]) { operands, count in
                Kernel.map(operands[0], to: .double, count) { (v: Double) in v.rounded(rule) }
            }
        case .decimal(let precision, let scale):
            let type = FieldType.decimal(precision: min(38, max(1, precision - scale + 1)), scale: 0)
            let unit = Int128(PowersOfTen.wide[scale])
            return call.node(type, of: [node]) { operands, count in
                Kernel.map(operands[0], to: type, count) { (v: Int128) in
                    let (quotient, rest) = v.quotientAndRemainder(dividingBy: unit)
                    return rest == 0
                        ? quotient : rule == .up ? (v > 0 ? quotient + 1 : quotient) : (v < 0 ? quotient - 1 : quotient)
                }
            }
        default: return node.spanning(call.text, call.range)
        }
    }

    /// ROUND(x [, digits]), half away from zero. `digits` must be a literal; negative digits round before the decimal
    /// point.
    private func round(_ call: Call) throws(ExpressionError) -> Node {
        let node = try number(call)
        var digits = 0
        if call.arguments.count == 2 {
            guard case .int(let value)? = call.arguments[1].constantValue, -38...38 ~= value else {
                throw ExpressionError(
                    "the digits of ROUND are a whole number from -38 to 38, written as a literal",
                    position: call.arguments[1].position
                )
            }
            digits = Int(value)
        }
        let decimals = digits
        switch node.type {
        case .float, .double:
            let unit = pow(10, Double(abs(decimals)))
            let x = try typed(node, as: .double)
            let rounded = call.node(.double, of: [x]) { operands, count in
                Kernel.map(operands[0], to: .double, count) { (v: Double) in
                    if decimals < 0 { return (v / unit).rounded(.toNearestOrAwayFromZero) * unit }
                    let scaled = v * unit
                    // From 2^53 on every double is an integer.
                    return abs(scaled) < 0x1p53 ? scaled.rounded(.toNearestOrAwayFromZero) / unit : v
                }
            }
            return rounded
        case .decimal(let precision, let scale):
            let kept = max(0, min(scale, decimals))
            let type = FieldType.decimal(precision: min(38, precision - scale + kept + 1), scale: kept)
            return rounded(call, node, type, from: scale, decimals)
        default:
            if decimals >= 0 { return node.spanning(call.text, call.range) }
            let x = try typed(node, as: .decimal(precision: 19, scale: 0))
            let whole = rounded(call, x, .decimal(precision: 20, scale: 0), from: 0, decimals)
            return try cast(whole, to: node.type, isTry: false, call.range)
        }
    }

    private func rounded(_ call: Call, _ node: Node, _ type: FieldType, from scale: Int, _ decimals: Int) -> Node {
        guard case .decimal(let precision, let kept) = type else { return node }
        return call.node(
            type,
            of: [node],
            orFail: { operands, row in "\(operands[0].scalar(row).shown) rounded does not fit \(type)" },
            run: { operands, count, invalid in
                Kernel.tryMap(operands[0], to: type, zero: 0, count, invalid: &invalid) { (v: Int128) -> Int128? in
                    // Negative digits: drop the digits before the decimal point like fractional ones, then pad with
                    // zeros.
                    let drop = scale - decimals
                    guard drop > 0 else { return Decimals.rescale(v, from: scale, to: kept) }
                    if drop > 38 { return 0 }
                    guard let cut = Decimals.rescale(v, from: drop, to: 0),
                        let value = Decimals.rescale(cut, from: 0, to: max(0, -decimals)),
                        Decimals.fits(value, precision)
                    else { return nil }
                    return value
                }
            }
        )
    }
}
