import Columnar

/// A typed, executable part of an expression.
struct Node: Sendable {
    /// The type of NULL before its context determines one.
    static let untyped = FieldType.other("NULL")

    let type: FieldType
    /// The source text, for messages.
    let text: String
    /// Range in the text, in Unicode scalars.
    let range: Range<Int>
    /// Whether evaluation can fail for a row.
    let canFail: Bool
    /// The value, if the node is constant.
    let constant: Operand?
    /// The column's slot, if the node is a plain column.
    let slot: Int?
    /// Conditions that hold for every row for which this condition is TRUE.
    private(set) var limits: [Limit] = []
    let run: @Sendable (inout Evaluation) -> Operand

    var position: Int { range.lowerBound + 1 }
    var isNull: Bool { type == Self.untyped }
    var constantValue: Scalar? { constant?.scalar(0) }

    private init(
        type: FieldType,
        text: String,
        range: Range<Int>,
        canFail: Bool,
        constant: Operand?,
        slot: Int?,
        run: @escaping @Sendable (inout Evaluation) -> Operand
    ) {
        self.type = type
        self.text = text
        self.range = range
        self.canFail = canFail
        self.constant = constant
        self.slot = slot
        self.run = run
    }

    /// A constant.
    init(_ operand: Operand, text: String, range: Range<Int>) {
        self.init(
            type: operand.type,
            text: text,
            range: range,
            canFail: false,
            constant: operand,
            slot: nil,
            run: { _ in operand }
        )
    }

    /// NULL without a type.
    init(nullIn range: Range<Int>) {
        let none = Operand(.nulls(.boolean, count: 1), isConstant: true)
        self.init(
            type: Self.untyped,
            text: "NULL",
            range: range,
            canFail: false,
            constant: none,
            slot: nil,
            run: { _ in none }
        )
    }

    /// A column.
    init(slot: Int, type: FieldType, text: String, range: Range<Int>) {
        self.init(
            type: type,
            text: text,
            range: range,
            canFail: false,
            constant: nil,
            slot: slot,
            run: { Operand($0.columns[slot]) }
        )
    }

    /// An operation on other nodes. If all inputs are constants, it is folded here. If folding fails, the operation is
    /// kept and fails at evaluation, for the active rows only.
    init(
        _ type: FieldType,
        of inputs: [Node],
        text: String,
        range: Range<Int>,
        canFail: Bool = false,
        run: @escaping @Sendable (inout Evaluation) -> Operand
    ) {
        var constant: Operand?
        if !inputs.isEmpty, inputs.allSatisfy({ $0.constant != nil }) {
            var evaluation = Evaluation(columns: [], count: 1)
            let result = run(&evaluation)
            if evaluation.failures.isEmpty { constant = Operand(result.vector, isConstant: true) }
        }
        let isConstant = constant != nil
        var runFolded = run
        if let constant { runFolded = { _ in constant } }
        self.init(
            type: type,
            text: text,
            range: range,
            canFail: !isConstant && (canFail || inputs.contains { $0.canFail }),
            constant: constant,
            slot: nil,
            run: runFolded
        )
    }

    /// The same condition with the limits that follow from it.
    func limited(by limits: [Limit]) -> Node {
        var node = self
        node.limits = limits
        return node
    }

    /// The same node with the text and range of an enclosing expression.
    func spanning(_ text: String, _ range: Range<Int>) -> Node {
        Node(type: type, text: text, range: range, canFail: canFail, constant: constant, slot: slot, run: run)
    }
}
