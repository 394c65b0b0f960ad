import Bytes
import ObjectStorage

/// All file names of a log.
///
/// Topic names cannot contain `~`, so a directory with `~` in its name is never taken for a topic.
struct LogPaths: Sendable {
    let root: String

    var rootLock: String { root + "/~lock" }
    func topic(_ topic: String) -> String { root + "/" + topic }
    func topicLock(_ topic: String) -> String { root + "/" + topic + "/.lock" }
    func properties(_ topic: String) -> String { Self.properties(in: self.topic(topic)) }
    static func properties(in directory: String) -> String { directory + "/topic.properties" }
    func creating(_ topic: String) -> String { root + "/" + topic + "~creating" }
    func deleted(_ topic: String) -> String { root + "/" + topic + "~deleted" }
    func partition(_ topic: String, _ partition: Int) -> String { root + "/" + topic + "/" + String(partition) }
}

/// The files of one segment.
struct SegmentPaths: Sendable, Equatable {
    let directory: String
    let baseOffset: Int64

    var log: String { path("log") }
    var offsetIndex: String { path("index") }
    var timeIndex: String { path("timeindex") }

    private func path(_ kind: String) -> String {
        let digits = String(baseOffset)
        return directory + "/" + String(repeating: "0", count: max(0, 20 - digits.count)) + digits + "." + kind
    }

    /// The base offset of a file name of 20 digits with the extension; nil for any other name.
    static func baseOffset(_ name: String, kind: String) -> Int64? {
        guard name.hasSuffix("." + kind) else { return nil }
        let digits = name.dropLast(kind.count + 1)
        guard digits.utf8.count == 20, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return Int64(digits)
    }

    /// The segments of a partition, oldest first.
    static func list(_ directory: String, _ files: any FileSystem) throws(WeirError) -> [SegmentPaths] {
        var bases: [Int64] = []
        for entry in try files.list(directory) where !entry.isDirectory {
            if let base = baseOffset(entry.name, kind: "log") { bases.append(base) }
        }
        bases.sort()
        return bases.map { SegmentPaths(directory: directory, baseOffset: $0) }
    }
}
