import Columnar

extension Binder {
    /// YEAR to SECOND (also written EXTRACT(YEAR FROM x)) and DATE_TRUNC. Timestamps with a zone are read as UTC.
    static let timeFunctions: [String: Function] = {
        var functions: [String: Function] = [
            "YEAR": field { day, _ in CivilTime.date(ofDay: day).year },
            "QUARTER": field { day, _ in (CivilTime.date(ofDay: day).month + 2) / 3 },
            "MONTH": field { day, _ in CivilTime.date(ofDay: day).month },
            "DAY": field { day, _ in CivilTime.date(ofDay: day).day },
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
        _ body: @escaping @Sendable (_ day: Int, _ time: Int64) -> Int
    ) -> Function {
        Function(arguments: 1...1) { binder, call throws(ExpressionError) in
            let node = try binder.moment(call.arguments[0], call.name, needsTime: needsTime)
            return call.node(.int, of: [node]) { operands, count in
                if operands[0].type == .date {
                    return Kernel.map(operands[0], to: .int, count) { (day: Int32) in Int32(clamping: body(Int(day), 0))
                    }
                }
                return Kernel.map(operands[0], to: .int, count) { (value: Int64) in
                    let (day, time) = CivilTime.split(value)
                    return Int32(clamping: body(day, time))
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
                "\(function) needs a \(needsTime ? "timestamp" : "date or timestamp"), but \(node.text) is a \(node.type)",
                position: node.position
            )
        }
    }

    /// DATE_TRUNC('unit', moment) keeps the type of the moment.
    private func truncate(_ call: Call) throws(ExpressionError) -> Node {
        let units = ["year", "quarter", "month", "week", "day", "hour", "minute", "second"]
        guard case .string(let unit)? = call.arguments[0].constantValue, units.contains(unit.lowercased()) else {
            throw ExpressionError(
                "DATE_TRUNC needs a unit as its first argument",
                position: call.arguments[0].position,
                advice: "one of '\(units.joined(separator: "', '"))'"
            )
        }
        let node = try moment(call.arguments[1], call.name, needsTime: false)
        let name = unit.lowercased()
        let seconds: Int64? = ["hour": 3600, "minute": 60, "second": 1][name]
        let type = node.type
        if type == .date {
            if seconds != nil || name == "day" { return node.spanning(call.text, call.range) }
            return call.node(type, of: [node]) { operands, count in
                Kernel.map(operands[0], to: type, count) { (day: Int32) in
                    Int32(clamping: Self.firstDay(of: name, day: Int(day)))
                }
            }
        }
        return call.node(
            type,
            of: [node],
            orFail: { operands, row in "\(operands[0].scalar(row).shown) is too early to be truncated" },
            run: { operands, count, invalid in
                Kernel.tryMap(operands[0], to: type, zero: 0, count, invalid: &invalid) { (value: Int64) -> Int64? in
                    let (day, time) = CivilTime.split(value)
                    let rest = seconds.map { time / ($0 * 1_000_000) * $0 * 1_000_000 } ?? 0
                    let first = seconds == nil ? Self.firstDay(of: name, day: day) : day
                    guard let start = CivilTime.midnight(ofDay: first) else { return nil }
                    let (sum, overflow) = start.addingReportingOverflow(rest)
                    return overflow ? nil : sum
                }
            }
        )
    }

    private static func firstDay(of unit: String, day: Int) -> Int {
        let date = CivilTime.date(ofDay: day)
        switch unit {
        case "year": return CivilTime.day(of: CivilTime.Date(year: date.year, month: 1, day: 1))
        case "quarter":
            return CivilTime.day(of: CivilTime.Date(year: date.year, month: (date.month - 1) / 3 * 3 + 1, day: 1))
        case "month": return CivilTime.day(of: CivilTime.Date(year: date.year, month: date.month, day: 1))
        // 1970-01-01 was a Thursday; weeks begin on Monday.
        case "week": return day - ((day + 3) % 7 + 7) % 7
        default: return day
        }
    }
}
