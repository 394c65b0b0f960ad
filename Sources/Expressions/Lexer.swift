/// Splits the text of an expression into tokens. Comments are not supported.
struct Lexer {
    private let text: [Unicode.Scalar]
    private var position = 0

    static func tokens(of text: [Unicode.Scalar]) throws(ExpressionError) -> [Token] {
        var lexer = Lexer(text: text)
        var tokens: [Token] = []
        repeat { tokens.append(try lexer.next()) } while tokens.last?.kind != .end
        return tokens
    }

    private init(text: [Unicode.Scalar]) { self.text = text }

    private var current: Unicode.Scalar? { position < text.count ? text[position] : nil }
    private var following: Unicode.Scalar? { position + 1 < text.count ? text[position + 1] : nil }

    private mutating func next() throws(ExpressionError) -> Token {
        while let scalar = current, scalar.properties.isWhitespace { position += 1 }
        let start = position
        guard let scalar = current else { return Token(kind: .end, range: start..<start) }
        let kind: Token.Kind
        switch scalar {
        case "'": kind = .string(try quoted(by: "'", what: "text"))
        case "\"": kind = .quoted(try quoted(by: "\"", what: "name"))
        case "`": kind = .quoted(try quoted(by: "`", what: "name"))
        case "0"..."9": kind = .number(try number())
        case "." where following.map(isDigit) == true: kind = .number(try number())
        case _ where isWordStart(scalar):
            while let scalar = current, isWordStart(scalar) || isDigit(scalar) || scalar == "$" { position += 1 }
            kind = .word(string(start..<position))
        default: kind = .symbol(try symbol(scalar))
        }
        return Token(kind: kind, range: start..<position)
    }

    private func isDigit(_ scalar: Unicode.Scalar) -> Bool { "0"..."9" ~= scalar }
    private func isWordStart(_ scalar: Unicode.Scalar) -> Bool { scalar == "_" || scalar.properties.isAlphabetic }
    private func string(_ range: Range<Int>) -> String { String(String.UnicodeScalarView(text[range])) }

    /// Reads quoted text. A doubled quote mark is an escaped one.
    private mutating func quoted(by mark: Unicode.Scalar, what: String) throws(ExpressionError) -> String {
        let start = position
        var value = String.UnicodeScalarView()
        position += 1
        while let scalar = current {
            position += 1
            if scalar != mark {
                value.append(scalar)
            } else if current == mark {
                value.append(mark)
                position += 1
            } else {
                return String(value)
            }
        }
        throw ExpressionError("the \(what) that opens with \(mark) is never closed", position: start + 1)
    }

    private mutating func number() throws(ExpressionError) -> String {
        let start = position
        while let scalar = current, isDigit(scalar) { position += 1 }
        if current == "." {
            position += 1
            while let scalar = current, isDigit(scalar) { position += 1 }
        }
        if current == "e" || current == "E" {
            let mark = position
            position += 1
            if current == "+" || current == "-" { position += 1 }
            if current.map(isDigit) != true { position = mark }
            while let scalar = current, isDigit(scalar) { position += 1 }
        }
        if let scalar = current, isWordStart(scalar) {
            let text = string(start..<position + 1)
            throw ExpressionError("'\(text)' is neither a number nor a name", position: start + 1)
        }
        return string(start..<position)
    }

    private mutating func symbol(_ scalar: Unicode.Scalar) throws(ExpressionError) -> String {
        if let following {
            let pair = String(String.UnicodeScalarView([scalar, following]))
            if ["<>", "!=", "<=", ">=", "||"].contains(pair) {
                position += 2
                return pair
            }
        }
        guard "=<>+-*/%(),.".unicodeScalars.contains(scalar) else {
            throw ExpressionError("unexpected character '\(scalar)'", position: position + 1)
        }
        position += 1
        return String(scalar)
    }
}
