import Bytes
import EventLog

/// A topic that a source reads and that does not exist.
struct MissingTopic {
    let topic: String
    let source: String
    /// The existing topics that the source does not read.
    private let others: [String]
    private let isAlone: Bool

    private static let shownMax = 8

    /// - Parameters:
    ///   - existing: the topics of the log.
    ///   - read: the topics that the source reads by name.
    init(_ topic: String, _ source: String, among existing: [String], read: [String]) {
        self.topic = topic
        self.source = source
        others = existing.filter { !read.contains($0) }
        isAlone = existing.isEmpty
    }

    func error(in log: any PartitionedLog) -> WeirError {
        WeirError(
            .notFound,
            "source '\(source)' reads topic '\(topic)', which does not exist",
            at: log.location,
            advice: advice(fileLog: (log as? FileLog)?.root)
        )
    }

    /// - Parameter root: the root of a file log; nil for brokers.
    func advice(fileLog root: String?) -> String {
        if let meant = NearestName.nearest(to: topic, among: others) { return "did you mean '\(meant)'?" }
        var parts = ["create it on the broker"]
        if let root { parts = ["create it with 'weir log create \(topic) --log-root \(Self.quoted(root))'"] }
        if !others.isEmpty {
            let more = others.count - Self.shownMax
            let names = others.sorted().prefix(Self.shownMax).joined(separator: ", ")
            parts.append("other topics there are \(names)" + (more > 0 ? " and \(more) more" : ""))
        } else if isAlone, root != nil {
            parts.append("that log has no topics; a relative warehouse or path counts from the current folder")
        }
        return parts.joined(separator: "; ")
    }

    private static func quoted(_ path: String) -> String {
        let isPlain = path.allSatisfy { $0.isLetter || $0.isNumber || "/._-".contains($0) }
        return isPlain ? path : "\"\(path)\""
    }
}
