import Bytes
import Columnar

extension Binder {
    /// String functions. Lengths and positions are in code points; positions start at 1.
    static let textFunctions: [String: Function] = [
        "UPPER": mapping { bytes, output in changeCase(bytes, &output, 97...122) { $0.uppercased() } },
        "LOWER": mapping { bytes, output in changeCase(bytes, &output, 65...90) { $0.lowercased() } },
        "REVERSE": mapping { bytes, output in
            var end = bytes.count
            while end > 0 {
                let start = bytes.previousCodePoint(before: end)
                output.append(bytes.part(start..<end))
                end = start
            }
        },
        "TRIM": trimming(left: true, right: true),
        "LTRIM": trimming(left: true, right: false),
        "RTRIM": trimming(left: false, right: true),
        "LENGTH": length, "CHAR_LENGTH": length, "CHARACTER_LENGTH": length,
        "SUBSTRING": substring, "SUBSTR": substring,
        "LEFT": Function(arguments: 2...2) { binder, call throws(ExpressionError) in
            try binder.cut(call) { bytes, length in
                bytes.part(0..<bytes.byteOffset(ofCodePoint: Int(clamping: length)))
            }
        },
        "RIGHT": Function(arguments: 2...2) { binder, call throws(ExpressionError) in
            try binder.cut(call) { bytes, length in
                var start = bytes.count
                var left = Int(clamping: length)
                while left > 0, start > 0 {
                    start = bytes.previousCodePoint(before: start)
                    left -= 1
                }
                return bytes.part(start..<bytes.count)
            }
        },
        "LPAD": Function(arguments: 2...3) { binder, call throws(ExpressionError) in try binder.pad(call, isLeft: true)
        },
        "RPAD": Function(arguments: 2...3) { binder, call throws(ExpressionError) in try binder.pad(call, isLeft: false)
        },
        "REPLACE": Function(arguments: 3...3) { binder, call throws(ExpressionError) in
            try binder.text(call) { operands, row, output in
                replace(operands[0].bytes(row), operands[1].bytes(row), by: operands[2].bytes(row), &output)
            }
        },
        "CONCAT": Function(arguments: 1...Int.max) { binder, call throws(ExpressionError) in
            try binder.text(call) { operands, row, output in
                for operand in operands { output.append(operand.bytes(row)) }
            }
        },
        "CONCAT_WS": Function(arguments: 1...Int.max) { binder, call throws(ExpressionError) in try binder.join(call) },
        "SPLIT_PART": Function(arguments: 3...3) { binder, call throws(ExpressionError) in
            let inputs = [
                try binder.string(call.arguments[0], call.name), try binder.string(call.arguments[1], call.name),
                try binder.whole(call.arguments[2], call.name),
            ]
            return call.text(of: inputs) { operands, row, output in
                let position = operands[2].vector.pointer(as: Int64.self)[row * operands[2].stride]
                output.append(part(of: operands[0].bytes(row), operands[1].bytes(row), Int(clamping: position)))
            }
        },
        "STRPOS": Function(arguments: 2...2) { binder, call throws(ExpressionError) in
            let inputs = try binder.strings(call)
            return call.node(.int, of: inputs) { operands, count in
                let (validity, isAllNull) = commonValidity(operands, count)
                if isAllNull { return Operand(.nulls(.int, count: count)) }
                let values = Buffer.filled(count: count * 4) { target in
                    let out = target.bindMemory(to: Int32.self)
                    for row in 0..<count {
                        let text = operands[0].bytes(row)
                        let position = text.firstPosition(of: operands[1].bytes(row))
                        out[row] = position.map { Int32(clamping: text.part(0..<$0).codePointCount + 1) } ?? 0
                    }
                }
                return Operand(ColumnVector(type: .int, count: count, validity: validity, values: values))
            }
        },
        "STARTS_WITH": testing { text, part in
            text.count >= part.count && text.part(0..<part.count).elementsEqual(part)
        },
        "STARTSWITH": testing { text, part in
            text.count >= part.count && text.part(0..<part.count).elementsEqual(part)
        },
        "ENDS_WITH": testing { text, part in
            text.count >= part.count && text.part(text.count - part.count..<text.count).elementsEqual(part)
        },
        "ENDSWITH": testing { text, part in
            text.count >= part.count && text.part(text.count - part.count..<text.count).elementsEqual(part)
        },
        "CONTAINS": testing { text, part in text.firstPosition(of: part) != nil },
    ]

    // MARK: Shapes

    private static func mapping(
        _ body: @escaping @Sendable (UnsafeRawBufferPointer, inout TextOutput) -> Void
    ) -> Function {
        Function(arguments: 1...1) { binder, call throws(ExpressionError) in
            try binder.text(call) { operands, row, output in body(operands[0].bytes(row), &output) }
        }
    }

    private static func testing(
        _ body: @escaping @Sendable (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) -> Function {
        Function(arguments: 2...2) { binder, call throws(ExpressionError) in
            let inputs = try binder.strings(call)
            return call.node(.boolean, of: inputs) { operands, count in
                Kernel.test(operands, count) { row in body(operands[0].bytes(row), operands[1].bytes(row)) }
            }
        }
    }

    private static func trimming(left: Bool, right: Bool) -> Function {
        Function(arguments: 1...2) { binder, call throws(ExpressionError) in
            try binder.text(call) { operands, row, output in
                let bytes = operands[0].bytes(row)
                let set = operands.count == 2 ? operands[1].bytes(row) : nil
                let isCut = { (from: Int, to: Int) in
                    guard let set else { return to - from == 1 && bytes[from] == 32 }
                    return holds(set, bytes.part(from..<to))
                }
                var (start, end) = (0, bytes.count)
                while left, start < end, case let next = bytes.nextCodePoint(after: start), isCut(start, next) {
                    start = next
                }
                while right, end > start, case let last = bytes.previousCodePoint(before: end), isCut(last, end) {
                    end = last
                }
                output.append(bytes.part(start..<max(start, end)))
            }
        }
    }

    private static let length = Function(arguments: 1...1) { binder, call throws(ExpressionError) in
        let input = try binder.string(call.arguments[0], call.name)
        return call.node(.int, of: [input]) { operands, count in
            var none: [Int32] = []
            return Operand(
                Kernel.mapText(operands[0], to: .int, zero: Int32(0), count, invalid: &none) {
                    Int32(clamping: $0.codePointCount)
                }
            )
        }
    }

    /// SUBSTRING(text, start [, length]). As in the SQL standard, positions before the first count towards the length:
    /// `SUBSTRING('abc', -1, 3)` is 'a'. A negative length gives an empty string.
    private static let substring = Function(arguments: 2...3) { binder, call throws(ExpressionError) in
        var inputs = [try binder.string(call.arguments[0], call.name)]
        for argument in call.arguments.dropFirst() { inputs.append(try binder.whole(argument, call.name)) }
        return call.text(of: inputs) { operands, row, output in
            let bytes = operands[0].bytes(row)
            let start = operands[1].vector.pointer(as: Int64.self)[row * operands[1].stride]
            let first = bytes.byteOffset(ofCodePoint: Int(clamping: max(start, 1) - 1))
            guard operands.count == 3 else { return output.append(bytes.part(first..<bytes.count)) }
            let length = max(0, operands[2].vector.pointer(as: Int64.self)[row * operands[2].stride])
            let (sum, overflow) = start.addingReportingOverflow(length)
            let end = overflow ? Int64.max : sum
            let wanted = max(0, end.subtractingReportingOverflow(max(start, 1)).partialValue)
            let rest = bytes.part(first..<bytes.count)
            output.append(rest.part(0..<rest.byteOffset(ofCodePoint: end > max(start, 1) ? Int(wanted) : 0)))
        }
    }

    func strings(_ call: Call) throws(ExpressionError) -> [Node] {
        var inputs: [Node] = []
        for argument in call.arguments { inputs.append(try string(argument, call.name)) }
        return inputs
    }

    /// A function from strings to a string.
    private func text(
        _ call: Call,
        _ body: @escaping @Sendable ([Operand], Int, inout TextOutput) -> Void
    ) throws(ExpressionError) -> Node {
        call.text(of: try strings(call), body)
    }

    private func cut(
        _ call: Call,
        _ body: @escaping @Sendable (UnsafeRawBufferPointer, Int64) -> UnsafeRawBufferPointer
    ) throws(ExpressionError) -> Node {
        let inputs = [try string(call.arguments[0], call.name), try whole(call.arguments[1], call.name)]
        return call.text(of: inputs) { operands, row, output in
            let length = operands[1].vector.pointer(as: Int64.self)[row * operands[1].stride]
            output.append(body(operands[0].bytes(row), length))
        }
    }

    /// LPAD and RPAD to a length in code points; longer strings are truncated.
    private func pad(_ call: Call, isLeft: Bool) throws(ExpressionError) -> Node {
        var inputs = [try string(call.arguments[0], call.name), try whole(call.arguments[1], call.name)]
        if call.arguments.count == 3 { inputs.append(try string(call.arguments[2], call.name)) }
        return call.text(of: inputs) { operands, row, output in
            let bytes = operands[0].bytes(row)
            let length = max(0, Int(clamping: operands[1].vector.pointer(as: Int64.self)[row * operands[1].stride]))
            let missing = length - bytes.codePointCount
            guard missing > 0 else { return output.append(bytes.part(0..<bytes.byteOffset(ofCodePoint: length))) }
            if !isLeft { output.append(bytes) }
            if operands.count == 3 {
                output.append(repeating: operands[2].bytes(row), codePoints: missing)
            } else {
                withUnsafeBytes(of: UInt8(ascii: " ")) { output.append(repeating: $0, codePoints: missing) }
            }
            if isLeft { output.append(bytes) }
        }
    }

    /// CONCAT_WS(separator, texts…): skips nulls; null only if the separator is null.
    private func join(_ call: Call) throws(ExpressionError) -> Node {
        let inputs = try strings(call)
        return call.node(.string, of: inputs, orFail: { _, _ in TextOutput.tooLong }) { operands, count, invalid in
            Kernel.text([operands[0]], madeOf: Array(operands.dropFirst()), count, invalid: &invalid) { row, output in
                var isFirst = true
                for operand in operands.dropFirst() where !operand.isNull(row) {
                    if !isFirst { output.append(operands[0].bytes(row)) }
                    output.append(operand.bytes(row))
                    isFirst = false
                }
                return true
            }
        }
    }

    // MARK: Bodies

    /// Changes the case of ASCII text directly; other text goes through `String`.
    private static func changeCase(
        _ bytes: UnsafeRawBufferPointer,
        _ output: inout TextOutput,
        _ changed: ClosedRange<UInt8>,
        _ unicode: (String) -> String
    ) {
        if bytes.contains(where: { $0 >= 0x80 }) {
            return output.append(unicode(String(decoding: bytes, as: UTF8.self)))
        }
        withUnsafeTemporaryAllocation(byteCount: max(bytes.count, 1), alignment: 1) { scratch in
            for (index, byte) in bytes.enumerated() { scratch[index] = changed.contains(byte) ? byte ^ 0x20 : byte }
            output.append(UnsafeRawBufferPointer(rebasing: scratch[0..<bytes.count]))
        }
    }

    private static func replace(
        _ text: UnsafeRawBufferPointer,
        _ old: UnsafeRawBufferPointer,
        by new: UnsafeRawBufferPointer,
        _ output: inout TextOutput
    ) {
        var position = 0
        while old.count > 0, let found = text.firstPosition(of: old, from: position) {
            output.append(text.part(position..<found))
            output.append(new)
            position = found + old.count
        }
        output.append(text.part(position..<text.count))
    }

    /// The n-th part between separators, from 1; negative numbers count from the end. Empty if there is no such part.
    private static func part(
        of text: UnsafeRawBufferPointer,
        _ separator: UnsafeRawBufferPointer,
        _ number: Int
    ) -> UnsafeRawBufferPointer {
        let none = text.part(0..<0)
        if separator.count == 0 { return number == 1 || number == -1 ? text : none }
        var wanted = number
        if number < 0 {
            var parts = 1
            var position = 0
            while let found = text.firstPosition(of: separator, from: position) {
                parts += 1
                position = found + separator.count
            }
            wanted = number < -parts ? 0 : parts + number + 1
        }
        if wanted < 1 { return none }
        var start = 0
        while true {
            let end = text.firstPosition(of: separator, from: start)
            wanted -= 1
            if wanted == 0 { return text.part(start..<(end ?? text.count)) }
            guard let end else { return none }
            start = end + separator.count
        }
    }

    private static func holds(_ set: UnsafeRawBufferPointer, _ codePoint: UnsafeRawBufferPointer) -> Bool {
        var position = 0
        while position < set.count {
            let next = set.nextCodePoint(after: position)
            if set.part(position..<next).elementsEqual(codePoint) { return true }
            position = next
        }
        return false
    }
}

extension Call {
    /// A string function of operands of any type; null if any operand is null.
    func text(of inputs: [Node], _ body: @escaping @Sendable ([Operand], Int, inout TextOutput) -> Void) -> Node {
        node(.string, of: inputs, orFail: { _, _ in TextOutput.tooLong }) { operands, count, invalid in
            Kernel.text(operands, count, invalid: &invalid) { row, output in
                body(operands, row, &output)
                return true
            }
        }
    }
}

extension TextOutput {
    /// Repeats a pattern until `codePoints` code points are written. Writes nothing if the pattern is empty.
    mutating func append(repeating pattern: UnsafeRawBufferPointer, codePoints: Int) {
        let length = pattern.codePointCount
        guard length > 0 else { return }
        append(pattern, times: codePoints / length)
        append(pattern.part(0..<pattern.byteOffset(ofCodePoint: codePoints % length)))
    }
}
