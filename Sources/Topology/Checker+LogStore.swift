import Bytes
import IcebergFormat

extension Checker {
    private static let emitMode = "mixed-format.emit.mode"

    /// Checks the LogStore properties of a table: Amoro's, and Weir's own values `file` and `columnar`.
    mutating func checkLogStore(_ properties: [String: Located], _ block: Block) {
        for (key, value) in properties where key.hasPrefix("properties.") && !value.text.hasPrefix("${") {
            guard ["password", "jaas", "secret"].contains(where: key.lowercased().contains) else { continue }
            let advice = "write ${env:NAME} or ${file:PATH}: the table keeps that, and readers fill it in"
            warn(value.position, "the value of '\(key)' is stored readable in the table", advice)
        }
        let enabled = properties["log-store.enabled"]
        let isEnabled = enabled?.text.lowercased() == "true"
        if isEnabled, let enabled {
            if isMissing(properties["log-store.topic"]) {
                let advice = "it is the topic that log-store.enabled: true writes changes to"
                add(enabled.position, "\(block.what) needs the property 'log-store.topic'", advice)
            }
            if properties["log-store.type"].map({ $0.text == "kafka" }) ?? true,
                isMissing(properties["log-store.address"])
            {
                let advice = "write host:port of the brokers, or log-store.type: file"
                add(enabled.position, "\(block.what) needs the property 'log-store.address'", advice)
            }
            noteLogStore(properties, block)
        }
        checkEmitMode(properties[Self.emitMode], isEnabled)
    }

    /// Records the topic for `checkLogStoreTopics`, if the table writes to it.
    private mutating func noteLogStore(_ properties: [String: Located], _ block: Block) {
        let address = properties["log-store.address"]
        let isFile = properties["log-store.type"]?.text == "file"
        if !isFile, let address, !address.text.isEmpty { checkServers(address.text, address.position) }
        guard properties[Self.emitMode]?.text.lowercased() != "file",
            let topic = properties["log-store.topic"]
        else { return }
        let log = isFile ? LogLocation.files(address?.text) : address.map { .brokers(Secret($0.text)) }
        guard let log else { return }
        logStores.append(LogStoreTopic(owner: block.what, topic: topic.text, log: log, position: topic.position))
    }

    private func isMissing(_ value: Located?) -> Bool { value.map(\.text.isEmpty) ?? true }

    /// Emit modes that write a log need a LogStore.
    private mutating func checkEmitMode(_ value: Located?, _ hasLogStore: Bool) {
        guard let value, !hasLogStore,
            TableProperties.property(named: Self.emitMode)?.values.allows(value.text) == true,
            value.text.lowercased().contains("log")
        else { return }
        add(value.position, "\(Self.emitMode): \(value.text) writes to a log store", "add log-store.enabled: true")
    }
}
