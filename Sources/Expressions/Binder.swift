import Bytes
import Columnar

/// Resolves columns, checks types and builds executable nodes.
struct Binder {
    let text: [Unicode.Scalar]
    let scope: Scope
    private let schema: Schema
    /// Indices in the scope of the columns used so far, by slot.
    private(set) var slots: [Int] = []

    init(text: [Unicode.Scalar], scope: Scope) {
        self.text = text
        self.scope = scope
        self.schema = scope.schema
    }

    func source(_ range: Range<Int>) -> String { String(String.UnicodeScalarView(text[range])) }

    mutating func bind(_ syntax: Syntax) throws(ExpressionError) -> Node {
        let range = syntax.range
        switch syntax.kind {
        case .null: return Node(nullIn: range)
        case .literal(let scalar, let type): return Node(Operand(scalar, type), text: source(range), range: range)
        case .column(let qualifier, let name): return try column(qualifier, name, range)
        case .negate(let inner): return try negate(try bind(inner), range)
        case .arithmetic(let operation, let left, let right):
            return try arithmetic(operation, try bind(left), try bind(right), range)
        case .concatenate(let left, let right): return try call("CONCAT", [try bind(left), try bind(right)], range)
        case .compare(let comparison, let left, let right):
            return try compare(comparison, try bind(left), try bind(right), range)
        case .not(let inner):
            let operand = try boolean(try bind(inner), "NOT")
            return Node(.boolean, of: [operand], text: source(range), range: range) {
                Logic.not(operand.run(&$0), $0.count)
            }
        case .all(let parts):
            let nodes = try booleans(parts, "AND")
            let node = Node(.boolean, of: nodes, text: source(range), range: range) { Logic.all(nodes, &$0) }
            return node.limited(by: nodes.flatMap(\.limits))
        case .any(let parts):
            let nodes = try booleans(parts, "OR")
            return Node(.boolean, of: nodes, text: source(range), range: range) { Logic.any(nodes, &$0) }
        case .isNull(let inner):
            let operand = try bind(inner)
            return Node(.boolean, of: [operand], text: source(range), range: range) {
                Logic.isNull(operand.run(&$0), $0.count)
            }
        case .inList(let value, let list): return try inList(try bind(value), list, range)
        case .between(let value, let low, let high):
            let value = try bind(value)
            let atLeast = try compare(.greaterOrEqual, value, try bind(low), range)
            let atMost = try compare(.lessOrEqual, value, try bind(high), range)
            let node = Node(.boolean, of: [atLeast, atMost], text: source(range), range: range) {
                Logic.all([atLeast, atMost], &$0)
            }
            return node.limited(by: atLeast.limits + atMost.limits)
        case .like(let value, let pattern, let escape):
            return try like(
                try bind(value),
                try bind(pattern),
                try escape.map { e throws(ExpressionError) in try bind(e) },
                range
            )
        case .cast(let inner, let type, let isTry): return try cast(try bind(inner), to: type, isTry: isTry, range)
        case .choose(let branches, let otherwise): return try choose(branches, otherwise, range)
        case .call(let name, let arguments):
            var nodes: [Node] = []
            for argument in arguments { nodes.append(try bind(argument)) }
            return try call(name, nodes, range)
        }
    }

    private mutating func column(_ qualifier: String?, _ name: String, _ range: Range<Int>) throws(ExpressionError)
        -> Node
    {
        let index = try scope.index(qualifier: qualifier, name: name, at: range.lowerBound + 1)
        let type = schema.fields[index].type
        guard type.isPrimitive else {
            throw ExpressionError(
                "column '\(name)' is \(type.withArticle), which expressions do not read",
                position: range.lowerBound + 1
            )
        }
        let slot = slots.firstIndex(of: index) ?? slots.count
        if slot == slots.count { slots.append(index) }
        return Node(slot: slot, type: type, text: source(range), range: range)
    }

    // MARK: Conditions

    private mutating func booleans(_ parts: [Syntax], _ word: String) throws(ExpressionError) -> [Node] {
        var nodes: [Node] = []
        for part in parts { nodes.append(try boolean(try bind(part), word)) }
        return nodes
    }

    /// Requires a boolean or NULL.
    func boolean(_ node: Node, _ word: String) throws(ExpressionError) -> Node {
        if node.isNull { return try typed(node, as: .boolean) }
        guard node.type == .boolean else {
            throw ExpressionError(
                "\(word) needs a boolean, but \(node.text) is \(node.type.withArticle)",
                position: node.position
            )
        }
        return node
    }

    func compare(
        _ comparison: Comparison,
        _ left: Node,
        _ right: Node,
        _ range: Range<Int>
    ) throws(ExpressionError) -> Node {
        let (a, b) = try comparable(left, right, comparison.rawValue)
        let node = Node(.boolean, of: [a, b], text: source(range), range: range) {
            let l = a.run(&$0)
            return Comparing.run(comparison, l, b.run(&$0), $0.count)
        }
        // Use the node before conversion if it is a plain column, so that widened columns get limits too.
        return node.limited(by: Node.limits(comparison, left.slot == nil ? a : left, right.slot == nil ? b : right))
    }

    private mutating func inList(_ value: Node, _ list: [Syntax], _ range: Range<Int>) throws(ExpressionError) -> Node {
        var tests: [Node] = []
        for element in list {
            let element = try bind(element)
            tests.append(try compare(.equal, value, element, element.range))
        }
        let choices = tests
        let node = Node(.boolean, of: choices, text: source(range), range: range) { Logic.any(choices, &$0) }
        return node.limited(by: Node.limits(ofChoices: choices))
    }

    private func like(_ value: Node, _ pattern: Node, _ escape: Node?, _ range: Range<Int>) throws(ExpressionError)
        -> Node
    {
        let value = try string(value, "LIKE")
        let pattern = try string(pattern, "LIKE")
        var mark: UInt8? = UInt8(ascii: "\\")
        if let escape {
            guard case .string(let character)? = escape.constantValue, character.utf8.count <= 1 else {
                throw ExpressionError("ESCAPE takes one ASCII character as a literal", position: escape.position)
            }
            mark = character.utf8.first
        }
        let escapeMark = mark
        guard let constant = pattern.constant, !constant.isNullConstant else {
            return Node(.boolean, of: [value, pattern], text: source(range), range: range) {
                let (texts, patterns) = (value.run(&$0), pattern.run(&$0))
                return Kernel.test([texts, patterns], $0.count) { row in
                    if texts.isNull(row) || patterns.isNull(row) { return false }
                    return LikePattern(patterns.bytes(row), escape: escapeMark).matches(texts.bytes(row))
                }
            }
        }
        let compiled = LikePattern(constant.bytes(0), escape: escapeMark)
        return Node(.boolean, of: [value], text: source(range), range: range) {
            let texts = value.run(&$0)
            return Kernel.test([texts], $0.count) { row in !texts.isNull(row) && compiled.matches(texts.bytes(row)) }
        }
    }

    // MARK: Numbers

    private func negate(_ operand: Node, _ range: Range<Int>) throws(ExpressionError) -> Node {
        if operand.isNull { return operand }
        guard operand.type.isNumeric else {
            throw ExpressionError(
                "minus needs a number, but \(operand.text) is \(operand.type.withArticle)",
                position: operand.position
            )
        }
        // −x instead of 0 − x, to keep negative zero and the precision of decimals.
        return try call("-", [operand], range)
    }

    func arithmetic(
        _ operation: ArithmeticOperator,
        _ left: Node,
        _ right: Node,
        _ range: Range<Int>
    ) throws(ExpressionError) -> Node {
        for side in [left, right] where !side.isNull && !side.type.isNumeric {
            let advice = operation == .add && side.type == .string ? "texts are joined with ||" : nil
            throw ExpressionError(
                "\(operation.rawValue) needs numbers, but \(side.text) is \(side.type.withArticle)",
                position: side.position,
                advice: advice
            )
        }
        let a = left.isNull ? try typed(left, as: right.isNull ? .int : right.type) : left
        let b = right.isNull ? try typed(right, as: a.type) : right
        let type: FieldType
        let (x, y): (Node, Node)
        if let p = exact(a), let q = exact(b), !(a.type.isWhole && b.type.isWhole) {
            type = DecimalTypes.result(operation, p, q)
            x = try typed(a, as: .decimal(precision: p.precision, scale: p.scale))
            y = try typed(b, as: .decimal(precision: q.precision, scale: q.scale))
        } else {
            type = a.type == b.type ? a.type : a.type.isWhole && b.type.isWhole ? .long : .double
            x = try typed(a, as: type)
            y = try typed(b, as: type)
        }
        let text = source(range)
        return Node(type, of: [x, y], text: text, range: range, canFail: true) {
            let l = x.run(&$0)
            let r = y.run(&$0)
            var invalid: [Int32] = []
            let result = Arithmetic.run(operation, l, r, to: type, invalid: &invalid, $0.count)
            return Operand(
                $0.settle(result, invalid: invalid) { "\(text): \(Arithmetic.reason(operation, l, r, to: type, $0))" }
            )
        }
    }

    /// The precision and scale of a number in arithmetic; nil for float and double. A literal counts only its own
    /// digits.
    private func exact(_ node: Node) -> (precision: Int, scale: Int)? {
        switch node.type {
        case .decimal(let precision, let scale): return (precision, scale)
        case .int, .long:
            switch node.constantValue {
            case .int(let value)?: return (String(value.magnitude).count, 0)
            case .long(let value)?: return (String(value.magnitude).count, 0)
            default: return DecimalTypes.of(integer: node.type)
            }
        default: return nil
        }
    }

    // MARK: Choices

    private mutating func choose(
        _ branches: [Syntax.Branch],
        _ otherwise: Syntax?,
        _ range: Range<Int>
    ) throws(ExpressionError) -> Node {
        var conditions: [Node] = []
        var values: [Node] = []
        for branch in branches {
            conditions.append(try boolean(try bind(branch.condition), "WHEN"))
            values.append(try bind(branch.value))
        }
        if let otherwise { values.append(try bind(otherwise)) }
        let (type, typed) = try unified(values, "the values of CASE")
        if type == Node.untyped { return Node(nullIn: range) }
        let pairs = zip(conditions, typed).map { (condition: $0, value: $1) }
        let fallback = otherwise == nil ? nil : typed.last
        return Node(type, of: conditions + typed, text: source(range), range: range) {
            Choice.firstTrue(pairs, otherwise: fallback, as: type, &$0)
        }
    }
}
