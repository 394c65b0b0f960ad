import Bytes

/// Kafka's rule for topic names: 1 to 249 of the letters, digits, `.`, `_` and `-`; not `.` or `..`.
enum TopicName {
    static func check(_ name: String) throws(WeirError) {
        let rule = "use 1 to 249 letters, digits, '.', '_' or '-'"
        guard !name.isEmpty else { throw WeirError(.invalid, "a topic name cannot be empty", advice: rule) }
        guard name != ".", name != ".." else {
            throw WeirError(.invalid, "'\(name)' cannot be a topic name", advice: rule)
        }
        guard name.utf8.count <= 249 else {
            throw WeirError(.invalid, "a topic name has at most 249 characters, not \(name.utf8.count)", advice: rule)
        }
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                continue
            default: throw WeirError(.invalid, "'\(name)' has a character no topic name may have", advice: rule)
            }
        }
    }
}
