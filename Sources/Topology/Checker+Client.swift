import Bytes

extension Checker {
    /// The `properties.*` of a source or sink, without the prefix. librdkafka checks them; only `bootstrap.servers` and
    /// `group.id` are checked here. `isKafka` is nil if the type is unknown.
    mutating func clientProperties(_ block: Block, isKafka: Bool?) -> [String: Secret] {
        var properties: [String: Secret] = [:]
        for entry in block.keys where entry.key.hasPrefix("properties.") && !entry.value.isMissing {
            if isKafka == false {
                reject(entry, in: block, "it belongs to type: kafka")
                continue
            }
            let key = String(entry.key.dropFirst("properties.".count))
            switch entry.value.content {
            case .scalar(let text, _): properties[key] = Secret(text)
            case .secret(let secret): properties[key] = secret
            case .list, .mapping:
                add(entry.value.position, "'\(entry.key)' must be a single value, not \(entry.value.kind)")
            }
            guard isKafka == true, let text = properties[key]?.text else { continue }
            if key == "bootstrap.servers" { checkServers(text, entry.value.position) }
            if key == "group.id", text.allSatisfy(\.isWhitespace) {
                let advice = "give the consumer group a name, or leave it out for weir-<name of the topology>"
                add(entry.value.position, "'\(entry.key)' is empty", advice)
            }
        }
        if isKafka == true, properties["bootstrap.servers"] == nil {
            let near = properties.keys.sorted().first {
                NearestName.nearest(to: $0, among: ["bootstrap.servers"]) != nil
            }
            add(
                near.flatMap { block.entry("properties." + $0)?.position } ?? block.position,
                "\(block.what) needs 'properties.bootstrap.servers'",
                near.map { "'properties.\($0)' is not it" } ?? "write host:port of one or more brokers"
            )
        }
        return properties
    }

    mutating func checkServers(_ text: String, _ position: Topology.Position) {
        do throws(WeirError) {
            _ = try BootstrapServers(text)
        } catch {
            add(position, error.message, error.advice)
        }
    }

    /// Reports a known key that has no effect in this block.
    mutating func reject(_ entry: Value.Entry, in block: Block, _ advice: String) {
        add(entry.position, "'\(entry.key)' has no effect in \(block.what)", advice)
    }
}
