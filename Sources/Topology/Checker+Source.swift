import Bytes

extension Checker {
    private static let sourceKeys = [
        "name", "type", "topics", "topic-pattern", "topics.regex", "format", "path", "scan.startup.mode",
        "scan.startup.timestamp-millis", "scan.startup.specific-offsets", "scan.on-lost-offsets",
        "debezium-json.timestamp-unit", "debezium-json.time-unit", "debezium-json.decimal-text",
    ]

    mutating func source(_ value: Value) -> Topology.Source? {
        let required = ["name", "type", "format"]
        guard let block = block(value, "source", keys: Self.sourceKeys, prefix: "properties.", required: required)
        else { return nil }
        let name = text(block, "name") ?? ""
        checkUnique(name, "source", block.value("name")?.place ?? block.place)
        let kind = choice(block, "type", Topology.Source.Kind.self)
        let format = choice(block, "format", Topology.Source.Format.self)
        let (topics, topicPattern) = topics(block, kind)
        let properties = clientProperties(block, isKafka: kind.map { $0 == .kafka })
        if kind == .kafka, let entry = block.entry("path") { reject(entry, in: block, "it is the root of a file-log") }
        return Topology.Source(
            name: name,
            kind: kind ?? .fileLog,
            format: format ?? .debeziumJSON,
            topics: topics,
            topicPattern: topicPattern,
            startup: startup(block, kind, topics, topicPattern),
            onLostOffsets: choice(block, "scan.on-lost-offsets", Topology.Source.LostOffsets.self) ?? .fail,
            path: text(block, "path"),
            properties: properties,
            timeUnit: choice(block, "debezium-json.time-unit", Topology.Source.TimeUnit.self) ?? .microseconds,
            timestampUnit: choice(block, "debezium-json.timestamp-unit", Topology.Source.TimeUnit.self)
                ?? .microseconds,
            decimalText: choice(block, "debezium-json.decimal-text", Topology.Source.DecimalText.self)
                ?? .numberOrBase64
        )
    }

    private mutating func topics(_ block: Block, _ kind: Topology.Source.Kind?) -> ([String], NamePattern?) {
        let topics = texts(block, "topics")
        for topic in topics { checkUnique(topic.text, "topic", topic.place) }
        // Flink's name, and the one Weir began with.
        let key = block.entry("topic-pattern") == nil ? "topics.regex" : "topic-pattern"
        let pattern = pattern(block, key)
        if let value = block.value(key), value.scalar?.isEmpty == true {
            add(value.place, "'\(key)' of \(block.what) is empty and matches no topic", "write such as shop\\..*")
        }
        if key == "topic-pattern", let other = block.entry("topics.regex") {
            add(other.place, "\(block.what) has both 'topic-pattern' and 'topics.regex'", "keep one of them")
        }
        switch (block.value("topics"), block.value(key)) {
        case (nil, nil): add(block.place, "\(block.what) needs 'topics' or 'topic-pattern'")
        case (_?, let regex?) where kind == .fileLog:
            add(regex.place, "\(block.what) has both 'topics' and '\(key)'", "keep one of them")
        case (let list?, nil) where topics.isEmpty: add(list.place, "\(block.what) lists no topic")
        default: break
        }
        return (topics.map(\.text), pattern)
    }
}
