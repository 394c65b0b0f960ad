import Bytes
import Columnar

extension BoundExpression {
    /// Converts the condition to a scan filter. Bounds come from top-level AND operands that compare a column with a
    /// literal, if the column's type can represent the literal exactly.
    public func rowFilter() -> RowFilter {
        precondition(type == .boolean, "only a condition filters rows")
        return RowFilter(fields: Set(fields.map(\.id)), bounds: bounds) { batch throws(WeirError) in
            let (rows, failures) = try select(batch)
            if let first = failures.first {
                throw WeirError(
                    .invalid,
                    first.reason,
                    at: "filter \(text)",
                    advice: "exclude such rows by a condition in front of it, or use TRY_CAST"
                )
            }
            return rows
        }
    }

    private var bounds: [RowFilter.Bound] {
        node.limits.flatMap { limit -> [RowFilter.Bound] in
            let field = fields[limit.slot]
            guard let value = limit.value.exactly(field.type) else { return [] }
            return [RowFilter.Bound(field: field.id, limit.comparison, value)]
        }
    }
}
