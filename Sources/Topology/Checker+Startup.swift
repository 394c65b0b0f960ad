import Bytes
import ChangeEvents
import EventLog

extension Checker {
    private enum StartupMode: String, CaseIterable {
        case earliest = "earliest-offset"
        case latest = "latest-offset"
        case timestamp
        case specificOffsets = "specific-offsets"
        case groupOffsets = "group-offsets"

        /// The additional key that only this mode takes.
        var detail: String? {
            switch self {
            case .timestamp: "scan.startup.timestamp-millis"
            case .specificOffsets: "scan.startup.specific-offsets"
            case .earliest, .latest, .groupOffsets: nil
            }
        }
    }

    mutating func startup(
        _ block: Block,
        _ kind: Topology.Source.Kind?,
        _ topics: [String],
        _ pattern: NamePattern?
    ) -> Startup {
        let mode = choice(block, "scan.startup.mode", StartupMode.self)
        // A misspelt mode is already reported, and its additional key is unknown.
        let isKnown = mode != nil || block.value("scan.startup.mode") == nil
        for other in StartupMode.allCases where isKnown && other != mode {
            guard let detail = other.detail, let entry = block.entry(detail) else { continue }
            add(entry.position, "'\(detail)' has no effect", "it belongs to scan.startup.mode: \(other.rawValue)")
        }
        let position = block.value("scan.startup.mode")?.position ?? block.position
        if let mode, let detail = mode.detail, block.value(detail) == nil {
            let does = mode == .timestamp ? "begins at that time" : "begins at those offsets"
            add(position, "\(block.what) needs '\(detail)'", "scan.startup.mode: \(mode.rawValue) \(does)")
        }
        switch mode ?? .earliest {
        case .earliest: return .earliest
        case .latest: return .latest
        case .timestamp:
            let time = parsed(block, "scan.startup.timestamp-millis", "write milliseconds since 1970") { text in
                Int64(text).flatMap { $0 >= 0 ? $0 : nil }
            }
            return .timestamp(time ?? 0)
        case .specificOffsets: return .offsets(specificOffsets(block, topics, pattern))
        case .groupOffsets:
            if kind == .fileLog {
                add(
                    position,
                    "a file-log keeps no group offsets",
                    "choose another mode; tables keep their own positions"
                )
            } else if kind == .kafka, block.value("properties.group.id") == nil {
                add(
                    position,
                    "\(block.what) needs 'properties.group.id'",
                    "scan.startup.mode: group-offsets begins where that group stopped"
                )
            }
            return .groupOffsets
        }
    }

    /// `partition:0,offset:42;topic:orders,partition:1,offset:300`.
    private mutating func specificOffsets(
        _ block: Block,
        _ topics: [String],
        _ pattern: NamePattern?
    ) -> [TopicPartition: Int64] {
        let key = "scan.startup.specific-offsets"
        var offsets: [TopicPartition: Int64] = [:]
        let form =
            "write partition:0,offset:42;partition:1,offset:300, with topic:NAME, in front where there are several"
        for member in texts(block, key, separators: [";"]) where !member.text.isEmpty {
            guard let start = StartupOffset(member.text) else {
                add(member.position, "'\(member.text)' is no value of '\(key)'", form)
                continue
            }
            guard let topic = start.topic ?? (pattern == nil && topics.count == 1 ? topics[0] : nil) else {
                if !topics.isEmpty || pattern != nil {
                    add(member.position, "'\(member.text)' names no topic, and \(block.what) may read several", form)
                }
                continue
            }
            let partition = TopicPartition(topic: topic, partition: start.partition)
            if !topics.contains(topic), pattern?.matches(topic) != true {
                let advice = NearestName.advice(for: topic, among: topics)
                add(member.position, "\(block.what) does not read topic '\(topic)'", advice)
            } else if offsets[partition] != nil {
                add(member.position, "'\(key)' names partition \(start.partition) of '\(topic)' twice")
            }
            offsets[partition] = start.offset
        }
        if let value = block.value(key), offsets.isEmpty,
            texts(block, key, separators: [";"]).allSatisfy(\.text.isEmpty)
        {
            add(value.position, "'\(key)' names no partition", form)
        }
        return offsets
    }
}

/// One member of `scan.startup.specific-offsets`.
private struct StartupOffset {
    var topic: String?
    let partition: Int
    let offset: Int64

    init?(_ text: String) {
        var parts: [String: String] = [:]
        for part in text.split(separator: ",") {
            // Topic names cannot contain a colon.
            let pair = part.split(separator: ":", omittingEmptySubsequences: false).map { $0.trimmed }
            guard pair.count == 2, !pair[1].isEmpty, ["topic", "partition", "offset"].contains(pair[0]),
                parts.updateValue(pair[1], forKey: pair[0]) == nil
            else { return nil }
        }
        guard let partition = parts["partition"].flatMap({ Int($0) }), 0...Int(Int32.max) ~= partition,
            let offset = parts["offset"].flatMap({ Int64($0) }), offset >= 0
        else { return nil }
        topic = parts["topic"]
        self.partition = partition
        self.offset = offset
    }
}
