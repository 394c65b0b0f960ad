import Bytes

/// The LogStore topic of a table, with its position in the file.
struct LogStoreTopic {
    /// Its name in error messages: `table 'shop.orders'`.
    let owner: String
    let topic: String
    let log: LogLocation
    let position: Topology.Position
}

extension Checker {
    /// A LogStore topic must not be shared with a source, a sink or another LogStore, since their readers cannot read
    /// each other's records.
    mutating func checkLogStoreTopics(_ sources: [Topology.Source], _ sinks: [Topology.Sink], _ outputs: [Output]) {
        for (index, store) in logStores.enumerated() {
            let advice = "give the LogStore a topic of its own"
            let writes = "\(store.owner) writes its LogStore to the topic '\(store.topic)', which"
            let reader = sources.first { source in
                source.reads(topic: store.topic) && LogLocation(source)?.isSame(as: store.log) == true
            }
            if let reader { add(store.position, "\(writes) source '\(reader.name)' reads", advice) }
            for sink in sinks where LogLocation(sink)?.isSame(as: store.log) == true {
                guard let output = outputs.first(where: { sink.topic(of: $0.name) == store.topic }) else { continue }
                let what = sink.name.map { "sink '\($0)'" } ?? "a sink"
                add(store.position, "\(writes) \(what) writes changes of '\(output.name)' to", advice)
            }
            let other = logStores[..<index].first { $0.topic == store.topic && $0.log.isSame(as: store.log) }
            if let other { add(store.position, "\(writes) is the LogStore of \(other.owner)", advice) }
        }
    }

    /// Reports a topic that the topology both reads and writes: it would grow without end.
    mutating func checkLoop(
        _ sink: Topology.Sink,
        _ table: String,
        _ sources: [Topology.Source],
        _ position: Topology.Position
    ) {
        guard let topic = sink.topic(of: table), let log = LogLocation(sink) else { return }
        let reader = sources.first { $0.reads(topic: topic) && LogLocation($0)?.isSame(as: log) == true }
        if let reader {
            let what = sink.name.map { "sink '\($0)'" } ?? "sink"
            add(
                position,
                "\(what) writes '\(table)' to the topic '\(topic)', which source '\(reader.name)' reads",
                "write to a topic of its own"
            )
        }
    }
}
