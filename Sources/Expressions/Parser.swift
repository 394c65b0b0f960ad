import Columnar

/// A recursive descent parser. Precedence, lowest first: OR, AND, NOT, comparisons and predicates, `+ - ||`, `* / %`,
/// unary minus.
struct Parser {
    /// Limits the stack use of recursive evaluation.
    static let maximumDepth = 64

    let text: [Unicode.Scalar]
    let tokens: [Token]
    var index = 0
    private var depth = 0

    init(_ text: String) throws(ExpressionError) {
        self.text = Array(text.unicodeScalars)
        tokens = try Lexer.tokens(of: self.text)
    }

    var current: Token { tokens[index] }
    private var previousEnd: Int { index > 0 ? tokens[index - 1].range.upperBound : 0 }

    // MARK: Tokens

    mutating func advance() { index = min(index + 1, tokens.count - 1) }

    mutating func take(symbol: String) -> Bool {
        guard current.isSymbol(symbol) else { return false }
        advance()
        return true
    }

    mutating func take(keyword: String) -> Bool {
        guard current.isKeyword(keyword) else { return false }
        advance()
        return true
    }

    mutating func expect(symbol: String, _ purpose: String) throws(ExpressionError) {
        guard take(symbol: symbol) else { throw unexpected("'\(symbol)' \(purpose)") }
    }

    mutating func expect(keyword: String, _ purpose: String) throws(ExpressionError) {
        guard take(keyword: keyword) else { throw unexpected("\(keyword) \(purpose)") }
    }

    func unexpected(_ wanted: String) -> ExpressionError {
        let isDoubled = current.isSymbol("=") && index > 0 && tokens[index - 1].isSymbol("=")
        return ExpressionError(
            "expected \(wanted), found \(current.shown)",
            position: current.range.lowerBound + 1,
            advice: isDoubled ? "values are compared with a single =" : nil
        )
    }

    func node(_ kind: Syntax.Kind, from start: Int) -> Syntax { Syntax(kind: kind, range: start..<previousEnd) }

    /// Counts one level of nesting while `body` runs.
    private mutating func nested<T>(
        _ body: (inout Parser) throws(ExpressionError) -> T
    ) throws(ExpressionError) -> T {
        depth += 1
        defer { depth -= 1 }
        try checkDepth(depth)
        return try body(&self)
    }

    private func checkDepth(_ depth: Int) throws(ExpressionError) {
        if depth > Self.maximumDepth {
            throw ExpressionError(
                "the expression nests deeper than \(Self.maximumDepth) levels",
                position: current.range.lowerBound + 1,
                advice: "split it over several columns"
            )
        }
    }

    // MARK: Levels

    /// Parses an expression that must end at the end of the text.
    mutating func whole() throws(ExpressionError) -> Syntax {
        let syntax = try expression()
        guard current.kind == .end else { throw unexpected("an operator or the end") }
        return syntax
    }

    mutating func expression() throws(ExpressionError) -> Syntax {
        try nested { parser throws(ExpressionError) in try parser.disjunction() }
    }

    private mutating func disjunction() throws(ExpressionError) -> Syntax {
        let start = current.range.lowerBound
        var parts = [try conjunction()]
        while take(keyword: "OR") { parts.append(try conjunction()) }
        return parts.count == 1 ? parts[0] : node(.any(parts), from: start)
    }

    private mutating func conjunction() throws(ExpressionError) -> Syntax {
        let start = current.range.lowerBound
        var parts = [try negation()]
        while take(keyword: "AND") { parts.append(try negation()) }
        return parts.count == 1 ? parts[0] : node(.all(parts), from: start)
    }

    private mutating func negation() throws(ExpressionError) -> Syntax {
        let start = current.range.lowerBound
        guard take(keyword: "NOT") else { return try predicate() }
        let operand = try nested { parser throws(ExpressionError) in try parser.negation() }
        return node(.not(operand), from: start)
    }

    private mutating func predicate() throws(ExpressionError) -> Syntax {
        let start = current.range.lowerBound
        var left = try additive()
        var links = 0
        while true {
            links += 1
            try checkDepth(links)
            if let comparison = takeComparison() {
                let right = try additive()
                left = node(.compare(comparison, left, right), from: start)
            } else if take(keyword: "IS") {
                let isNegated = take(keyword: "NOT")
                try expect(keyword: "NULL", "after IS")
                left = negated(isNegated, .isNull(left), from: start)
            } else if current.isKeyword("NOT") || current.isKeyword("IN") || current.isKeyword("BETWEEN")
                || current.isKeyword("LIKE")
            {
                let isNegated = take(keyword: "NOT")
                let range = try rangePredicate(on: left)
                left = negated(isNegated, range, from: start)
            } else {
                return left
            }
        }
    }

    private func negated(_ isNegated: Bool, _ kind: Syntax.Kind, from start: Int) -> Syntax {
        let inner = node(kind, from: start)
        return isNegated ? node(.not(inner), from: start) : inner
    }

    private mutating func rangePredicate(on left: Syntax) throws(ExpressionError) -> Syntax.Kind {
        if take(keyword: "IN") {
            try expect(symbol: "(", "after IN")
            var values = [try expression()]
            while take(symbol: ",") { values.append(try expression()) }
            try expect(symbol: ")", "after the values of IN")
            return .inList(left, values)
        }
        if take(keyword: "BETWEEN") {
            let low = try additive()
            try expect(keyword: "AND", "between the limits of BETWEEN")
            return .between(left, low, try additive())
        }
        guard take(keyword: "LIKE") else { throw unexpected("IN, BETWEEN or LIKE after NOT") }
        let pattern = try additive()
        return .like(left, pattern: pattern, escape: take(keyword: "ESCAPE") ? try additive() : nil)
    }

    private mutating func takeComparison() -> Comparison? {
        guard case .symbol(let symbol) = current.kind,
            let comparison = symbol == "!=" ? .notEqual : Comparison(rawValue: symbol)
        else { return nil }
        advance()
        return comparison
    }

    private mutating func additive() throws(ExpressionError) -> Syntax {
        let start = current.range.lowerBound
        var left = try multiplicative()
        var links = 0
        while true {
            links += 1
            try checkDepth(links)
            if take(symbol: "+") {
                let right = try multiplicative()
                left = node(.arithmetic(.add, left, right), from: start)
            } else if take(symbol: "-") {
                let right = try multiplicative()
                left = node(.arithmetic(.subtract, left, right), from: start)
            } else if take(symbol: "||") {
                let right = try multiplicative()
                left = node(.concatenate(left, right), from: start)
            } else {
                return left
            }
        }
    }

    private mutating func multiplicative() throws(ExpressionError) -> Syntax {
        let start = current.range.lowerBound
        var left = try unary()
        var links = 0
        while case .symbol(let symbol) = current.kind, ["*", "/", "%"].contains(symbol),
            let operation = ArithmeticOperator(rawValue: symbol)
        {
            links += 1
            try checkDepth(links)
            advance()
            let right = try unary()
            left = node(.arithmetic(operation, left, right), from: start)
        }
        return left
    }

    private mutating func unary() throws(ExpressionError) -> Syntax {
        let start = current.range.lowerBound
        if take(symbol: "+") { return try nested { parser throws(ExpressionError) in try parser.unary() } }
        guard take(symbol: "-") else { return try primary() }
        // Parse the minus as part of the number, since the magnitude of the minimum long does not fit a long.
        if case .number(let digits) = current.kind {
            let number = try literal(number: "-" + digits)
            advance()
            return node(number, from: start)
        }
        let operand = try nested { parser throws(ExpressionError) in try parser.unary() }
        return node(.negate(operand), from: start)
    }
}
