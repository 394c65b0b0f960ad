import Columnar
import Expressions
import Testing
import WeirTesting

/// Random expressions compared with a simple evaluator of single values that does not use columns.
@Suite struct OracleTests {
    /// An expression and its expected value for one row; nil means that the row fails.
    struct Oracle {
        let text: String
        let value: ([Scalar]) -> Scalar?
    }

    struct Generator {
        var random: SeededGenerator

        mutating func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

        mutating func whole(_ depth: Int) -> Oracle {
            if depth == 0 || pick(4) == 0 {
                switch pick(4) {
                case 0: return Oracle(text: "a") { $0[0] }
                case 1: return Oracle(text: "b") { $0[1] }
                case 2: return Oracle(text: "CAST(NULL AS BIGINT)") { _ in .null }
                default:
                    let number = [0, 1, 2, 3, -1, 100, 4_611_686_018_427_387_904][pick(7)]
                    return Oracle(text: "CAST(\(number) AS BIGINT)") { _ in .long(Int64(number)) }
                }
            }
            switch pick(7) {
            case 0: return choice(whole(depth - 1), condition(depth - 1), whole(depth - 1))
            case 1:
                let (x, y) = (whole(depth - 1), whole(depth - 1))
                return Oracle(text: "COALESCE(\(x.text), \(y.text))") { row in
                    guard let first = x.value(row) else { return nil }
                    return first == .null ? y.value(row) : first
                }
            case 2:
                let t = string(depth - 1)
                return Oracle(text: "CAST(LENGTH(\(t.text)) AS BIGINT)") { row in
                    Self.strings([t], row) { .long(Int64($0[0].unicodeScalars.count)) }
                }
            default:
                let symbol = ["+", "-", "*", "/", "%"][pick(5)]
                let (x, y) = (whole(depth - 1), whole(depth - 1))
                return Oracle(text: "(\(x.text) \(symbol) \(y.text))") { row in
                    guard let l = x.value(row), let r = y.value(row) else { return nil }
                    guard case .long(let a) = l, case .long(let b) = r else { return .null }
                    let (wideA, wideB) = (Int128(a), Int128(b))
                    let exact: Int128
                    switch symbol {
                    case "+": exact = wideA + wideB
                    case "-": exact = wideA - wideB
                    case "*": exact = wideA * wideB
                    case "/":
                        if b == 0 { return nil }
                        exact = wideA / wideB
                    default:
                        if b == 0 { return nil }
                        exact = wideA % wideB
                    }
                    return Int64(exactly: exact).map { .long($0) }
                }
            }
        }

        mutating func string(_ depth: Int) -> Oracle {
            if depth == 0 || pick(4) == 0 {
                switch pick(3) {
                case 0: return Oracle(text: "s") { $0[2] }
                case 1: return Oracle(text: "t") { $0[3] }
                default:
                    let text = ["", "a", "äb", "日%_"][pick(4)]
                    return Oracle(text: "'\(text)'") { _ in .string(text) }
                }
            }
            switch pick(5) {
            case 0: return choice(string(depth - 1), condition(depth - 1), string(depth - 1))
            case 1:
                let t = string(depth - 1)
                return Oracle(text: "UPPER(\(t.text))") { row in Self.strings([t], row) { .string($0[0].uppercased()) }
                }
            case 2:
                let t = string(depth - 1)
                let count = pick(4)
                return Oracle(text: "SUBSTRING(\(t.text), 2, \(count))") { row in
                    Self.strings([t], row) {
                        .string(String(String.UnicodeScalarView($0[0].unicodeScalars.dropFirst().prefix(count))))
                    }
                }
            case 3:
                let n = whole(depth - 1)
                return Oracle(text: "CAST(\(n.text) AS STRING)") { row in
                    guard let value = n.value(row) else { return nil }
                    if case .long(let number) = value { return .string("\(number)") }
                    return .null
                }
            default:
                let (x, y) = (string(depth - 1), string(depth - 1))
                return Oracle(text: "(\(x.text) || \(y.text))") { row in
                    Self.strings([x, y], row) { .string($0[0] + $0[1]) }
                }
            }
        }

        mutating func condition(_ depth: Int) -> Oracle {
            if depth == 0 { return Oracle(text: "c") { $0[4] } }
            switch pick(6) {
            case 0:
                let (x, y) = (condition(depth - 1), condition(depth - 1))
                return logical("AND", x, y, absorbing: .boolean(false))
            case 1:
                let (x, y) = (condition(depth - 1), condition(depth - 1))
                return logical("OR", x, y, absorbing: .boolean(true))
            case 2:
                let x = condition(depth - 1)
                return Oracle(text: "(NOT \(x.text))") { row in
                    guard let value = x.value(row) else { return nil }
                    if case .boolean(let flag) = value { return .boolean(!flag) }
                    return .null
                }
            case 3:
                let x = pick(2) == 0 ? whole(depth - 1) : string(depth - 1)
                return Oracle(text: "(\(x.text) IS NULL)") { row in x.value(row).map { .boolean($0 == .null) } }
            case 4:
                let (x, y) = (string(depth - 1), string(depth - 1))
                return compared(x, y) { a, b in
                    guard case .string(let l) = a, case .string(let r) = b else { return nil }
                    return Array(l.utf8) == Array(r.utf8) ? 0 : l.utf8.lexicographicallyPrecedes(r.utf8) ? -1 : 1
                }
            default:
                let (x, y) = (whole(depth - 1), whole(depth - 1))
                return compared(x, y) { a, b in
                    guard case .long(let l) = a, case .long(let r) = b else { return nil }
                    return l == r ? 0 : l < r ? -1 : 1
                }
            }
        }

        private mutating func compared(_ x: Oracle, _ y: Oracle, _ order: @escaping (Scalar, Scalar) -> Int?) -> Oracle
        {
            let symbol = ["=", "<>", "<", "<=", ">", ">="][pick(6)]
            return Oracle(text: "(\(x.text) \(symbol) \(y.text))") { row in
                guard let l = x.value(row), let r = y.value(row) else { return nil }
                guard let order = order(l, r) else { return .null }
                switch symbol {
                case "=": return .boolean(order == 0)
                case "<>": return .boolean(order != 0)
                case "<": return .boolean(order < 0)
                case "<=": return .boolean(order <= 0)
                case ">": return .boolean(order > 0)
                default: return .boolean(order >= 0)
                }
            }
        }

        private func logical(_ word: String, _ x: Oracle, _ y: Oracle, absorbing: Scalar) -> Oracle {
            Oracle(text: "(\(x.text) \(word) \(y.text))") { row in
                guard let l = x.value(row) else { return nil }
                if l == absorbing { return l }
                guard let r = y.value(row) else { return nil }
                return r == absorbing ? r : l == .null || r == .null ? .null : l
            }
        }

        private func choice(_ x: Oracle, _ condition: Oracle, _ y: Oracle) -> Oracle {
            Oracle(text: "CASE WHEN \(condition.text) THEN \(x.text) ELSE \(y.text) END") { row in
                guard let chosen = condition.value(row) else { return nil }
                return chosen == .boolean(true) ? x.value(row) : y.value(row)
            }
        }

        static func strings(_ parts: [Oracle], _ row: [Scalar], _ body: ([String]) -> Scalar) -> Scalar? {
            var texts: [String] = []
            var isNull = false
            for part in parts {
                guard let value = part.value(row) else { return nil }
                if case .string(let text) = value { texts.append(text) } else { isNull = true }
            }
            return isNull ? .null : body(texts)
        }
    }

    @Test(arguments: SeededGenerator.seeds(150))
    func `agrees with a row-by-row evaluation`(seed: UInt64) throws {
        var generator = Generator(random: SeededGenerator(seed: seed))
        let longs: [Scalar] = [.null, .long(0), .long(1), .long(-7), .long(.max), .long(.min), .long(3)]
        let texts: [Scalar] = [.null, .string(""), .string("a"), .string("äöü"), .string("日本語"), .string("ab%_")]
        let flags: [Scalar] = [.null, .boolean(true), .boolean(false)]
        let rows: [[Scalar]] = (0..<67).map { _ in
            [
                longs[generator.pick(7)], longs[generator.pick(7)], texts[generator.pick(6)], texts[generator.pick(6)],
                flags[generator.pick(3)],
            ]
        }
        let whole = batch([("a", .long), ("b", .long), ("s", .string), ("t", .string), ("c", .boolean)], rows)
        let start = generator.pick(20)
        for input in [whole, whole.sliced(from: start, count: 40)] {
            let offset = input.count == whole.count ? 0 : start
            let oracle = [generator.whole(4), generator.string(4), generator.condition(4)][generator.pick(3)]
            let (column, failures) = try SQLExpression.parse(oracle.text).bind(to: input.schema).evaluate(input)
            let failed = Set(failures.map(\.row))
            for row in 0..<input.count {
                let found = failed.contains(row) ? nil : column.scalar(row)
                let expected = oracle.value(rows[row + offset])
                #expect(found == expected, "seed \(seed): \(oracle.text) for \(rows[row + offset])")
                if found != expected { return }
                #expect(!failed.contains(row) || column.scalar(row) == .null)
            }
        }
    }
}
