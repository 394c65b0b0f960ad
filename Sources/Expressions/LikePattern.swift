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
            var place = start
            var next = 0
            for index in 0..<bytes.count {
                guard place < text.count else { return nil }
                if next < wildcards.count, wildcards[next] == index {
                    next += 1
                    place = text.nextCodePoint(after: place)
                } else {
                    guard text[place] == bytes[index] else { return nil }
                    place += 1
                }
            }
            return place
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
        guard var place = pieces[0].end(in: text, from: 0) else { return false }
        if pieces.count == 1 { return place == text.count }
        for index in 1..<pieces.count - 1 where !pieces[index].isEmpty {
            guard let end = find(pieces[index], in: text, from: place) else { return false }
            place = end
        }
        let last = pieces[pieces.count - 1]
        if last.isEmpty { return true }
        var start = text.count
        for _ in 0..<last.length {
            guard start > place else { return false }
            start = text.previousCodePoint(before: start)
        }
        return start >= place && last.end(in: text, from: start) == text.count
    }

    private func find(_ piece: Piece, in text: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var place = start
        while place < text.count {
            if let end = piece.end(in: text, from: place) { return end }
            place = text.nextCodePoint(after: place)
        }
        return nil
    }
}

extension UnsafeRawBufferPointer {
    /// The start of the next code point after the one at `place`.
    @inline(__always)
    func nextCodePoint(after place: Int) -> Int {
        var next = place + 1
        while next < count, self[next] & 0xc0 == 0x80 { next += 1 }
        return next
    }

    /// The start of the code point before `place`.
    @inline(__always)
    func previousCodePoint(before place: Int) -> Int {
        var previous = place - 1
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
        var place = 0
        var left = codePoints
        while left > 0, place < count {
            place = nextCodePoint(after: place)
            left -= 1
        }
        return place
    }

    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self[range]) }

    /// The index of the first occurrence of `needle` at or after `start`.
    func firstPlace(of needle: UnsafeRawBufferPointer, from start: Int = 0) -> Int? {
        guard needle.count > 0, let wanted = needle.baseAddress else { return start }
        guard let base = baseAddress, start <= count - needle.count else { return nil }
        let last = count - needle.count
        var place = start
        while place <= last {
            guard let found = memchr(base + place, Int32(needle[0]), last - place + 1) else { return nil }
            place = UnsafeRawPointer(found) - base
            if memcmp(base + place, wanted, needle.count) == 0 { return place }
            place += 1
        }
        return nil
    }
}
