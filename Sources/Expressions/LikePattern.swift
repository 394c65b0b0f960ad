import Foundation

/// A LIKE pattern: `%` matches any text, `_` one code point. The pattern is split at `%` into pieces: the first is
/// anchored at the start, the last at the end, and those between are searched from left to right.
struct LikePattern: Sendable {
    private struct Piece: Sendable {
        /// The literal bytes, with a zero byte for each `_`.
        var bytes: [UInt8] = []
        /// Indices of `_` in `bytes`, ascending.
        var wildcards: [Int] = []

        var isEmpty: Bool { bytes.isEmpty }
        /// Length in code points.
        var length = 0

        /// The end of a match that begins at `start`; nil if there is none.
        func end(in text: UnsafeRawBufferPointer, from start: Int) -> Int? {
            if wildcards.isEmpty {
                guard start + bytes.count <= text.count else { return nil }
                for index in 0..<bytes.count where text[start + index] != bytes[index] { return nil }
                return start + bytes.count
            }
            var position = start
            var next = 0
            for index in 0..<bytes.count {
                guard position < text.count else { return nil }
                if next < wildcards.count, wildcards[next] == index {
                    next += 1
                    position = text.nextCodePoint(after: position)
                } else {
                    guard text[position] == bytes[index] else { return nil }
                    position += 1
                }
            }
            return position
        }
    }

    private var pieces: [Piece] = [Piece()]

    init(_ pattern: UnsafeRawBufferPointer, escape: UInt8?) {
        var isEscaped = false
        for byte in pattern {
            if isEscaped || (byte != UInt8(ascii: "%") && byte != UInt8(ascii: "_") && byte != escape) {
                pieces[pieces.count - 1].bytes.append(byte)
                isEscaped = false
            } else if byte == escape {
                isEscaped = true
            } else if byte == UInt8(ascii: "%") {
                pieces.append(Piece())
            } else {
                pieces[pieces.count - 1].wildcards.append(pieces[pieces.count - 1].bytes.count)
                pieces[pieces.count - 1].bytes.append(0)
            }
        }
        // A trailing escape character is literal.
        if isEscaped, let escape { pieces[pieces.count - 1].bytes.append(escape) }
        // Count the bytes that start a code point. The zero byte of a `_` counts as one.
        for index in pieces.indices { pieces[index].length = pieces[index].bytes.count { $0 & 0xc0 != 0x80 } }
    }

    func matches(_ text: UnsafeRawBufferPointer) -> Bool {
        guard var position = pieces[0].end(in: text, from: 0) else { return false }
        if pieces.count == 1 { return position == text.count }
        for index in 1..<pieces.count - 1 where !pieces[index].isEmpty {
            guard let end = find(pieces[index], in: text, from: position) else { return false }
            position = end
        }
        let last = pieces[pieces.count - 1]
        if last.isEmpty { return true }
        var start = text.count
        for _ in 0..<last.length {
            guard start > position else { return false }
            start = text.previousCodePoint(before: start)
        }
        return start >= position && last.end(in: text, from: start) == text.count
    }

    private func find(_ piece: Piece, in text: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var position = start
        while position < text.count {
            if let end = piece.end(in: text, from: position) { return end }
            position = text.nextCodePoint(after: position)
        }
        return nil
    }
}

extension UnsafeRawBufferPointer {
    /// The start of the next code point after the one at `position`.
    @inline(__always)
    func nextCodePoint(after position: Int) -> Int {
        var next = position + 1
        while next < count, self[next] & 0xc0 == 0x80 { next += 1 }
        return next
    }

    /// The start of the code point before `position`.
    @inline(__always)
    func previousCodePoint(before position: Int) -> Int {
        var previous = position - 1
        while previous > 0, self[previous] & 0xc0 == 0x80 { previous -= 1 }
        return previous
    }

    var codePointCount: Int {
        var total = 0
        for byte in self where byte & 0xc0 != 0x80 { total += 1 }
        return total
    }

    /// The length in bytes of the first `codePoints` code points, or of the whole text if it is shorter.
    func byteOffset(ofCodePoint codePoints: Int) -> Int {
        var position = 0
        var left = codePoints
        while left > 0, position < count {
            position = nextCodePoint(after: position)
            left -= 1
        }
        return position
    }

    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self[range]) }

    /// The index of the first occurrence of `needle` at or after `start`.
    func firstPosition(of needle: UnsafeRawBufferPointer, from start: Int = 0) -> Int? {
        guard needle.count > 0, let wanted = needle.baseAddress else { return start }
        guard let base = baseAddress, start <= count - needle.count else { return nil }
        let last = count - needle.count
        var position = start
        while position <= last {
            guard let found = memchr(base + position, Int32(needle[0]), last - position + 1) else { return nil }
            position = UnsafeRawPointer(found) - base
            if memcmp(base + position, wanted, needle.count) == 0 { return position }
            position += 1
        }
        return nil
    }
}
