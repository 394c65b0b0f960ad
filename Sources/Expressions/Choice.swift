import Bytes
import Columnar
import Foundation

/// CASE and COALESCE: each row gets its value from one of several operands.
enum Choice {
    /// Each row takes the first branch whose condition is TRUE. The value of a branch can fail only for its own rows.
    static func firstTrue(
        _ branches: [(condition: Node, value: Node)],
        otherwise: Node?,
        as type: FieldType,
        _ evaluation: inout Evaluation
    ) -> Operand {
        let count = evaluation.count
        var open = bitmap(count, set: true)
        var choices = [Int32](repeating: -1, count: count)
        var operands: [Operand] = []
        for (index, branch) in branches.enumerated() {
            let condition = evaluation.restricted(to: open) { branch.condition.run(&$0) }
            let taken = combine(open, condition.truth(count), count) { $0 & $1 }
            open = combine(open, taken, count) { $0 & ~$1 }
            assign(Int32(index), to: taken, in: &choices)
            operands.append(evaluation.restricted(to: taken) { branch.value.run(&$0) })
        }
        if let otherwise {
            assign(Int32(branches.count), to: open, in: &choices)
            operands.append(evaluation.restricted(to: open) { otherwise.run(&$0) })
        }
        return Operand(merge(operands, choices, as: type, &evaluation))
    }

    /// Each row takes the first operand that is not null. Later operands can fail only for rows without a value so far.
    static func firstValue(_ nodes: [Node], as type: FieldType, _ evaluation: inout Evaluation) -> Operand {
        let count = evaluation.count
        var open = bitmap(count, set: true)
        var choices = [Int32](repeating: -1, count: count)
        var operands: [Operand] = []
        for (index, node) in nodes.enumerated() {
            let operand = evaluation.restricted(to: open) { node.run(&$0) }
            let null = Logic.isNull(operand, count).vector.values
            let taken = combine(open, null, count) { $0 & ~$1 }
            open = combine(open, null, count) { $0 & $1 }
            assign(Int32(index), to: taken, in: &choices)
            operands.append(operand)
        }
        return Operand(merge(operands, choices, as: type, &evaluation))
    }

    private static func assign(_ choice: Int32, to rows: Buffer, in choices: inout [Int32]) {
        for row in 0..<choices.count where Bitmap.isSet(rows.base, row) { choices[row] = choice }
    }

    private static func merge(
        _ operands: [Operand],
        _ choices: [Int32],
        as type: FieldType,
        _ evaluation: inout Evaluation
    ) -> ColumnVector {
        let count = choices.count
        let isNull = { (row: Int) in choices[row] < 0 || operands[Int(choices[row])].isNull(row) }
        let validity = bitmap(count) { !isNull($0) }
        switch type.layout {
        case .bits:
            let values = bitmap(count) { choices[$0] >= 0 && operands[Int(choices[$0])].boolean($0) }
            return ColumnVector(type: type, count: count, validity: validity, values: values)
        case .fixedWidth(let width):
            let sources = operands.map { ($0.vector.values.base, $0.stride * width) }
            let values = Buffer.filled(count: count * width) { target in
                target.initializeMemory(as: UInt8.self, repeating: 0)
                guard let out = target.baseAddress else { return }
                for row in 0..<count where choices[row] >= 0 {
                    let (source, stride) = sources[Int(choices[row])]
                    memcpy(out + row * width, source + row * stride, width)
                }
            }
            return ColumnVector(type: type, count: count, validity: validity, values: values)
        case .variableWidth, .nested:
            var output = TextOutput(rows: count, from: operands)
            var cut: [Int32] = []
            for row in 0..<count {
                if !isNull(row) { output.append(operands[Int(choices[row])].bytes(row)) }
                if output.endRow() { cut.append(Int32(row)) }
            }
            let (offsets, bytes) = output.finish()
            let merged = ColumnVector(type: type, count: count, validity: validity, values: offsets, bytes: bytes)
            return evaluation.settle(merged, invalid: cut) { _ in TextOutput.tooLong }
        }
    }
}
