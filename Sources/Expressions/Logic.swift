import Bytes
import Columnar

/// AND, OR and NOT with SQL's three-valued logic, on bitmaps: eight rows at a time.
enum Logic {
    /// Builds a boolean column from bitmaps of the TRUE and the FALSE rows. Other rows are NULL.
    static func vector(truth: Buffer, falsehood: Buffer, _ count: Int) -> Operand {
        let known = combine(truth, falsehood, count) { $0 | $1 }
        let rows = Bitmap.countSet(known.base, count)
        let validity = rows == count ? nil : known
        return Operand(ColumnVector(type: .boolean, count: count, validity: validity, values: truth))
    }

    static func not(_ a: Operand, _ count: Int) -> Operand {
        vector(truth: a.falsehood(count), falsehood: a.truth(count), count)
    }

    /// Conjunction. A part can fail only for rows that are not FALSE so far, so `d <> 0 AND n / d > 2` does not fail
    /// for `d = 0`.
    static func all(_ parts: [Node], _ evaluation: inout Evaluation) -> Operand {
        let count = evaluation.count
        let first = parts[0].run(&evaluation)
        var (truth, falsehood) = (first.truth(count), first.falsehood(count))
        for part in parts.dropFirst() {
            let open = part.canFail ? combine(falsehood, falsehood, count) { a, _ in ~a } : nil
            let operand = open.map { evaluation.restricted(to: $0) { part.run(&$0) } } ?? part.run(&evaluation)
            truth = combine(truth, operand.truth(count), count) { $0 & $1 }
            falsehood = combine(falsehood, operand.falsehood(count), count) { $0 | $1 }
        }
        return vector(truth: truth, falsehood: falsehood, count)
    }

    /// Disjunction. A part can fail only for rows that are not TRUE so far.
    static func any(_ parts: [Node], _ evaluation: inout Evaluation) -> Operand {
        let count = evaluation.count
        let first = parts[0].run(&evaluation)
        var (truth, falsehood) = (first.truth(count), first.falsehood(count))
        for part in parts.dropFirst() {
            let open = part.canFail ? combine(truth, truth, count) { a, _ in ~a } : nil
            let operand = open.map { evaluation.restricted(to: $0) { part.run(&$0) } } ?? part.run(&evaluation)
            truth = combine(truth, operand.truth(count), count) { $0 | $1 }
            falsehood = combine(falsehood, operand.falsehood(count), count) { $0 & $1 }
        }
        return vector(truth: truth, falsehood: falsehood, count)
    }

    static func isNull(_ a: Operand, _ count: Int) -> Operand {
        let values: Buffer
        if a.isConstant {
            values = bitmap(count, set: a.vector.isNull(0))
        } else if let validity = a.vector.validity {
            values = combine(validity, validity, count) { bits, _ in ~bits }
        } else {
            values = bitmap(count, set: false)
        }
        return Operand(ColumnVector(type: .boolean, count: count, validity: nil, values: values))
    }
}
