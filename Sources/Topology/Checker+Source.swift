import Bytes
import Foundation

extension Checker {
    private enum StartupMode: String, CaseIterable {
        case earliest = "earliest-offset"
        case latest = "latest-offset"
        case timestamp
    }

    mutating func source(_ value: Value) -> Topology.Source? {
        let keys = [
            "name", "type", "topics", "topics.regex", "format", "scan.startup.mode", "scan.startup.timestamp-millis",
            "path",
            "debezium-json.timestamp-unit", "debezium-json.time-unit", "debezium-json.decimal-text",
        ]
        // Kafka's keys are not unknown, Kafka is.
        if let type = value.entries?.first(where: { $0.key == "type" })?.value, type.scalar == "kafka" {
            add(
                type.place,
                "kafka sources are not supported yet",
                "use type: file-log, which keeps Kafka's record format"
            )
            return nil
        }
        guard let block = block(value, "source", keys: keys, required: ["name", "type", "format"]) else { return nil }
        let name = text(block, "name") ?? ""
        checkUnique(name, "source", block.value("name")?.place ?? block.place)
        let kind = choice(block, "type", Topology.Source.Kind.self)
        let format = choice(block, "format", Topology.Source.Format.self)
        let topics = texts(block, "topics")
        let topicPattern = pattern(block, "topics.regex")
        switch (block.value("topics"), block.value("topics.regex")) {
        case (nil, nil): add(block.place, "\(block.what) needs 'topics' or 'topics.regex'")
        case (_?, let regex?):
            add(regex.place, "\(block.what) has both 'topics' and 'topics.regex'", "keep one of them")
        case (let list?, nil) where topics.isEmpty: add(list.place, "\(block.what) lists no topic")
        default: break
        }
        for topic in topics { checkUnique(topic.text, "topic", topic.place) }
        return Topology.Source(
            name: name,
            kind: kind ?? .fileLog,
            format: format ?? .debeziumJSON,
            topics: topics.map(\.text),
            topicPattern: topicPattern,
            startup: startup(block),
            path: text(block, "path"),
            timeUnit: choice(block, "debezium-json.time-unit", Topology.Source.TimeUnit.self) ?? .microseconds,
            timestampUnit: choice(block, "debezium-json.timestamp-unit", Topology.Source.TimeUnit.self)
                ?? .microseconds,
            decimalText: choice(block, "debezium-json.decimal-text", Topology.Source.DecimalText.self)
                ?? .numberOrBase64
        )
    }

    private mutating func startup(_ block: Block) -> Topology.Source.Startup {
        let mode = choice(block, "scan.startup.mode", StartupMode.self) ?? .earliest
        let time = parsed(block, "scan.startup.timestamp-millis", "write milliseconds since 1970") { text in
            Int64(text).flatMap { $0 >= 0 ? $0 : nil }
        }
        switch mode {
        case .earliest, .latest:
            if let entry = block.entry("scan.startup.timestamp-millis") {
                add(entry.place, "'\(entry.key)' has no effect", "it belongs to scan.startup.mode: timestamp")
            }
            return mode == .earliest ? .earliest : .latest
        case .timestamp:
            if block.value("scan.startup.timestamp-millis") == nil {
                add(
                    block.value("scan.startup.mode")?.place ?? block.place,
                    "\(block.what) needs 'scan.startup.timestamp-millis'",
                    "scan.startup.mode: timestamp begins at that time"
                )
            }
            return .timestamp(time ?? 0)
        }
    }

    mutating func route(_ value: Value, _ declared: [CheckedTable]) -> Topology.Route? {
        let keys = ["source-table", "sink-table", "description"]
        guard let block = block(value, "route", keys: keys, required: ["source-table", "sink-table"]) else {
            return nil
        }
        guard let pattern = pattern(block, "source-table"), let sinkTable = text(block, "sink-table") else {
            return nil
        }
        let place = block.value("sink-table")?.place ?? block.place
        let names = declared.map(\.name)
        // What a group captures is not known, so $1 stands for any text.
        var shape = ""
        var rest = Substring(sinkTable)
        while let next = rest.first {
            rest = rest.dropFirst()
            if next == "$", let digit = rest.first?.wholeNumberValue {
                rest = rest.dropFirst()
                shape += ".*"
                if digit > pattern.groupCount {
                    let has = pattern.groupCount == 0 ? "no group" : "only \(pattern.groupCount)"
                    add(
                        place,
                        "'\(sinkTable)' uses $\(digit), but '\(pattern.text)' has \(has)",
                        "put (…) around the part to reuse"
                    )
                }
            } else {
                shape += NSRegularExpression.escapedPattern(for: String(next))
            }
        }
        if let shape = NamePattern(shape), !names.contains(where: { shape.matches($0) }) {
            if sinkTable.contains("$") {
                let known = names.isEmpty ? nil : "declared are \(names.joined(separator: ", "))"
                add(place, "no declared table has a name like '\(sinkTable)'", known)
            } else {
                add(
                    place,
                    "sink table '\(sinkTable)' is not declared",
                    NearestName.advice(for: sinkTable, among: names)
                )
            }
        }
        return Topology.Route(pattern: pattern, sinkTable: sinkTable, description: text(block, "description"))
    }
}
