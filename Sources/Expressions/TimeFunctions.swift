import Columnar
import Values

extension Binder {
    /// YEAR to SECOND (also written EXTRACT(YEAR FROM x)) and DATE_TRUNC. Timestamps with a zone are read as UTC.
    static let timeFunctions: [String: Function] = {
        var functions: [String: Function] = [
            "YEAR": field { day, _ in CivilDate(daysSinceEpoch: Int(day)).year },
            "QUARTER": field { day, _ in (CivilDate(daysSinceEpoch: Int(day)).month + 2) / 3 },
            "MONTH": field { day, _ in CivilDate(daysSinceEpoch: Int(day)).month },
            "DAY": field { day, _ in CivilDate(daysSinceEpoch: Int(day)).day },
            "HOUR": field(needsTime: true) { _, time in Int(time / 3_600_000_000) },
            "MINUTE": field(needsTime: true) { _, time in Int(time / 60_000_000 % 60) },
            "SECOND": field(needsTime: true) { _, time in Int(time / 1_000_000 % 60) },
        ]
        functions["DAYOFMONTH"] = functions["DAY"]
        functions["DATE_TRUNC"] = Function(arguments: 2...2) { binder, call throws(ExpressionError) in
            try binder.truncate(call)
        }
        return functions
    }()

    private static func field(
        needsTime: Bool = false,
        _ body: @escaping @Sendable (_ day: Int32, _ time: Int64) -> Int
    ) -> Function {
        Function(arguments: 1...1) { binder, call throws(ExpressionError) in
            let node = try binder.moment(call.arguments[0], call.name, needsTime: needsTime)
            return call.node(.int, of: [node]) { operands, count in
                // The year of a 32-bit day fits 32 bits, and all other fields are smaller.
                if operands[0].type == .date {
                    return Kernel.map(operands[0], to: .int, count) { (day: Int32) in
                        Int32(truncatingIfNeeded: body(day, 0))
                    }
                }
                return Kernel.map(operands[0], to: .int, count) { (value: Int64) in
                    let (day, time) = CivilTime.split(value)
                    return Int32(truncatingIfNeeded: body(day, time))
                }
            }
        }
    }

    private func moment(_ node: Node, _ function: String, needsTime: Bool) throws(ExpressionError) -> Node {
        if node.isNull { return try typed(node, as: .timestamp) }
        switch node.type {
        case .timestamp, .timestamptz: return node
        case .date where !needsTime: return node
        default:
            throw ExpressionError(
                "\(function) needs a \(needsTime ? "timestamp" : "date or timestamp"), but \(node.text) is \(node.type.withArticle)",
                position: node.position
            )
        }
    }

    /// DATE_TRUNC('unit', moment). The result has the type of `moment`.
    private func truncate(_ call: Call) throws(ExpressionError) -> Node {
        guard case .string(let name)? = call.arguments[0].constantValue,
            let unit = CivilUnit(rawValue: name.lowercased())
        else {
            throw ExpressionError(
                "DATE_TRUNC needs a unit as its first argument",
                position: call.arguments[0].position,
                advice: "one of '\(CivilUnit.allCases.map(\.rawValue).joined(separator: "', '"))'"
            )
        }
        let node = try moment(call.arguments[1], call.name, needsTime: false)
        let type = node.type
        if type == .date, unit == .day || unit.microseconds != nil { return node.spanning(call.text, call.range) }
        return call.node(
            type,
            of: [node],
            orFail: { operands, row in "\(operands[0].scalar(row).shown) is too early to be truncated" },
            run: { operands, count, invalid in
                if type == .date {
                    return Kernel.tryMap(operands[0], to: type, zero: 0, count, invalid: &invalid) {
                        (day: Int32) -> Int32? in Int32(exactly: unit.firstDay(day))
                    }
                }
                return Kernel.tryMap(operands[0], to: type, zero: 0, count, invalid: &invalid) {
                    (value: Int64) -> Int64? in unit.start(value)
                }
            }
        )
    }
}
