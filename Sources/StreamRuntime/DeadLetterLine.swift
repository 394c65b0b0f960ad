import Bytes
import Foundation

/// Extracts the identity of a dead letter from its line, without decoding the record it carries.
enum DeadLetterLine {
    struct Identity: Hashable {
        let topic: String
        let partition: Int
        let offset: Int64
        let table: String?
        /// CRC-32C of the record's content in the letter: a topic that was recreated has other records at the same
        /// offsets.
        let checksum: UInt32
    }

    /// Encodes a letter as a line.
    static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    /// Nil for a line that is not a dead letter.
    static func identity(_ line: [UInt8]) -> Identity? {
        if let found = line.withUnsafeBufferPointer({ fields($0) }) { return found }
        // Slow path: names with escapes, and lines in a layout that this program does not write.
        guard let letter = try? JSONDecoder().decode(DeadLetter.self, from: Data(line)) else { return nil }
        return Identity(
            topic: letter.topic,
            partition: letter.partition,
            offset: letter.offset,
            table: letter.table,
            checksum: checksum(letter)
        )
    }

    private static let carried: Set = ["key", "keyBase64", "op", "row", "value", "valueBase64"]

    private static func checksum(_ letter: DeadLetter) -> UInt32 {
        let parts = [letter.key, letter.keyBase64, letter.op, letter.row, letter.value, letter.valueBase64]
        return parts.compactMap(\.self).reduce(0) { sum, part in
            var part = part
            return part.withUTF8 { CRC32C.checksum(UnsafeRawBufferPointer($0), continuing: sum) }
        }
    }

    /// Walks over the members of a flat object of strings, numbers and nulls; nil for anything else.
    private static func fields(_ line: UnsafeBufferPointer<UInt8>) -> Identity? {
        guard line.first == UInt8(ascii: "{"), line.last == UInt8(ascii: "}") else { return nil }
        var topic: String?
        var partition: Int?
        var offset: Int64?
        var table: String?
        var checksum: UInt32 = 0
        var index = 1
        while index < line.count {
            guard let name = text(line, &index), name.isPlain, index < line.count,
                line[index] == UInt8(ascii: ":")
            else { return nil }
            index += 1
            guard index < line.count else { return nil }
            let key = String(decoding: line[name.range], as: UTF8.self)
            if line[index] == UInt8(ascii: "\"") {
                guard let value = text(line, &index) else { return nil }
                let inside = UnsafeBufferPointer(rebasing: line[value.range])
                if carried.contains(key) {
                    checksum = CRC32C.checksum(UnsafeRawBufferPointer(inside), continuing: checksum)
                }
                if key == "topic" || key == "table" {
                    guard value.isPlain else { return nil }
                    let decoded = String(decoding: inside, as: UTF8.self)
                    if key == "topic" { topic = decoded } else { table = decoded }
                }
            } else {
                let start = index
                while index < line.count, line[index] != UInt8(ascii: ","), line[index] != UInt8(ascii: "}") {
                    index += 1
                }
                let value = String(decoding: line[start..<index], as: UTF8.self)
                if key == "partition" { partition = Int(value) }
                if key == "offset" { offset = Int64(value) }
                guard Int64(value) != nil || value == "null" else { return nil }
            }
            guard index < line.count else { return nil }
            if line[index] == UInt8(ascii: "}") { break }
            guard line[index] == UInt8(ascii: ",") else { return nil }
            index += 1
        }
        guard index == line.count - 1, let topic, let partition, let offset else { return nil }
        return Identity(
            topic: topic,
            partition: partition,
            offset: offset,
            table: table,
            checksum: checksum
        )
    }

    /// The range between the quotes of the string at `index`; moves `index` past the string. `isPlain`: it has no
    /// escapes.
    private static func text(
        _ line: UnsafeBufferPointer<UInt8>,
        _ index: inout Int
    ) -> (range: Range<Int>, isPlain: Bool)? {
        guard line[index] == UInt8(ascii: "\"") else { return nil }
        let start = index + 1
        var end = start
        var isPlain = true
        while end < line.count, line[end] != UInt8(ascii: "\"") {
            if line[end] == UInt8(ascii: "\\") {
                isPlain = false
                end += 1
            }
            end += 1
        }
        guard end < line.count else { return nil }
        index = end + 1
        return (start..<end, isPlain)
    }
}
