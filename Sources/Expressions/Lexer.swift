/// Splits the text of an expression into tokens. Comments are not supported.
struct Lexer {
    private let text: [Unicode.Scalar]
    private var place = 0

    static func tokens(of text: [Unicode.Scalar]) throws(ExpressionError) -> [Token] {
        var lexer = Lexer(text: text)
        var tokens: [Token] = []
        repeat { tokens.append(try lexer.next()) } while tokens.last?.kind != .end
        return tokens
    }

    private init(text: [Unicode.Scalar]) { self.text = text }

    private var current: Unicode.Scalar? { place < text.count ? text[place] : nil }
    private var following: Unicode.Scalar? { place + 1 < text.count ? text[place + 1] : nil }

    private mutating func next() throws(ExpressionError) -> Token {
        while let scalar = current, scalar.properties.isWhitespace { place += 1 }
        let start = place
        guard let scalar = current else { return Token(kind: .end, range: start..<start) }
        let kind: Token.Kind
        switch scalar {
        case "'": kind = .string(try quoted(by: "'", what: "text"))
        case "\"": kind = .quoted(try quoted(by: "\"", what: "name"))
        case "`": kind = .quoted(try quoted(by: "`", what: "name"))
        case "0"..."9": kind = .number(try number())
        case "." where following.map(isDigit) == true: kind = .number(try number())
        case _ where isWordStart(scalar):
            while let scalar = current, isWordStart(scalar) || isDigit(scalar) || scalar == "$" { place += 1 }
            kind = .word(string(start..<place))
        default: kind = .symbol(try symbol(scalar))
        }
        return Token(kind: kind, range: start..<place)
    }

    private func isDigit(_ scalar: Unicode.Scalar) -> Bool { "0"..."9" ~= scalar }
    private func isWordStart(_ scalar: Unicode.Scalar) -> Bool { scalar == "_" || scalar.properties.isAlphabetic }
    private func string(_ range: Range<Int>) -> String { String(String.UnicodeScalarView(text[range])) }

    /// Reads quoted text. A doubled quote mark is an escaped one.
    private mutating func quoted(by mark: Unicode.Scalar, what: String) throws(ExpressionError) -> String {
        let start = place
        var value = String.UnicodeScalarView()
        place += 1
        while let scalar = current {
            place += 1
            if scalar != mark {
                value.append(scalar)
            } else if current == mark {
                value.append(mark)
                place += 1
            } else {
                return String(value)
            }
        }
        throw ExpressionError("the \(what) that opens with \(mark) is never closed", position: start + 1)
    }

    private mutating func number() throws(ExpressionError) -> String {
        let start = place
        while let scalar = current, isDigit(scalar) { place += 1 }
        if current == "." {
            place += 1
            while let scalar = current, isDigit(scalar) { place += 1 }
        }
        if current == "e" || current == "E" {
            let mark = place
            place += 1
            if current == "+" || current == "-" { place += 1 }
            if current.map(isDigit) != true { place = mark }
            while let scalar = current, isDigit(scalar) { place += 1 }
        }
        if let scalar = current, isWordStart(scalar) {
            let text = string(start..<place + 1)
            throw ExpressionError("'\(text)' is neither a number nor a name", position: start + 1)
        }
        return string(start..<place)
    }

    private mutating func symbol(_ scalar: Unicode.Scalar) throws(ExpressionError) -> String {
        if let following {
            let pair = String(String.UnicodeScalarView([scalar, following]))
            if ["<>", "!=", "<=", ">=", "||"].contains(pair) {
                place += 2
                return pair
            }
        }
        guard "=<>+-*/%(),.".unicodeScalars.contains(scalar) else {
            throw ExpressionError("unexpected character '\(scalar)'", position: place + 1)
        }
        place += 1
        return String(scalar)
    }
}
