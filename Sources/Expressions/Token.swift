/// A token of an expression.
struct Token: Equatable {
    enum Kind: Equatable {
        /// A bare word: keyword, function or column.
        case word(String)
        /// A name in double quotes or backticks; never a keyword.
        case quoted(String)
        case number(String)
        case string(String)
        case symbol(String)
        case end
    }

    let kind: Kind
    /// Range in the text, in Unicode scalars.
    let range: Range<Int>

    /// The token for error messages.
    var shown: String {
        switch kind {
        case .word(let text), .quoted(let text), .number(let text), .symbol(let text): "'\(text)'"
        case .string(let text): "the text '\(text)'"
        case .end: "the end"
        }
    }

    func isKeyword(_ keyword: String) -> Bool {
        if case .word(let text) = kind { text.uppercased() == keyword } else { false }
    }

    func isSymbol(_ symbol: String) -> Bool { kind == .symbol(symbol) }
}
