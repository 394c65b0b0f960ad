import IcebergFormat
import Topology

/// The plan of a topology, as text and as JSON.
struct TopologyPlanText {
    private let topology: Topology
    private let existing: [String: [String: String]]
    private let matching: [String: [String]]
    private static let shownTopicsMax = 10

    /// - Parameters:
    ///   - existing: the properties of the tables that already exist in the warehouse. A run uses these.
    ///   - matching: the topics that currently match a source's pattern, for the sources that were queried.
    init(_ topology: Topology, existing: [String: [String: String]] = [:], matching: [String: [String]] = [:]) {
        self.topology = topology
        self.existing = existing
        self.matching = matching
    }

    var text: String {
        var lines = ["topology '\(topology.name)' can run, with a commit every \(topology.pipeline.commitInterval)"]
        lines.append("sources")
        for source in topology.sources {
            let pattern = source.topicPattern.map { ["topics that match \($0)"] } ?? []
            let topics = (source.topics + pattern).joined(separator: ", ")
            lines.append("  \(source.name): \(topics) (\(source.kind.rawValue), \(source.format.rawValue))")
            if let topics = matching[source.name] { lines.append("    \(Self.shown(topics))") }
            lines.append("    from \(startup(source)) where a table has no positions yet")
        }
        lines.append("tables")
        for table in topology.tables {
            let columns = HumanText.count(table.sinkSchema.count, "column")
            lines.append("  \(table.name): \(columns), \(key(table.primaryKey)), \(state(table.name))")
            if !table.partitions.isEmpty {
                lines.append("    partitioned by \(table.partitions.map(\.description).joined(separator: ", "))")
            }
            let sources = topology.routes.filter { route in
                topology.sources.flatMap(\.topics).contains { route.target(of: $0) == table.name }
            }
            if !sources.isEmpty {
                lines.append("    from source tables \(sources.map(\.pattern.text).joined(separator: ", "))")
            }
            if let filter = table.transform?.filter { lines.append("    rows where \(filter.text)") }
            if let projection = table.transform?.projection { lines.append("    columns \(projection.text)") }
            if let store = logStore(table.name, table.properties) { lines.append("    \(store.text)") }
        }
        if !topology.joins.isEmpty { lines.append("joins") }
        for join in topology.joins {
            let shape = "\(join.from) \(join.kind.rawValue) join \(join.lookup) as \(join.alias) on \(condition(join))"
            lines.append("  \(join.name): \(shape)")
            lines.append("    columns \(join.select.text); \(key(join.primaryKey)), \(state(join.name))")
            lines.append(
                "    a row of \(join.from) is joined once, when it is read: later changes of \(join.lookup) do not touch rows "
                    + "already joined"
            )
            if let store = logStore(join.name, join.properties) { lines.append("    \(store.text)") }
        }
        if !sinks.isEmpty { lines.append("sinks besides the warehouse") }
        for sink in sinks {
            lines.append("  \(sink.name ?? "unnamed"): \(sink.kind.rawValue), \(sink.format?.rawValue ?? "no format")")
            for (table, topic) in outputs(sink) { lines.append("    changes of \(table) to topic \(topic)") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    var json: JSONValue {
        var object = JSONObject()
        object["name"] = .string(topology.name)
        object["sources"] = .array(
            topology.sources.map { source in
                var entry = JSONObject()
                entry["name"] = .string(source.name)
                entry["type"] = .string(source.kind.rawValue)
                entry["format"] = .string(source.format.rawValue)
                entry["topics"] = .array(source.topics.map { .string($0) })
                entry["topic_pattern"] = .optional(source.topicPattern?.text)
                entry["matching_topics"] = matching[source.name].map { .array($0.map { .string($0) }) } ?? .null
                entry["startup"] = .string(startup(source))
                return .object(entry)
            }
        )
        object["tables"] = .array(
            topology.tables.map { table in
                var entry = JSONObject()
                entry["name"] = .string(table.name)
                entry["exists"] = .bool(existing[table.name] != nil)
                entry["columns"] = .array(table.sinkSchema.fields.map { .string("\($0.name) \($0.type)") })
                entry["primary_key"] = .array(table.primaryKey.map { .string($0) })
                entry["partition_by"] = .array(table.partitions.map { .string($0.description) })
                entry["log_store"] = logStore(table.name, table.properties)?.json ?? .null
                return .object(entry)
            }
        )
        object["joins"] = .array(
            topology.joins.map { join in
                var entry = JSONObject()
                entry["name"] = .string(join.name)
                entry["exists"] = .bool(existing[join.name] != nil)
                entry["from"] = .string(join.from)
                entry["lookup"] = .string(join.lookup)
                entry["type"] = .string(join.kind.rawValue)
                entry["on"] = .string(condition(join))
                entry["columns"] = .array(join.schema.fields.map { .string("\($0.name) \($0.type)") })
                entry["primary_key"] = .array(join.primaryKey.map { .string($0) })
                entry["log_store"] = logStore(join.name, join.properties)?.json ?? .null
                return .object(entry)
            }
        )
        object["sinks"] = .array(
            sinks.map { sink in
                var entry = JSONObject()
                entry["name"] = .optional(sink.name)
                entry["type"] = .string(sink.kind.rawValue)
                entry["format"] = .optional(sink.format?.rawValue)
                entry["topics"] = .array(
                    outputs(sink).map { output in
                        var pair = JSONObject()
                        pair["table"] = .string(output.table)
                        pair["topic"] = .string(output.topic)
                        return .object(pair)
                    }
                )
                return .object(entry)
            }
        )
        return .object(object)
    }

    /// The Kafka sinks: they receive the changes, and the warehouse stores the tables.
    private var sinks: [Topology.Sink] { topology.sinks.filter { $0.kind == .kafka } }

    private func outputs(_ sink: Topology.Sink) -> [(table: String, topic: String)] {
        let names = topology.tables.map(\.name) + topology.joins.map(\.name)
        return names.compactMap { name in sink.topic(of: name).map { (name, $0) } }
    }

    private func key(_ columns: [String]) -> String {
        columns.isEmpty ? "no key" : "key \(columns.joined(separator: ", "))"
    }

    private func state(_ table: String) -> String { existing[table] != nil ? "exists" : "will be created" }

    /// Nil for a table without a LogStore or with wrong LogStore properties. The latter are reported as a problem.
    private func logStore(_ table: String, _ declared: [String: String]) -> LogStorePlan? {
        LogStorePlan(existing[table] ?? declared)
    }

    private static func shown(_ topics: [String]) -> String {
        if topics.isEmpty { return "no topic matches yet" }
        let more = topics.count - shownTopicsMax
        let names = topics.prefix(shownTopicsMax).joined(separator: ", ")
        return "matching now: \(names)" + (more > 0 ? " and \(more) more" : "")
    }

    private func startup(_ source: Topology.Source) -> String {
        switch source.startup {
        case .earliest: "the earliest offset"
        case .latest: "the latest offset"
        case .timestamp(let time): TimeText.text(time)
        case .groupOffsets: "the offsets of the consumer group"
        case .offsets(let offsets):
            offsets.sorted { $0.key < $1.key }
                .map { "offset \($0.value) of \($0.key.topic)/\($0.key.partition)" }
                .joined(separator: ", ")
        }
    }

    private func condition(_ join: Topology.Join) -> String {
        let from = topology.table(named: join.from)?.sinkSchema.fields ?? []
        let lookup = topology.table(named: join.lookup)?.sinkSchema.fields ?? []
        return join.keys.compactMap { pair in
            guard from.indices.contains(pair.from), lookup.indices.contains(pair.lookup) else { return nil }
            return "\(from[pair.from].name) = \(join.alias).\(lookup[pair.lookup].name)"
        }.joined(separator: " and ")
    }
}
