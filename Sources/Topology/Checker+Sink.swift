import Bytes

extension Checker {
    private static let warehouseKeys = ["warehouse", "catalog", "catalog-name"]
    private static let kafkaKeys = ["format", "topic", "topic-prefix", "transactional.id.prefix"]

    /// A possible input of a sink: a table or the result of a join.
    struct Output {
        let name: String
        let isKeyed: Bool
    }

    /// The sinks of the file; nil if there is no warehouse.
    mutating func sinks(
        _ top: Block,
        _ topology: String,
        _ outputs: [Output],
        _ sources: [Topology.Source]
    ) -> [Topology.Sink]? {
        guard let value = top.value("sink") else { return nil }
        var sinks: [Topology.Sink] = []
        var producers: [String: (sink: Topology.Sink, position: Topology.Position)] = [:]
        var isWhole = true
        for member in members(value, "sink", allowsOne: true) {
            guard let sink = sink(member, outputs) else {
                isWhole = false
                continue
            }
            if sink.kind == .mixedIceberg { checkUnique("mixed-iceberg", "sink of type", member.position) }
            for output in outputs { checkLoop(sink, output.name, sources, member.position) }
            if sink.kind == .kafka {
                let id = sink.producerID(topology: topology)
                if let first = producers[id] {
                    checkProducers(first, (sink, member.position))
                } else {
                    producers[id] = (sink, member.position)
                }
            }
            sinks.append(sink)
        }
        if sinks.contains(where: { $0.kind == .mixedIceberg }) { return sinks }
        if isWhole, value.scalar == nil {
            add(
                value.position,
                "the topology needs a sink of type mixed-iceberg",
                "it keeps the tables and how far the sources were read; list it beside the others"
            )
        }
        return nil
    }

    private mutating func sink(_ value: Value, _ outputs: [Output]) -> Topology.Sink? {
        guard let block = block(value, TopologyKeys.sink),
            let kind = choice(block, "type", Topology.Sink.Kind.self)
        else { return nil }
        var sink = Topology.Sink(kind: kind)
        sink.name = text(block, "name")
        if let name = sink.name { checkUnique(name, "sink", block.value("name")?.position ?? block.position) }
        sink.tables = tables(block, outputs)
        sink.properties = clientProperties(block, isKafka: kind == .kafka)
        switch kind {
        case .mixedIceberg:
            for key in Self.kafkaKeys { block.entry(key).map { reject($0, in: block, "it belongs to type: kafka") } }
            sink.warehouse = text(block, "warehouse")
            sink.catalog = secret(block, "catalog")
            sink.catalogName = text(block, "catalog-name")
        case .kafka:
            for key in Self.warehouseKeys {
                block.entry(key).map { reject($0, in: block, "it belongs to type: mixed-iceberg") }
            }
            sink.format = format(block, outputs.filter { sink.takes(table: $0.name) })
            sink.transactionalIDPrefix = text(block, "transactional.id.prefix")
            sink.topic = text(block, "topic")
            sink.topicPrefix = text(block, "topic-prefix")
            checkTopic(sink, block, outputs.filter { sink.takes(table: $0.name) }.count)
        }
        return sink
    }

    /// Brokers allow one active client per transactional id: two clients with the same id would fence each other. Sinks
    /// with the same properties share a client.
    private mutating func checkProducers(
        _ first: (sink: Topology.Sink, position: Topology.Position),
        _ second: (sink: Topology.Sink, position: Topology.Position)
    ) {
        guard first.sink.properties != second.sink.properties else { return }
        let what = second.sink.name.map { "sink '\($0)'" } ?? "sink"
        let line = first.position.line
        add(
            second.position,
            "\(what) would have the transactions of the sink on line \(line), whose properties are others",
            "give each a 'name' of its own"
        )
    }

    private mutating func secret(_ block: Block, _ key: String) -> Secret? {
        if case .secret(let secret)? = block.value(key)?.content { return secret }
        return text(block, key).map { Secret($0) }
    }

    private mutating func tables(_ block: Block, _ outputs: [Output]) -> [String] {
        var tables: [String] = []
        for table in texts(block, "tables") {
            if tables.contains(table.text) {
                add(table.position, "\(block.what) lists table '\(table.text)' twice")
            } else if names["table" + table.text] == nil {
                let message = "table '\(table.text)' is not declared"
                addUndeclared(table.text, among: outputs.map(\.name), table.position, message)
            }
            tables.append(table.text)
        }
        if let value = block.value("tables"), tables.isEmpty {
            add(value.position, "\(block.what) lists no table", "leave 'tables' out to take all of them")
        }
        return tables
    }

    private mutating func format(_ block: Block, _ taken: [Output]) -> Topology.Sink.Format {
        guard let entry = block.entry("format") else {
            let known = Topology.Sink.Format.allCases.map(\.rawValue).joined(separator: ", ")
            add(block.position, "\(block.what) needs 'format'", "known are \(known)")
            return .debeziumJSON
        }
        let format = choice(block, "format", Topology.Sink.Format.self)
        if format == .upsertKafka, let table = taken.first(where: { !$0.isKeyed }) {
            add(
                entry.value.position,
                "upsert-kafka needs a primary key, and '\(table.name)' has none",
                "declare one, or leave the table to another sink with 'tables'"
            )
        }
        let keyed = taken.filter(\.isKeyed).map { "'\($0.name)'" }
        if format == .json, !keyed.isEmpty {
            warn(
                entry.value.position,
                "format json cannot express deletes: those of \(keyed.joined(separator: ", ")) become dead letters; updates "
                    + "are written like inserts",
                "use upsert-kafka or debezium-json, unless rows are only added"
            )
        }
        return format ?? .debeziumJSON
    }

    private mutating func checkTopic(_ sink: Topology.Sink, _ block: Block, _ tables: Int) {
        switch (block.entry("topic"), block.entry("topic-prefix")) {
        case (nil, nil): add(block.position, "\(block.what) needs 'topic' or 'topic-prefix'")
        case (_?, let prefix?):
            add(prefix.position, "\(block.what) has both 'topic' and 'topic-prefix'", "keep one of them")
        case (let topic?, nil):
            if tables > 1 {
                add(
                    topic.position,
                    "'topic' takes one table, and \(block.what) has \(tables)",
                    "choose one with 'tables', or give each its own topic with 'topic-prefix'"
                )
            }
            if let name = sink.topic { checkUnique(name, "sink topic", topic.value.position) }
        case (nil, _?): break
        }
        guard let name = sink.topic ?? sink.topicPrefix else { return }
        let isPlain = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
        if !isPlain, let position = (block.value("topic") ?? block.value("topic-prefix"))?.position {
            add(position, "'\(name)' is no name of a topic", "use letters, digits, '-', '_' and '.' only")
        }
    }
}
