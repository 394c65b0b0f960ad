import Bytes

extension GrowableBuffer {
    /// Text as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
    public mutating func appendJSONString(_ text: UnsafeRawBufferPointer) {
        appendByte(0x22)
        appendJSONCharacters(text, asJava: false)
        appendByte(0x22)
    }

    /// The same as Jackson writes it: characters beyond U+FFFF as two escapes, with uppercase hexadecimal digits.
    public mutating func appendJavaJSONString(_ text: UnsafeRawBufferPointer) {
        appendByte(0x22)
        appendJSONCharacters(text, asJava: true)
        appendByte(0x22)
    }

    @inline(__always)
    private mutating func appendJSONCharacters(_ text: UnsafeRawBufferPointer, asJava: Bool) {
        guard let source = text.baseAddress else { return }
        let length = text.count
        var position = 0
        while position < length {
            let clean = Self.lengthOfPlainASCII(source + position, length - position)
            if clean > 0 {
                append(UnsafeRawBufferPointer(start: source + position, count: clean))
                position += clean
                if position == length { return }
            }
            let byte = source.load(fromByteOffset: position, as: UInt8.self)
            guard byte >= 0x80 else {
                appendEscaped(byte, asJava: asJava)
                position += 1
                continue
            }
            let (scalar, size) = UTF8Decoding.scalar(source, position, length)
            if scalar == 0xfffd, size == 1 {
                appendText("\u{fffd}")
            } else if asJava, size == 4 {
                appendSurrogates(scalar)
            } else {
                append(UnsafeRawBufferPointer(start: source + position, count: size))
            }
            position += size
        }
    }

    /// The number of leading bytes that need no escape: ASCII, no control characters, no quotes or backslashes.
    @inline(__always)
    private static func lengthOfPlainASCII(_ source: UnsafeRawPointer, _ length: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        var position = 0
        while position + 8 <= length {
            let word = source.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            // The high bit of a byte is set if the byte is a quote or backslash (zero after the XOR), below 0x20, or
            // not ASCII. A borrow can only corrupt bytes above the first match.
            let quotes = word ^ (ones &* 0x22)
            let slashes = word ^ (ones &* 0x5c)
            let found =
                ((quotes &- ones) & ~quotes | (slashes &- ones) & ~slashes | (word &- ones &* 0x20) & ~word | word)
                & highs
            if found != 0 { return position + found.trailingZeroBitCount >> 3 }
            position += 8
        }
        while position < length {
            let byte = source.load(fromByteOffset: position, as: UInt8.self)
            if byte < 0x20 || byte >= 0x80 || byte == 0x22 || byte == 0x5c { break }
            position += 1
        }
        return position
    }

    /// `\uD83D\uDE00` for U+1F600.
    private mutating func appendSurrogates(_ scalar: UInt32) {
        for unit in [0xd800 + (scalar - 0x1_0000) >> 10, 0xdc00 + (scalar - 0x1_0000) & 0x3ff] {
            appendText("\\u")
            for shift: UInt32 in [12, 8, 4, 0] { appendByte(Self.upperHexDigit(UInt8(unit >> shift & 15))) }
        }
    }

    private static func upperHexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }

    private mutating func appendEscaped(_ byte: UInt8, asJava: Bool) {
        appendByte(0x5c)
        switch byte {
        case 0x22, 0x5c: appendByte(byte)
        case 0x08: appendByte(0x62)
        case 0x09: appendByte(0x74)
        case 0x0a: appendByte(0x6e)
        case 0x0c: appendByte(0x66)
        case 0x0d: appendByte(0x72)
        default:
            appendText("u00")
            appendByte(Self.hexDigit(byte >> 4))
            appendByte(asJava ? Self.upperHexDigit(byte & 15) : Self.hexDigit(byte & 15))
        }
    }
}
