import Columnar
import Foundation
import Testing
import WeirTesting

@testable import Expressions

/// Tests every function of the registry over the extreme values of all types. The functions come from the registry, so
/// none can be left out.
@Suite struct FunctionPropertyTests {
    static let types: [(name: String, type: FieldType)] = [
        ("b", .boolean), ("i", .int), ("l", .long), ("f", .float), ("d", .double),
        ("m", .decimal(precision: 38, scale: 0)), ("n", .decimal(precision: 38, scale: 38)),
        ("p", .decimal(precision: 9, scale: 2)), ("day", .date), ("t", .time), ("ts", .timestamp),
        ("tz", .timestamptz), ("s", .string), ("s2", .string), ("u", .uuid), ("x", .fixed(3)), ("y", .binary),
        // A realistic text length.
        ("k", .int),
    ]
    static let schema = Schema(types.enumerated().map { Field(id: $0 + 1, name: $1.name, type: $1.type) })
    static let rows = 16

    static func draw(_ random: inout SeededGenerator) -> [[Scalar]] {
        (0..<rows).map { _ in
            types.map { name, type in
                name == "k" ? .int(Int32.random(in: -2...9, using: &random)) : .extreme(type, &random)
            }
        }
    }

    static let literals = [
        "NULL", "0", "1", "-1", "2", "-38", "38", "7", "2147483647", "-9223372036854775808", "''", "'ab'", "'a,b,,c'",
        "','", "0.5", "-99999999999999999999999999999999999999", "TRUE",
    ]
    static let units = ["year", "quarter", "month", "week", "day", "hour", "minute", "second"]

    struct Use {
        let name: String
        let arguments: [String]

        var text: String { name == "-" ? "-(\(arguments[0]))" : "\(name)(\(arguments.joined(separator: ", ")))" }
    }

    /// A random call of a function; most calls have arguments of compatible types.
    static func use(_ name: String, _ function: Function, _ random: inout SeededGenerator) -> Use {
        let texts = ["s", "s2", "'ab'", "','", "NULL"]
        let numbers = ["i", "l", "f", "d", "m", "n", "p", "k", "0", "-1"]
        let moments = ["day", "ts", "tz"]
        let pools = [
            types.map(\.name) + literals, texts, numbers, moments, texts + ["i", "l", "k", "2", "-38"],
            ["b", "TRUE", "p"],
        ]
        let pool = pools.randomElement(using: &random) ?? texts
        let most = min(function.arguments.upperBound, function.arguments.lowerBound + 2)
        var arguments = (0..<Int.random(in: function.arguments.lowerBound...most, using: &random)).map { _ in
            pool.randomElement(using: &random) ?? "s"
        }
        switch Int.random(in: 0..<5, using: &random) {
        case 0: arguments[0] = "'\(units.randomElement(using: &random) ?? "day")'"
        case 1 where arguments.count > 1:
            arguments[0] = texts.randomElement(using: &random) ?? "s"
            arguments[1] = ["i", "l", "k", "k"].randomElement(using: &random) ?? "k"
        case 2 where arguments.count > 1: arguments[1] = "\(Int.random(in: -38...38, using: &random))"
        case 3 where arguments.count == 3:
            arguments = ["s", "s2", ["s", "i", "l", "k", "k"].randomElement(using: &random) ?? "k"]
        default: break
        }
        return Use(name: name, arguments: arguments)
    }

    @Test func `no function traps, and all agree with exact arithmetic`() throws {
        let seed = SeededGenerator.seeds(1)[0]
        var random = SeededGenerator(seed: seed)
        let wanted = Soak.rounds(20_000)
        let names = Binder.functions.keys.sorted()
        var uses: [String: Int] = [:]
        var checked: [String: Int] = [:]
        var draws = 0
        while draws < wanted {
            let values = Self.draw(&random)
            let input = batch(Self.types.map { ($0.name, $0.type) }, values)
            for name in names {
                let function = try #require(Binder.functions[name])
                let use = Self.use(name, function, &random)
                let text = use.text
                guard let bound = try? SQLExpression.parse(text).bind(to: input.schema) else { continue }
                uses[name, default: 0] += 1
                draws += Self.rows
                let (column, failures) = try bound.evaluate(input)
                #expect(column.count == Self.rows && column.type == bound.type, "seed \(seed): \(text)")
                let failed = Set(failures.map(\.row))
                #expect(failures.allSatisfy { !$0.reason.isEmpty && 0..<Self.rows ~= $0.row }, "seed \(seed): \(text)")
                for row in 0..<Self.rows {
                    let found = column.scalar(row)
                    if failed.contains(row) { #expect(found == .null, "seed \(seed): \(text)") }
                    guard let expected = FunctionOracle.expected(use, values[row]) else { continue }
                    checked[name, default: 0] += 1
                    let isRight = failed.contains(row) ? expected == .failure : expected == .value(found)
                    if !isRight {
                        let outcome = failed.contains(row) ? "a failure" : "\(found)"
                        Issue.record("seed \(seed): \(text) gives \(outcome), not \(expected), for \(values[row])")
                        return
                    }
                }
            }
        }
        let forgotten = names.filter { uses[$0, default: 0] < 3 }
        #expect(forgotten.isEmpty, "seed \(seed): \(forgotten) never ran in \(draws) draws")
        let unchecked = names.filter { checked[$0] == nil && !FunctionOracle.checkedElsewhere.contains($0) }
        #expect(unchecked.isEmpty, "no oracle knows \(unchecked)")
        print("\(draws) draws of \(names.count) functions, seed \(seed)")
    }

    @Test func `no cast traps, and all agree with exact arithmetic`() throws {
        let seed = SeededGenerator.seeds(1)[0]
        var random = SeededGenerator(seed: seed)
        let wanted = Soak.rounds(20_000)
        let targets: [(sql: String, type: FieldType)] = [
            ("BOOLEAN", .boolean), ("INT", .int), ("BIGINT", .long), ("FLOAT", .float), ("DOUBLE", .double),
            ("DECIMAL(38,0)", .decimal(precision: 38, scale: 0)),
            ("DECIMAL(38,38)", .decimal(precision: 38, scale: 38)),
            ("DECIMAL(9,2)", .decimal(precision: 9, scale: 2)), ("DECIMAL(1,1)", .decimal(precision: 1, scale: 1)),
            ("DATE", .date), ("TIME", .time), ("TIMESTAMP", .timestamp),
            ("TIMESTAMP WITH LOCAL TIME ZONE", .timestamptz), ("STRING", .string), ("BINARY", .binary),
        ]
        var draws = 0
        var checked = 0
        while draws < wanted {
            let values = Self.draw(&random)
            let input = batch(Self.types.map { ($0.name, $0.type) }, values)
            for (source, from) in Self.types.enumerated() {
                for target in targets {
                    let text = "CAST(\(from.name) AS \(target.sql))"
                    guard let bound = try? SQLExpression.parse(text).bind(to: input.schema) else { continue }
                    draws += Self.rows
                    let (column, failures) = try bound.evaluate(input)
                    let tried = try SQLExpression.parse("TRY_\(text)").bind(to: input.schema).evaluate(input)
                    #expect(tried.failures.isEmpty, "seed \(seed): TRY_\(text)")
                    let failed = Set(failures.map(\.row))
                    for row in 0..<Self.rows {
                        let found = column.scalar(row)
                        #expect(Outcome.same(tried.column.scalar(row), found), "seed \(seed): TRY_\(text)")
                        guard let expected = CastOracle.expected(values[row][source], target.type) else { continue }
                        checked += 1
                        let isRight = failed.contains(row) ? expected == .failure : expected == .value(found)
                        if !isRight {
                            let outcome = failed.contains(row) ? "a failure" : "\(found)"
                            Issue.record(
                                "seed \(seed): \(text) gives \(outcome), not \(expected), for \(values[row][source])"
                            )
                            return
                        }
                    }
                }
            }
        }
        #expect(checked > draws / 4, "\(checked) of \(draws) casts were compared")
        print("\(draws) casts, \(checked) compared, seed \(seed)")
    }

    @Test func `no operator traps`() throws {
        let seed = SeededGenerator.seeds(1)[0]
        var random = SeededGenerator(seed: seed)
        let wanted = Soak.rounds(10_000)
        let operators = ["+", "-", "*", "/", "%", "=", "<>", "<", "<=", ">", ">=", "||", "LIKE", "AND", "OR"]
        let names = Self.types.map(\.name) + Self.literals
        var draws = 0
        while draws < wanted {
            let input = batch(Self.types.map { ($0.name, $0.type) }, Self.draw(&random))
            for symbol in operators {
                for _ in 0..<8 {
                    let left = names.randomElement(using: &random) ?? "i"
                    let right = names.randomElement(using: &random) ?? "i"
                    for text in [
                        "\(left) \(symbol) \(right)", "\(left) BETWEEN \(right) AND \(left)", "\(left) IN (\(right))",
                    ] {
                        guard let bound = try? SQLExpression.parse(text).bind(to: input.schema) else { continue }
                        let (column, _) = try bound.evaluate(input)
                        #expect(column.count == Self.rows, "seed \(seed): \(text)")
                        draws += Self.rows
                        // Rows that the bounds exclude must not be among the rows that pass.
                        guard bound.type == .boolean, let (rows, failures) = try? bound.select(input), failures.isEmpty
                        else { continue }
                        for limit in bound.rowFilter().bounds {
                            let index = try #require(input.schema.index(ofField: limit.field))
                            for row in rows {
                                let value = input.columns[index].scalar(Int(row))
                                if limit.mayHold(value) { continue }
                                Issue.record("seed \(seed): \(text) rules \(value) out by \(limit)")
                                return
                            }
                        }
                    }
                }
            }
        }
        print("\(draws) draws of operators, seed \(seed)")
    }
}

extension RowFilter.Bound {
    fileprivate func mayHold(_ found: Scalar) -> Bool {
        switch comparison {
        case .less: found.precedes(value) != false
        case .lessOrEqual: value.precedes(found) != true
        case .equal: value.precedes(found) != true && found.precedes(value) != true
        case .greaterOrEqual: found.precedes(value) != true
        case .greater: value.precedes(found) != false
        }
    }
}
