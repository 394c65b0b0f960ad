import Bytes
import Values

/// A recursive-descent JSON parser (RFC 8259) over untrusted bytes.
struct JSONParser {
    // Documents nested deeper are refused, so that they cannot exhaust the stack.
    private static let maximumDepth = 200

    private let bytes: UnsafeBufferPointer<UInt8>
    private var offset = 0
    private var depth = 0
    private var names = MemberNames()

    private init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    static func parse(_ bytes: [UInt8]) throws(WeirError) -> JSONValue {
        let result = bytes.withUnsafeBufferPointer { bytes in
            Result { () throws(WeirError) in
                var parser = JSONParser(bytes)
                let value = try parser.parseValue()
                parser.skipSpace()
                guard parser.offset == bytes.count else { throw parser.failure("text follows the JSON document") }
                return value
            }
        }
        return try result.get()
    }

    private func failure(_ message: String) -> WeirError { WeirError(.corrupt, message, at: "byte \(offset)") }

    private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { offset += 1 }
    }

    private mutating func parseValue() throws(WeirError) -> JSONValue {
        skipSpace()
        guard let next else { throw failure("the JSON document ends early") }
        switch next {
        case UInt8(ascii: "{"): return try nested { (parser) throws(WeirError) in try parser.parseObject() }
        case UInt8(ascii: "["): return try nested { (parser) throws(WeirError) in try parser.parseArray() }
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
        default: throw failure("a JSON value is expected")
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(WeirError) -> JSONValue
    ) throws(WeirError) -> JSONValue {
        guard depth < Self.maximumDepth else { throw failure("JSON is nested deeper than \(Self.maximumDepth) levels") }
        depth += 1
        offset += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func parseObject() throws(WeirError) -> JSONValue {
        var entries: [JSONObject.Entry] = []
        skipSpace()
        if next == UInt8(ascii: "}") {
            offset += 1
            return .object(JSONObject())
        }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw failure("a member name is expected") }
            let key = try parseString(isName: true)
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw failure("a colon is expected after '\(key)'") }
            offset += 1
            entries.append(JSONObject.Entry(key: key, value: try parseValue()))
            guard try parseSeparator(closing: UInt8(ascii: "}")) else {
                return .object(JSONObject(entries: entries))
            }
        }
    }

    private mutating func parseArray() throws(WeirError) -> JSONValue {
        var values: [JSONValue] = []
        skipSpace()
        if next == UInt8(ascii: "]") {
            offset += 1
            return .array([])
        }
        while true {
            values.append(try parseValue())
            guard try parseSeparator(closing: UInt8(ascii: "]")) else { return .array(values) }
        }
    }

    /// True if another element follows, false if the container was closed.
    private mutating func parseSeparator(closing: UInt8) throws(WeirError) -> Bool {
        skipSpace()
        guard let byte = next, byte == UInt8(ascii: ",") || byte == closing else {
            throw failure(next == nil ? "the JSON document ends early" : "a comma is expected")
        }
        offset += 1
        return byte != closing
    }

    private mutating func parseWord(_ word: String, _ value: JSONValue) throws(WeirError) -> JSONValue {
        let expected = Array(word.utf8)
        guard bytes.count - offset >= expected.count, bytes[offset..<offset + expected.count].elementsEqual(expected)
        else { throw failure("'\(word)' is expected") }
        offset += expected.count
        return value
    }

    private mutating func parseNumber() throws(WeirError) -> JSONValue {
        let start = offset
        var isInteger = true
        while let byte = next {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): break
            case UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): isInteger = false
            default:
                return try number(start, isInteger)
            }
            offset += 1
        }
        return try number(start, isInteger)
    }

    private func number(_ start: Int, _ isInteger: Bool) throws(WeirError) -> JSONValue {
        if isInteger, let value = integer(start) { return .integer(value) }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        guard Double(text) != nil else { throw failure("'\(text)' is not a number") }
        return .number(text)
    }

    /// The digits up to the current byte, after a minus sign or none; nil if they are too many, or are something else.
    private func integer(_ start: Int) -> Int64? {
        let isNegative = bytes[start] == UInt8(ascii: "-")
        let digits = bytes[(isNegative ? start + 1 : start)..<offset]
        if digits.isEmpty { return nil }
        // Below zero, where the range is larger.
        var value: Int64 = 0
        for byte in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (tens, isTooLong) = value.multipliedReportingOverflow(by: 10)
            let (next, isTooLow) = tens.subtractingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
            if isTooLong || isTooLow { return nil }
            value = next
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }

    /// - Parameter isName: whether it is the name of a member, which documents repeat.
    private mutating func parseString(isName: Bool = false) throws(WeirError) -> String {
        offset += 1
        let start = offset
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { offset += 1 }
        if next == UInt8(ascii: "\"") {
            defer { offset += 1 }
            let slice = UnsafeBufferPointer(rebasing: bytes[start..<offset])
            if isName, let known = names.known(slice) { return known }
            let text = try text(slice)
            if isName { names.note(text, slice) }
            return text
        }
        var unescaped = Array(bytes[start..<offset])
        while let byte = next {
            offset += 1
            switch byte {
            case UInt8(ascii: "\""): return try text(unescaped)
            case UInt8(ascii: "\\"): try parseEscape(into: &unescaped)
            case 0..<0x20: throw failure("a control character stands inside a text")
            default: unescaped.append(byte)
            }
        }
        throw failure("a text is not closed")
    }

    private func text(_ bytes: some Sequence<UInt8>) throws(WeirError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw failure("text is not valid UTF-8") }
        return text
    }

    private mutating func parseEscape(into target: inout [UInt8]) throws(WeirError) {
        var behind = offset
        do throws(JSONEscape.Failure) {
            let scalar = try JSONEscape.scalar(in: UnsafeRawBufferPointer(bytes), at: &behind)
            target.append(contentsOf: String(scalar).utf8)
        } catch {
            throw failure(error.rawValue)
        }
        offset = behind
    }
}

/// Names of members that were read a short time ago, so that a name that is repeated is one text in memory.
private struct MemberNames {
    private var texts = [String](repeating: "", count: 64)

    private func slot(_ name: UnsafeBufferPointer<UInt8>) -> Int {
        guard let first = name.first, let last = name.last else { return 0 }
        return (name.count &* 31 &+ Int(first) &* 7 &+ Int(last) &+ Int(name[name.count / 2])) & (texts.count - 1)
    }

    func known(_ name: UnsafeBufferPointer<UInt8>) -> String? {
        let text = texts[slot(name)]
        return text.utf8.count == name.count && text.utf8.elementsEqual(name) ? text : nil
    }

    mutating func note(_ text: String, _ name: UnsafeBufferPointer<UInt8>) { texts[slot(name)] = text }
}
