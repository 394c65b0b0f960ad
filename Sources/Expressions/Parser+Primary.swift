import Columnar

extension Parser {
    /// Keywords that must be quoted to name a column.
    private static let reserved: Set<String> = [
        "AND", "AS", "BETWEEN", "CASE", "CAST", "ELSE", "END", "ESCAPE", "FROM", "IN", "IS", "LIKE", "NOT", "NULL",
        "OR",
        "THEN", "WHEN", "TRUE", "FALSE",
    ]

    mutating func primary() throws(ExpressionError) -> Syntax {
        let start = current.range.lowerBound
        switch current.kind {
        case .number(let digits):
            let number = try literal(number: digits)
            advance()
            return node(number, from: start)
        case .string(let value):
            advance()
            return node(.literal(.string(value), .string), from: start)
        case .symbol("("):
            advance()
            let inner = try expression()
            try expect(symbol: ")", "to close the parenthesis")
            return node(inner.kind, from: start)
        case .quoted(let name):
            advance()
            return try column(after: name, from: start)
        case .word(let word):
            advance()
            return try meaning(of: word, from: start)
        case .symbol, .end: throw unexpected("a value")
        }
    }

    private mutating func meaning(of word: String, from start: Int) throws(ExpressionError) -> Syntax {
        switch word.uppercased() {
        case "NULL": return node(.null, from: start)
        case "TRUE": return node(.literal(.boolean(true), .boolean), from: start)
        case "FALSE": return node(.literal(.boolean(false), .boolean), from: start)
        case "CASE": return try choice(from: start)
        case "CAST", "TRY_CAST":
            guard current.isSymbol("(") else { break }
            return try cast(isTry: word.uppercased() == "TRY_CAST", from: start)
        case "DATE": if let type = try typedLiteral(.date, from: start) { return type }
        case "TIME": if let type = try typedLiteral(.time, from: start) { return type }
        case "TIMESTAMP": if let type = try typedLiteral(.timestamp, from: start) { return type }
        case "TIMESTAMPTZ": if let type = try typedLiteral(.timestamptz, from: start) { return type }
        default: break
        }
        if take(symbol: "(") { return try call(word.uppercased(), from: start) }
        if Self.reserved.contains(word.uppercased()) {
            throw ExpressionError(
                "expected a value, found the keyword \(word.uppercased())",
                position: start + 1,
                advice: "a column of that name is written \"\(word)\""
            )
        }
        return try column(after: word, from: start)
    }

    private mutating func column(after first: String, from start: Int) throws(ExpressionError) -> Syntax {
        guard take(symbol: ".") else { return node(.column(qualifier: nil, name: first), from: start) }
        let name = try name("a column after '\(first).'")
        return node(.column(qualifier: first, name: name), from: start)
    }

    /// A bare or quoted name.
    mutating func name(_ purpose: String) throws(ExpressionError) -> String {
        switch current.kind {
        case .word(let name), .quoted(let name):
            advance()
            return name
        default: throw unexpected(purpose)
        }
    }

    /// `DATE '2024-05-06'` and similar literals; nil if no string follows, since the word may also name a column.
    private mutating func typedLiteral(_ type: FieldType, from start: Int) throws(ExpressionError) -> Syntax? {
        guard case .string(let value) = current.kind else { return nil }
        let begin = current.range.lowerBound
        guard let scalar = Scalar(parsing: value, as: type) else {
            throw ExpressionError("'\(value)' is no \(type)", position: begin + 1, advice: type.writtenForm)
        }
        advance()
        return node(.literal(scalar, type), from: start)
    }

    private mutating func choice(from start: Int) throws(ExpressionError) -> Syntax {
        let subject = current.isKeyword("WHEN") ? nil : try expression()
        var branches: [Syntax.Branch] = []
        while take(keyword: "WHEN") {
            var condition = try expression()
            if let subject { condition = Syntax(kind: .compare(.equal, subject, condition), range: condition.range) }
            try expect(keyword: "THEN", "after the condition of WHEN")
            branches.append(Syntax.Branch(condition: condition, value: try expression()))
        }
        guard !branches.isEmpty else { throw unexpected("WHEN") }
        let otherwise = take(keyword: "ELSE") ? try expression() : nil
        try expect(keyword: "END", "to close CASE")
        return node(.choose(branches, otherwise: otherwise), from: start)
    }

    private mutating func cast(isTry: Bool, from start: Int) throws(ExpressionError) -> Syntax {
        try expect(symbol: "(", "after CAST")
        let value = try expression()
        try expect(keyword: "AS", "and a type in CAST")
        let type = try self.type()
        try expect(symbol: ")", "to close CAST")
        return node(.cast(value, type, isTry: isTry), from: start)
    }

    /// `f(a, b)`, and the functions with keyword syntax: EXTRACT, SUBSTRING, TRIM, POSITION.
    private mutating func call(_ function: String, from start: Int) throws(ExpressionError) -> Syntax {
        if take(symbol: ")") { return node(.call(function, []), from: start) }
        var function = function
        var arguments: [Syntax] = []
        if function == "TRIM" {
            for (keyword, name) in [("BOTH", "TRIM"), ("LEADING", "LTRIM"), ("TRAILING", "RTRIM")]
            where take(keyword: keyword) {
                function = name
                if take(keyword: "FROM") {
                    arguments = [try expression()]
                    try expect(symbol: ")", "to close TRIM")
                    return node(.call(function, arguments), from: start)
                }
            }
        }
        if function == "EXTRACT" {
            let field = try name("a field such as YEAR")
            try expect(keyword: "FROM", "after the field of EXTRACT")
            arguments = [try expression()]
            try expect(symbol: ")", "to close EXTRACT")
            return node(.call(field.uppercased(), arguments), from: start)
        }
        // Parse only a primary for POSITION: otherwise IN would start a list.
        arguments.append(function == "POSITION" ? try operandOfPosition() : try expression())
        if function == "POSITION", take(keyword: "IN") {
            let text = try expression()
            arguments.insert(text, at: 0)
            function = "STRPOS"
        } else if function == "SUBSTRING" || function == "SUBSTR", take(keyword: "FROM") {
            arguments.append(try expression())
            if take(keyword: "FOR") { arguments.append(try expression()) }
        } else if function.hasSuffix("TRIM"), take(keyword: "FROM") {
            arguments.insert(try expression(), at: 0)
        } else {
            while take(symbol: ",") { arguments.append(try expression()) }
        }
        try expect(symbol: ")", "to close \(function)")
        return node(.call(function, arguments), from: start)
    }

    private mutating func operandOfPosition() throws(ExpressionError) -> Syntax { try primary() }

    /// The type of a number literal: double with an exponent, int or long if it is a whole number that fits, else
    /// decimal.
    func literal(number digits: String) throws(ExpressionError) -> Syntax.Kind {
        let isExact = !digits.contains("e") && !digits.contains("E")
        if isExact, !digits.contains(".") {
            if let value = Int32(digits) { return .literal(.int(value), .int) }
            if let value = Int64(digits) { return .literal(.long(value), .long) }
        }
        if !isExact {
            if let value = Double(digits), value.isFinite { return .literal(.double(value), .double) }
            throw ExpressionError("\(digits) does not fit a double", position: current.range.lowerBound + 1)
        }
        let bare = digits.filter { "0"..."9" ~= $0 }.drop { $0 == "0" }
        let scale = digits.firstIndex(of: ".").map { digits.distance(from: $0, to: digits.endIndex) - 1 } ?? 0
        let precision = max(bare.count, scale, 1)
        guard precision <= 38, var value = Int128(bare.isEmpty ? "0" : String(bare)) else {
            throw ExpressionError(
                "\(digits) has more than 38 digits",
                position: current.range.lowerBound + 1,
                advice: "write it with an exponent for a double"
            )
        }
        if digits.hasPrefix("-") { value = -value }
        return .literal(.decimal(value, scale: scale), .decimal(precision: precision, scale: scale))
    }
}
