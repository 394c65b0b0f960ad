import Bytes
import Columnar

/// A function's argument count and node builder.
struct Function: Sendable {
    let arguments: ClosedRange<Int>
    let build: @Sendable (Binder, Call) throws(ExpressionError) -> Node
}

/// A function call.
struct Call: Sendable {
    let name: String
    let arguments: [Node]
    let text: String
    let range: Range<Int>

    /// Builds the node of a function that cannot fail.
    func node(
        _ type: FieldType,
        of inputs: [Node],
        run: @escaping @Sendable ([Operand], Int) -> Operand
    ) -> Node {
        Node(type, of: inputs, text: text, range: range) { evaluation in
            var operands: [Operand] = []
            for input in inputs { operands.append(input.run(&evaluation)) }
            return run(operands, evaluation.count)
        }
    }

    /// Builds the node of a function that can fail for a row.
    func node(
        _ type: FieldType,
        of inputs: [Node],
        orFail reason: @escaping @Sendable ([Operand], Int) -> String,
        run: @escaping @Sendable ([Operand], Int, inout [Int32]) -> ColumnVector
    ) -> Node {
        let text = self.text
        return Node(type, of: inputs, text: text, range: range, canFail: true) { evaluation in
            var operands: [Operand] = []
            for input in inputs { operands.append(input.run(&evaluation)) }
            var invalid: [Int32] = []
            let result = run(operands, evaluation.count, &invalid)
            return Operand(evaluation.settle(result, invalid: invalid) { "\(text): \(reason(operands, $0))" })
        }
    }
}

extension Binder {
    /// All functions, by name.
    static let functions: [String: Function] = textFunctions.merging(numberFunctions) { first, _ in first }
        .merging(timeFunctions) { first, _ in first }
        .merging(choiceFunctions) { first, _ in first }

    func call(_ name: String, _ arguments: [Node], _ range: Range<Int>) throws(ExpressionError) -> Node {
        guard let function = Self.functions[name] else {
            let known = Self.functions.keys.filter { $0 != "-" }
            throw ExpressionError(
                "unknown function \(name)",
                position: range.lowerBound + 1,
                advice: NearestName.advice(for: name, among: Array(known))
            )
        }
        guard function.arguments.contains(arguments.count) else {
            let (least, most) = (function.arguments.lowerBound, function.arguments.upperBound)
            let wanted = least == most ? "\(least)" : most == Int.max ? "at least \(least)" : "\(least) to \(most)"
            throw ExpressionError(
                "\(name) takes \(wanted) argument\(wanted == "1" ? "" : "s"), not \(arguments.count)",
                position: range.lowerBound + 1
            )
        }
        return try function.build(self, Call(name: name, arguments: arguments, text: source(range), range: range))
    }

    private static let choiceFunctions: [String: Function] = {
        let coalesce: @Sendable (Binder, Call) throws(ExpressionError) -> Node = {
            binder,
            call throws(ExpressionError) in
            let (type, nodes) = try binder.unified(call.arguments, "the values of \(call.name)")
            if type == Node.untyped { return Node(nullIn: call.range) }
            return Node(type, of: nodes, text: call.text, range: call.range) { Choice.firstValue(nodes, as: type, &$0) }
        }
        return [
            "COALESCE": Function(arguments: 1...Int.max, build: coalesce),
            "IFNULL": Function(arguments: 2...2, build: coalesce),
            "NULLIF": Function(arguments: 2...2) { binder, call throws(ExpressionError) in
                let value = call.arguments[0]
                if value.isNull { return value }
                let isSame = try binder.compare(.equal, value, call.arguments[1], call.range)
                let null = try binder.typed(Node(nullIn: call.range), as: value.type)
                let branches = [(condition: isSame, value: null)]
                return Node(value.type, of: [value, isSame], text: call.text, range: call.range) {
                    Choice.firstTrue(branches, otherwise: value, as: value.type, &$0)
                }
            },
            "IF": Function(arguments: 3...3) { binder, call throws(ExpressionError) in
                let condition = try binder.boolean(call.arguments[0], "IF")
                let (type, values) = try binder.unified(Array(call.arguments.dropFirst()), "the values of IF")
                if type == Node.untyped { return Node(nullIn: call.range) }
                let branches = [(condition: condition, value: values[0])]
                return Node(type, of: [condition] + values, text: call.text, range: call.range) {
                    Choice.firstTrue(branches, otherwise: values[1], as: type, &$0)
                }
            },
        ]
    }()
}
