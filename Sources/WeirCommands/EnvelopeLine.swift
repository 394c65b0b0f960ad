import Bytes
import Values

/// One captured record: `{"topic":"t","key":"k","value":"v"}`. Other members are ignored.
///
/// Key and value are strings, null, or JSON objects and arrays, which are taken as their JSON text.
struct EnvelopeLine {
    enum Part {
        case missing
        case null
        /// Unescaped bytes in the parser's memory.
        case text(start: Int, count: Int)
    }

    fileprivate(set) var topic = Part.missing
    fileprivate(set) var key = Part.missing
    fileprivate(set) var value = Part.missing
}

/// Parses envelope lines. Unescaped strings are stored in memory that the next line reuses.
struct EnvelopeParser: ~Copyable {
    private var texts = GrowableBuffer(capacity: 64 << 10)

    /// The bytes of a key or value of the last parsed line; nil for null.
    borrowing func bytes(_ part: EnvelopeLine.Part) -> UnsafeRawBufferPointer? {
        guard case .text(let start, let count) = part else { return nil }
        return UnsafeRawBufferPointer(start: texts.base + start, count: count)
    }

    mutating func parse(_ line: UnsafeRawBufferPointer) throws(WeirError) -> EnvelopeLine {
        texts.removeAll()
        var result = EnvelopeLine()
        var cursor = Cursor(line)
        guard cursor.peek() == UInt8(ascii: "{") else {
            throw cursor.fault("it is no JSON object; lines that are values alone are appended without --envelope")
        }
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        while cursor.peek() != UInt8(ascii: "}") {
            if !isFirst { try cursor.expect(UInt8(ascii: ",")) }
            isFirst = false
            guard case .text(let start, let count) = try text(&cursor) else { throw cursor.fault("a name is missing") }
            try cursor.expect(UInt8(ascii: ":"))
            let name = String(decoding: UnsafeRawBufferPointer(start: texts.base + start, count: count), as: UTF8.self)
            if name == "topic", cursor.peek() != UInt8(ascii: "\"") { throw cursor.fault("the topic is not a text") }
            let part = try self.part(&cursor)
            switch name {
            case "topic": result.topic = part
            case "key": result.key = part
            case "value": result.value = part
            default: break
            }
        }
        try cursor.expect(UInt8(ascii: "}"))
        guard cursor.isAtEnd else { throw cursor.fault("something follows the object") }
        guard case .text = result.topic else { throw cursor.fault("the member \"topic\" is missing") }
        if case .missing = result.value {
            throw cursor.fault("the member \"value\" is missing; write null for a tombstone")
        }
        return result
    }

    private mutating func part(_ cursor: inout Cursor) throws(WeirError) -> EnvelopeLine.Part {
        switch cursor.peek() {
        case UInt8(ascii: "\""): return try text(&cursor)
        default:
            let raw = try cursor.skipValue()
            if raw.elementsEqual("null".utf8) { return .null }
            let start = texts.count
            texts.append(raw)
            return .text(start: start, count: raw.count)
        }
    }

    /// Parses and unescapes a string.
    private mutating func text(_ cursor: inout Cursor) throws(WeirError) -> EnvelopeLine.Part {
        try cursor.expect(UInt8(ascii: "\""))
        let start = texts.count
        while true {
            texts.append(try cursor.plainCharacters())
            let byte = try cursor.next()
            if byte == UInt8(ascii: "\"") { return .text(start: start, count: texts.count - start) }
            UTF8.encode(try cursor.escape())?.forEach { texts.append($0) }
        }
    }

    /// The unread rest of the line.
    private struct Cursor {
        private let line: UnsafeRawBufferPointer
        private var position = 0

        init(_ line: UnsafeRawBufferPointer) { self.line = line }

        func fault(_ reason: String) -> WeirError {
            WeirError(.invalid, "the line is no envelope: \(reason), at character \(position + 1)")
        }

        private mutating func skipBlanks() {
            while position < line.count, line[position] == 0x20 || line[position] == 0x09 || line[position] == 0x0d {
                position += 1
            }
        }

        var isAtEnd: Bool {
            mutating get {
                skipBlanks()
                return position == line.count
            }
        }

        mutating func peek() -> UInt8? {
            skipBlanks()
            return position < line.count ? line[position] : nil
        }

        mutating func next() throws(WeirError) -> UInt8 {
            guard position < line.count else { throw fault("it ends early") }
            position += 1
            return line[position - 1]
        }

        mutating func expect(_ byte: UInt8) throws(WeirError) {
            skipBlanks()
            guard position < line.count, line[position] == byte else {
                throw fault("expected '\(String(decoding: [byte], as: UTF8.self))'")
            }
            position += 1
        }

        /// Returns the bytes up to the next quote or backslash.
        mutating func plainCharacters() throws(WeirError) -> UnsafeRawBufferPointer {
            let start = position
            while position < line.count, line[position] != 0x22, line[position] != 0x5c { position += 1 }
            return UnsafeRawBufferPointer(rebasing: line[start..<position])
        }

        /// Returns the character of an escape whose backslash has been read.
        mutating func escape() throws(WeirError) -> Unicode.Scalar {
            do throws(JSONEscape.Failure) {
                return try JSONEscape.scalar(in: line, at: &position)
            } catch {
                throw fault(error.rawValue)
            }
        }

        /// Skips a number, literal, object or array and returns its text.
        mutating func skipValue() throws(WeirError) -> UnsafeRawBufferPointer {
            skipBlanks()
            let start = position
            var depth = 0
            var isInText = false
            while position < line.count {
                let byte = line[position]
                if isInText {
                    if byte == 0x5c { position += 1 } else if byte == 0x22 { isInText = false }
                } else {
                    switch byte {
                    case 0x22: isInText = true
                    case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                    case UInt8(ascii: "}"), UInt8(ascii: "]"):
                        if depth == 0 { return try value(from: start) }
                        depth -= 1
                    case UInt8(ascii: ",") where depth == 0: return try value(from: start)
                    default: break
                    }
                }
                position += 1
            }
            position = min(position, line.count)
            throw fault("it ends early")
        }

        private func value(from start: Int) throws(WeirError) -> UnsafeRawBufferPointer {
            var end = position
            while end > start, line[end - 1] == 0x20 || line[end - 1] == 0x09 { end -= 1 }
            guard end > start else { throw fault("a value is missing") }
            return UnsafeRawBufferPointer(rebasing: line[start..<end])
        }
    }
}
