import Bytes
import ChangeEvents
import EventDecoders
import EventLog

extension Checker {
    private static let timestampUnit = "debezium-json.timestamp-unit"
    private static let timeUnit = "debezium-json.time-unit"

    mutating func source(_ value: Value) -> Topology.Source? {
        guard let block = block(value, TopologyKeys.source) else { return nil }
        let name = text(block, "name") ?? ""
        checkUnique(name, "source", block.value("name")?.position ?? block.position)
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
            onLostOffsets: choice(block, "scan.on-lost-offsets", LostOffsets.self) ?? .fail,
            path: text(block, "path"),
            properties: properties,
            timeUnit: choice(block, Self.timeUnit, TimeUnit.self),
            timestampUnit: choice(block, Self.timestampUnit, TimeUnit.self),
            timeUnits: units(block, Self.timeUnit),
            timestampUnits: units(block, Self.timestampUnit),
            decimalText: choice(block, "debezium-json.decimal-text", DebeziumJSONOptions.DecimalText.self)
                ?? .number,
            unavailableValue: text(block, "debezium-json.unavailable-value"),
            registryHeader: choice(block, "debezium-json.schema-registry-header", Topology.Source.RegistryHeader.self)
                ?? .refuse
        )
    }

    /// The units of single columns, from keys of the form `<key>.<column>`.
    private mutating func units(_ block: Block, _ key: String) -> [String: TimeUnit] {
        var units: [String: TimeUnit] = [:]
        for entry in block.keys where entry.key.hasPrefix(key + ".") {
            let column = String(entry.key.dropFirst(key.count + 1))
            if let unit = choice(block, entry.key, TimeUnit.self) { units[column] = unit }
        }
        return units
    }

    /// Warns of units for a column that no table has; the name is probably misspelt.
    mutating func checkUnits(of sources: [Topology.Source], _ tables: [CheckedTable], _ positions: [Topology.Position])
    {
        let columns = Set(tables.flatMap { $0.columns ?? [] })
        for (source, position) in zip(sources, positions) {
            for (key, units) in [(Self.timeUnit, source.timeUnits), (Self.timestampUnit, source.timestampUnits)] {
                for name in units.keys.sorted() where !columns.contains(where: { ".\(name)".hasSuffix(".\($0)") }) {
                    let column = name.split(separator: ".").last.map(String.init) ?? name
                    warn(
                        position,
                        "'\(key).\(name)' names a column that no table has",
                        NearestName.advice(for: column, among: columns.sorted())
                    )
                }
            }
        }
    }

    private mutating func topics(_ block: Block, _ kind: Topology.Source.Kind?) -> (
        names: [String], pattern: NamePattern?
    ) {
        let topics = texts(block, "topics")
        for topic in topics { checkUnique(topic.text, "topic", topic.position) }
        // `topic-pattern` is Flink's name, `topics.regex` Weir's older one.
        let key = block.entry("topic-pattern") == nil ? "topics.regex" : "topic-pattern"
        let pattern = pattern(block, key)
        if let value = block.value(key), value.scalar?.isEmpty == true {
            add(value.position, "'\(key)' of \(block.what) is empty and matches no topic", "write such as shop\\..*")
        }
        if key == "topic-pattern", let other = block.entry("topics.regex") {
            add(other.position, "\(block.what) has both 'topic-pattern' and 'topics.regex'", "keep one of them")
        }
        switch (block.value("topics"), block.value(key)) {
        case (nil, nil): add(block.position, "\(block.what) needs 'topics' or 'topic-pattern'")
        case (_?, let regex?) where kind == .fileLog:
            add(regex.position, "\(block.what) has both 'topics' and '\(key)'", "keep one of them")
        case (let list?, nil) where topics.isEmpty: add(list.position, "\(block.what) lists no topic")
        default: break
        }
        return (topics.map(\.text), pattern)
    }
}
