import Foundation

/// A LIKE pattern: `%` stands for any text, `_` for one code point. Cut at the `%` into pieces, of which the first is
/// tied to the start, the last to the end, and those between are found from left to right.
struct LikePattern: Sendable {
    private struct Piece: Sendable {
        /// The literal bytes; one zero byte in the place of each `_`.
        var bytes: [UInt8] = []
        /// Places of `_` in `bytes`, ascending.
        var wildcards: [Int] = []

        var isEmpty: Bool { bytes.isEmpty }
        /// Code points it takes.
        var length = 0

        /// Where a match that begins at `start` ends.
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
        // An escape at the very end stands for itself.
        if isEscaped, let escape { pieces[pieces.count - 1].bytes.append(escape) }
        // The zero byte that stands for `_` counts as one code point, like every byte that begins one.
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
    /// The start of the code point behind the one at `place`.
    @inline(__always)
    func nextCodePoint(after place: Int) -> Int {
        var next = place + 1
        while next < count, self[next] & 0xc0 == 0x80 { next += 1 }
        return next
    }

    /// The start of the code point in front of `place`.
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

    /// Bytes that the first `codePoints` take; all of them when there are fewer.
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

    /// The place of the first occurrence of `needle` at or behind `start`.
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
