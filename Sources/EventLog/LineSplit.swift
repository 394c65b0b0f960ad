import Foundation

/// Finds the separator between key and value in a line that may contain JSON.
enum LineSplit {
    /// The first separator outside the JSON value the line begins with, if any; nil when there is none.
    static func separator(_ separator: UInt8, in line: UnsafeRawBufferPointer) -> Int? {
        guard let base = line.baseAddress, let hit = memchr(base, Int32(separator), line.count) else { return nil }
        let first = UnsafeRawPointer(hit) - base
        // Fast path: most lines have no separator, or one after a key that is not JSON.
        switch line[0] {
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\""): break
        default: return first
        }
        let end = endOfJSON(line)
        return line[end...].firstIndex(of: separator)
    }

    /// The position after the object, array or string that the line begins with; the end of the line if it is not
    /// closed.
    private static func endOfJSON(_ line: UnsafeRawBufferPointer) -> Int {
        var depth = 0
        var isInText = false
        var index = 0
        while index < line.count {
            let byte = line[index]
            index += 1
            if isInText {
                if byte == UInt8(ascii: "\\") { index = min(index + 1, line.count) }
                if byte == UInt8(ascii: "\"") { isInText = false }
            } else {
                switch byte {
                case UInt8(ascii: "\""): isInText = true
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
                default: break
                }
            }
            if depth <= 0 && !isInText { return index }
        }
        return line.count
    }
}
