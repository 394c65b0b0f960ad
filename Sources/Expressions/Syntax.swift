import Columnar

/// A parsed expression, before columns and types are resolved.
struct Syntax: Sendable, Hashable {
    indirect enum Kind: Sendable, Hashable {
        case null
        case literal(Scalar, FieldType)
        case column(qualifier: String?, name: String)
        case negate(Syntax)
        case not(Syntax)
        case arithmetic(ArithmeticOperator, Syntax, Syntax)
        case concatenate(Syntax, Syntax)
        case compare(Comparison, Syntax, Syntax)
        /// A flat list, so that a long chain does not become a deep tree.
        case all([Syntax])
        case any([Syntax])
        case isNull(Syntax)
        case inList(Syntax, [Syntax])
        case between(Syntax, Syntax, Syntax)
        case like(Syntax, pattern: Syntax, escape: Syntax?)
        case cast(Syntax, FieldType, isTry: Bool)
        case choose([Branch], otherwise: Syntax?)
        case call(String, [Syntax])
    }

    struct Branch: Sendable, Hashable {
        let condition: Syntax
        let value: Syntax
    }

    let kind: Kind
    /// Range in the text, in Unicode scalars.
    let range: Range<Int>
}

enum ArithmeticOperator: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case remainder = "%"
}

enum Comparison: String, Sendable {
    case equal = "="
    case notEqual = "<>"
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="

    /// The equivalent comparison with swapped sides.
    var mirrored: Comparison {
        switch self {
        case .equal, .notEqual: self
        case .less: .greater
        case .lessOrEqual: .greaterOrEqual
        case .greater: .less
        case .greaterOrEqual: .lessOrEqual
        }
    }
}
