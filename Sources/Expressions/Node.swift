import Columnar

/// A typed part of an expression, ready to run over batches.
struct Node: Sendable {
    /// The type of NULL before its surroundings give it one.
    static let untyped = FieldType.other("NULL")

    let type: FieldType
    /// As written; for messages.
    let text: String
    /// Unicode scalars of the text.
    let range: Range<Int>
    /// Whether a row may have no result.
    let canFail: Bool
    /// The value, when it is the same for every row.
    let constant: Operand?
    /// The column, when the node is nothing but one.
    let slot: Int?
    /// What must hold for a row to make this condition TRUE.
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

    /// An operation on other nodes. One on constants alone runs here and now, unless it fails: that is left to the rows
    /// that ask for it.
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

    /// The same condition with what is known to follow from it.
    func limited(by limits: [Limit]) -> Node {
        var node = self
        node.limits = limits
        return node
    }

    /// The same node under the name of a larger part of the text.
    func spanning(_ text: String, _ range: Range<Int>) -> Node {
        Node(type: type, text: text, range: range, canFail: canFail, constant: constant, slot: slot, run: run)
    }
}
