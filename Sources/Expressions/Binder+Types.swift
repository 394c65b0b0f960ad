import Columnar

extension Binder {
    /// An explicit CAST.
    func cast(_ node: Node, to type: FieldType, isTry: Bool, _ range: Range<Int>) throws(ExpressionError) -> Node {
        if node.isNull { return Node(Operand(.null, type), text: source(range), range: range) }
        guard Cast.isPossible(from: node.type, to: type) else {
            throw ExpressionError(
                "cannot cast \(node.text) from \(node.type) to \(type)",
                position: range.lowerBound + 1
            )
        }
        return conversion(of: node, to: type, isTry: isTry, source(range), range)
    }

    /// Converts a node implicitly: NULL to any type, numbers to wider ones.
    func typed(_ node: Node, as type: FieldType) throws(ExpressionError) -> Node {
        if node.type == type { return node }
        if node.isNull { return Node(Operand(.null, type), text: node.text, range: node.range) }
        return conversion(of: node, to: type, isTry: false, node.text, node.range)
    }

    private func conversion(
        of node: Node,
        to type: FieldType,
        isTry: Bool,
        _ text: String,
        _ range: Range<Int>
    ) -> Node {
        if node.type == type { return node.spanning(text, range) }
        let canFail = !isTry && !Cast.isTotal(from: node.type, to: type)
        return Node(type, of: [node], text: text, range: range, canFail: canFail) {
            let operand = node.run(&$0)
            var invalid: [Int32] = []
            let result = Cast.run(operand, to: type, invalid: &invalid, $0.count)
            return Operand(
                $0.settle(result, invalid: invalid, isTry: isTry) {
                    "\(text): cannot cast \(operand.scalar($0).shown) to \(type)"
                }
            )
        }
    }

    /// Converts both sides to one type, or to two decimals. A string literal takes the type of the other side, as in
    /// `created_at > '2024-05-06'`.
    func comparable(_ left: Node, _ right: Node, _ operation: String) throws(ExpressionError) -> (
        left: Node, right: Node
    ) {
        if left.isNull, right.isNull { return (try typed(left, as: .boolean), try typed(right, as: .boolean)) }
        if left.isNull { return (try typed(left, as: right.type), right) }
        if right.isNull { return (left, try typed(right, as: left.type)) }
        if left.type == right.type { return (left, right) }
        if let literal = try literal(left, as: right.type) { return (literal, right) }
        if let literal = try literal(right, as: left.type) { return (left, literal) }
        // Decimals compare at any scale, so they are not converted to a common type, which may have a smaller scale.
        switch (left.type, right.type) {
        case (.decimal, _), (_, .decimal):
            if let a = try decimal(left), let b = try decimal(right) { return (a, b) }
        default: break
        }
        guard let type = commonType(left.type, right.type) else {
            let narrower = left.type == .string ? right : left
            let wider = left.type == .string ? left : right
            throw ExpressionError(
                "cannot compare \(left.text) (\(left.type)) with \(right.text) (\(right.type))",
                position: left.position,
                advice: Self.advice(comparing: wider, with: narrower)
            )
        }
        return (try typed(left, as: type), try typed(right, as: type))
    }

    /// A literal without quotes beside a text is a text whose quotes are missing. Other values can be cast.
    private static func advice(comparing wider: Node, with narrower: Node) -> String? {
        let isWord = narrower.text.allSatisfy { $0.isLetter || $0.isNumber || "-+._".contains($0) }
        if wider.type == .string, wider.constant == nil, narrower.constant != nil, isWord {
            return "write '\(narrower.text)' in single quotes: \(wider.text) is a text"
        }
        for (number, moment) in [(wider, narrower), (narrower, wider)] where number.type.isNumeric {
            switch moment.type {
            case .date, .time, .timestamp, .timestamptz: return moment.type.writtenForm
            default: break
            }
        }
        guard Cast.isPossible(from: wider.type, to: narrower.type) else { return nil }
        if narrower.type.isNumeric, case .string(let text)? = wider.constantValue {
            return Double(text) == nil ? nil : "write \(text) without quotes: \(narrower.text) is a number"
        }
        return "convert one side, as in CAST(\(wider.text) AS \(narrower.type))"
    }

    /// A decimal, or a whole number converted to one; nil for other types.
    private func decimal(_ node: Node) throws(ExpressionError) -> Node? {
        if case .decimal = node.type { return node }
        guard node.type.isWhole else { return nil }
        let digits = DecimalTypes.of(integer: node.type)
        return try typed(node, as: .decimal(precision: digits.precision, scale: digits.scale))
    }

    /// Converts a string literal to a date, time, timestamp or uuid.
    private func literal(_ node: Node, as type: FieldType) throws(ExpressionError) -> Node? {
        guard node.type == .string, case .string(let text)? = node.constantValue else { return nil }
        switch type {
        case .date, .time, .timestamp, .timestamptz, .uuid: break
        default: return nil
        }
        guard let scalar = Scalar(parsing: text, as: type) else {
            throw ExpressionError("'\(text)' is no \(type)", position: node.position, advice: type.writtenForm)
        }
        return Node(Operand(scalar, type), text: node.text, range: node.range)
    }

    /// The common type of two types; nil if there is none.
    func commonType(_ left: FieldType, _ right: FieldType) -> FieldType? {
        if left == right { return left }
        switch (left, right) {
        case (.int, .long), (.long, .int): return .long
        case (.date, .timestamp), (.timestamp, .date): return .timestamp
        case (.date, .timestamptz), (.timestamptz, .date): return .timestamptz
        case _ where left.isNumeric && right.isNumeric:
            let exact = { (type: FieldType) -> (precision: Int, scale: Int)? in
                if case .decimal(let precision, let scale) = type { return (precision, scale) }
                return type.isWhole ? DecimalTypes.of(integer: type) : nil
            }
            guard let a = exact(left), let b = exact(right) else { return .double }
            let scale = max(a.scale, b.scale)
            let whole = max(a.precision - a.scale, b.precision - b.scale)
            return DecimalTypes.adjusted(precision: whole + scale, scale: scale)
        default: return nil
        }
    }

    /// Converts values to their common type.
    func unified(_ nodes: [Node], _ what: String) throws(ExpressionError) -> (type: FieldType, nodes: [Node]) {
        var type: FieldType?
        for node in nodes where !node.isNull {
            guard let known = type else {
                type = node.type
                continue
            }
            guard let common = commonType(known, node.type) else {
                throw ExpressionError(
                    "\(what) differ in type: \(node.text) is \(node.type.withArticle), the values before it are \(known)",
                    position: node.position,
                    advice: "convert them with CAST"
                )
            }
            type = common
        }
        guard let type else { return (Node.untyped, nodes) }
        var converted: [Node] = []
        for node in nodes { converted.append(try typed(node, as: type)) }
        return (type, converted)
    }

    /// Requires a string.
    func string(_ node: Node, _ function: String) throws(ExpressionError) -> Node {
        if node.isNull { return try typed(node, as: .string) }
        guard node.type == .string else {
            throw ExpressionError(
                "\(function) needs a string, but \(node.text) is \(node.type.withArticle)",
                position: node.position,
                advice: Cast.isPossible(from: node.type, to: .string) ? "write CAST(\(node.text) AS STRING)" : nil
            )
        }
        return node
    }

    /// Requires a whole number and converts it to a long.
    func whole(_ node: Node, _ function: String) throws(ExpressionError) -> Node {
        guard node.isNull || node.type.isWhole else {
            throw ExpressionError(
                "\(function) needs a whole number, but \(node.text) is \(node.type.withArticle)",
                position: node.position
            )
        }
        return try typed(node, as: .long)
    }
}
