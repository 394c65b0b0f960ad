import Bytes
import Foundation

/// Finds what tells a dead letter from others in its line, without taking apart the record it carries.
enum DeadLetterLine {
    struct Identity: Hashable {
        let topic: String
        let partition: Int
        let offset: Int64
        /// Of the whole line: a topic that was made anew has other records at the same offsets.
        let checksum: UInt32
    }

    /// Nil for a line that is no dead letter.
    static func identity(_ line: [UInt8]) -> Identity? {
        if let found = line.withUnsafeBufferPointer({ fields($0) }) { return found }
        // Names with escapes in them, and what is not laid out as this program lays it out.
        guard let letter = try? JSONDecoder().decode(DeadLetter.self, from: Data(line)) else { return nil }
        return Identity(
            topic: letter.topic,
            partition: letter.partition,
            offset: letter.offset,
            checksum: line.withUnsafeBytes { CRC32C.checksum($0) }
        )
    }

    /// Walks over the members of a flat object of strings, numbers and nulls; nil for anything else.
    private static func fields(_ line: UnsafeBufferPointer<UInt8>) -> Identity? {
        guard line.first == UInt8(ascii: "{"), line.last == UInt8(ascii: "}") else { return nil }
        var topic: String?
        var partition: Int?
        var offset: Int64?
        var place = 1
        while place < line.count {
            guard let name = text(line, &place), name.isPlain, place < line.count,
                line[place] == UInt8(ascii: ":")
            else { return nil }
            place += 1
            guard place < line.count else { return nil }
            let key = String(decoding: line[name.range], as: UTF8.self)
            if line[place] == UInt8(ascii: "\"") {
                guard let value = text(line, &place) else { return nil }
                if key == "topic" {
                    guard value.isPlain else { return nil }
                    topic = String(decoding: line[value.range], as: UTF8.self)
                }
            } else {
                let start = place
                while place < line.count, line[place] != UInt8(ascii: ","), line[place] != UInt8(ascii: "}") {
                    place += 1
                }
                let value = String(decoding: line[start..<place], as: UTF8.self)
                if key == "partition" { partition = Int(value) }
                if key == "offset" { offset = Int64(value) }
                guard Int64(value) != nil || value == "null" else { return nil }
            }
            guard place < line.count else { return nil }
            if line[place] == UInt8(ascii: "}") { break }
            guard line[place] == UInt8(ascii: ",") else { return nil }
            place += 1
        }
        guard place == line.count - 1, let topic, let partition, let offset else { return nil }
        return Identity(
            topic: topic,
            partition: partition,
            offset: offset,
            checksum: CRC32C.checksum(UnsafeRawBufferPointer(line))
        )
    }

    /// The inside of the string that begins at `place`, which moves behind it. Plain is one without escapes.
    private static func text(
        _ line: UnsafeBufferPointer<UInt8>,
        _ place: inout Int
    ) -> (range: Range<Int>, isPlain: Bool)? {
        guard line[place] == UInt8(ascii: "\"") else { return nil }
        let start = place + 1
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
        place = end + 1
        return (start..<end, isPlain)
    }
}
