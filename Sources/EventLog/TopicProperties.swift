import Bytes
import ObjectStorage

/// The settings of one topic, under Kafka's names: `retention.ms`, `retention.bytes`, `segment.ms`, `segment.bytes`.
///
/// They are stored in `<topic>/topic.properties`, one `name=value` per line, and override the settings of the log. −1
/// keeps everything, as in Kafka.
public struct TopicProperties: Sendable, Equatable {
    public static let names = ["retention.bytes", "retention.ms", "segment.bytes", "segment.ms"]

    /// Values by name, validated by `init`.
    public let values: [String: Int64]

    /// Fails for an unknown name, suggesting the nearest known one, and for a value that is not a number in range.
    public init(_ texts: [String: String]) throws(WeirError) {
        var values: [String: Int64] = [:]
        for (name, text) in texts.sorted(by: { $0.key < $1.key }) {
            guard Self.names.contains(name) else {
                throw WeirError(
                    .invalid,
                    "topics have no setting '\(name)'",
                    advice: NearestName.advice(for: name, among: Self.names)
                )
            }
            guard let value = Int64(text), value > 0 || (value == -1 && name.hasPrefix("retention.")) else {
                let range = name.hasPrefix("retention.") ? "a positive number, or -1 for no limit" : "a positive number"
                throw WeirError(.invalid, "\(name) is '\(text)'", advice: "give \(range)")
            }
            values[name] = value
        }
        self.values = values
    }

    /// The log's settings with the topic's overrides applied.
    func applied(to settings: FileLogSettings) throws(WeirError) -> FileLogSettings {
        var result = settings
        if let bytes = values["retention.bytes"] { result.retentionBytes = bytes < 0 ? nil : bytes }
        if let age = values["retention.ms"] { result.retentionMilliseconds = age < 0 ? nil : age }
        if let bytes = values["segment.bytes"] { result.segmentBytes = Int(clamping: bytes) }
        if let age = values["segment.ms"] { result.segmentAgeMilliseconds = age }
        try result.check()
        return result
    }

    var fileBytes: [UInt8] {
        Array(values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)\n" }.joined().utf8)
    }

    /// Reads the properties file of a topic; empty when there is none.
    static func read(_ path: String, _ files: any FileSystem) throws(WeirError) -> TopicProperties {
        guard let status = try files.status(path) else { return try TopicProperties([:]) }
        let bytes = try files.open(path, .read).read(count: Int(status.size), at: 0)
        var texts: [String: String] = [:]
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw WeirError(.corrupt, "a line is not of the form name=value: '\(line)'", at: path)
            }
            texts[parts[0]] = parts[1]
        }
        do {
            return try TopicProperties(texts)
        } catch {
            throw error.located(at: path)
        }
    }
}

extension FileLog {
    /// The settings of one topic that differ from the log's.
    public func properties(of topic: String) throws(WeirError) -> TopicProperties {
        _ = try partitions(of: topic)
        return try TopicProperties.read(paths.properties(topic), files)
    }
}
