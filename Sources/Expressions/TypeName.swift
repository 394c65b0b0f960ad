import Bytes
import Columnar

extension Parser {
    private static let names: [String: FieldType] = [
        "BOOLEAN": .boolean, "BOOL": .boolean, "TINYINT": .int, "SMALLINT": .int, "INT": .int, "INTEGER": .int,
        "BIGINT": .long, "LONG": .long, "FLOAT": .float, "REAL": .float, "DOUBLE": .double, "DATE": .date,
        "TIME": .time,
        "TIMESTAMP": .timestamp, "DATETIME": .timestamp, "TIMESTAMPTZ": .timestamptz, "TIMESTAMP_LTZ": .timestamptz,
        "STRING": .string, "VARCHAR": .string, "CHAR": .string, "TEXT": .string, "BINARY": .binary,
        "VARBINARY": .binary,
        "BYTES": .binary, "UUID": .uuid, "DECIMAL": .decimal(precision: 10, scale: 0),
        "NUMERIC": .decimal(precision: 10, scale: 0), "FIXED": .fixed(1),
    ]

    /// Parses an SQL or Iceberg type name. DECIMAL without parameters is DECIMAL(10,0); the length of VARCHAR(n) is not
    /// enforced.
    mutating func type() throws(ExpressionError) -> FieldType {
        let start = current.range.lowerBound
        let word = try name("a type")
        guard var type = Self.names[word.uppercased()] else {
            let known = NearestName.advice(for: word.uppercased(), among: Array(Self.names.keys))
            throw ExpressionError("unknown type '\(word)'", position: start + 1, advice: known)
        }
        if take(keyword: "PRECISION") || take(keyword: "VARYING") { return type }
        let numbers = try parameters()
        switch (type, numbers.count) {
        case (_, 0): if case .fixed = type { throw unexpected("'(' and a length after FIXED") }
        case (.decimal, 1...2):
            let scale = numbers.count == 2 ? numbers[1] : 0
            guard 1...38 ~= numbers[0], 0...numbers[0] ~= scale else {
                throw ExpressionError(
                    "DECIMAL(\(numbers[0]),\(scale)) does not exist",
                    position: start + 1,
                    advice: "the precision is 1 to 38, the scale 0 to the precision"
                )
            }
            type = .decimal(precision: numbers[0], scale: scale)
        case (.fixed, 1): type = .fixed(max(numbers[0], 1))
        case (.string, 1), (.binary, 1), (.time, 1), (.timestamp, 1), (.timestamptz, 1): break
        default: throw ExpressionError("\(word) takes no such parameters", position: start + 1)
        }
        if type == .timestamp, take(keyword: "WITH") {
            _ = take(keyword: "LOCAL")
            try expect(keyword: "TIME", "after WITH")
            try expect(keyword: "ZONE", "after WITH TIME")
            return .timestamptz
        }
        return type
    }

    private mutating func parameters() throws(ExpressionError) -> [Int] {
        guard take(symbol: "(") else { return [] }
        var numbers: [Int] = []
        repeat {
            guard case .number(let digits) = current.kind, let number = Int(digits) else {
                throw unexpected("a whole number")
            }
            numbers.append(number)
            advance()
        } while take(symbol: ",")
        try expect(symbol: ")", "to close the type")
        return numbers
    }
}
