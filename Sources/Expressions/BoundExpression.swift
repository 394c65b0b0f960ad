import Bytes
import Columnar

/// An expression bound to a schema, ready to evaluate batches.
public struct BoundExpression: Sendable {
    /// The text it was parsed from.
    public let text: String
    public let type: FieldType
    /// The columns it reads.
    public let fields: [Field]
    /// Indices of those columns in the schema it was bound to.
    let slotColumns: [Int]
    let node: Node

    init(text: String, node: Node, schema: Schema, slots: [Int]) {
        self.text = text
        self.node = node
        type = node.type
        slotColumns = slots
        fields = slots.map { schema.fields[$0] }
    }

    /// If the expression is a plain column: its index in the schema it was bound to.
    public var column: Int? { node.slot.map { slotColumns[$0] } }
    /// The value, if the expression is constant.
    public var constant: Scalar? { node.constantValue }

    /// The value of each row, and the failed rows with their reasons, ascending. Failed rows are null.
    ///
    /// The batch must have the schema the expression was bound to, or contain its columns by field id.
    public func evaluate(_ batch: ColumnBatch) throws(WeirError) -> (column: ColumnVector, failures: [RowFailure]) {
        var evaluation = Evaluation(columns: try columns(of: batch), count: batch.count)
        let result = spread(node.run(&evaluation), &evaluation)
        if evaluation.failures.isEmpty { return (result, []) }
        let failures = evaluation.failures.sorted { $0.row < $1.row }
        return (result.nulling(failures.lazy.map { Int32($0.row) }), failures)
    }

    /// Expands constants to one value per row. Fails the rows if repeating a constant string exceeds the growth limit.
    private func spread(_ operand: Operand, _ evaluation: inout Evaluation) -> ColumnVector {
        let count = evaluation.count
        let room = TextOutput.maximumGrowth / max(count, 1)
        guard operand.isConstant, let bytes = operand.vector.bytes, bytes.count > room, !operand.isNullConstant else {
            return operand.expanded(to: count)
        }
        for row in 0..<count { evaluation.fail(row, "\(text): \(TextOutput.tooLong)") }
        return .nulls(type, count: count)
    }

    /// The rows for which the condition is TRUE, ascending, and the failed rows.
    public func select(_ batch: ColumnBatch) throws(WeirError) -> (rows: [Int32], failures: [RowFailure]) {
        precondition(type == .boolean, "only a condition selects rows")
        let (column, failures) = try evaluate(batch)
        let truth = Operand(column).truth(batch.count)
        var rows: [Int32] = []
        rows.reserveCapacity(Bitmap.countSet(truth.base, batch.count))
        for row in 0..<batch.count where Bitmap.isSet(truth.base, row) { rows.append(Int32(row)) }
        return (rows, failures)
    }

    private func columns(of batch: ColumnBatch) throws(WeirError) -> [ColumnVector] {
        var columns: [ColumnVector] = []
        for (bound, field) in zip(slotColumns, fields) {
            let isUnmoved =
                bound < batch.schema.count && batch.schema.fields[bound].name == field.name
                && batch.schema.fields[bound].id == field.id
            guard let index = isUnmoved ? bound : batch.schema.index(ofField: field.id),
                batch.columns[index].type == field.type
            else {
                throw WeirError(
                    .invalid,
                    "the batch has no column '\(field.name)' of type \(field.type)",
                    at: "expression \(text)"
                )
            }
            columns.append(batch.columns[index])
        }
        return columns
    }
}
