import Bytes

extension Checker {
    private static let logStoreKeys = [
        "log-store.enabled", "log-store.type", "log-store.address", "log-store.topic", "log-store.data-format",
        "log-store.data-version", "log-store.consistency-guarantee.enabled",
        "log-store.consistency-guarantee.enable", "log-store.catch-up", "log-store.catch-up-timestamp",
    ]

    /// A table's log store: Amoro's properties, and `file` and `columnar` of our own.
    mutating func checkLogStore(_ properties: [String: Located], _ block: Block) {
        for (key, value) in properties where key.hasPrefix("log-store.") && !Self.logStoreKeys.contains(key) {
            let advice = NearestName.advice(for: key, among: Self.logStoreKeys)
            warn(value.place, "unknown table property '\(key)'", advice)
        }
        for (key, value) in properties where key.hasPrefix("properties.") && !value.text.hasPrefix("${") {
            guard ["password", "jaas", "secret"].contains(where: key.lowercased().contains) else { continue }
            let advice = "write ${env:NAME} or ${file:PATH}: the table keeps that, and readers fill it in"
            warn(value.place, "the value of '\(key)' is stored readable in the table", advice)
        }
        if let modes = properties["log.consumer.changelog.modes"] {
            let advice = "filter by the kind of change where they are consumed"
            warn(
                modes.place,
                "'log.consumer.changelog.modes' is for Amoro's readers; weir's pass on every change",
                advice
            )
        }
        checkProperty(properties, "log-store.type", ["kafka", "file"])
        checkProperty(properties, "log-store.data-format", ["json", "columnar"])
        let enabled = properties["log-store.enabled"]
        let isEnabled = enabled?.text.lowercased() == "true"
        if isEnabled, let enabled {
            if isMissing(properties["log-store.topic"]) {
                let advice = "it is the topic that log-store.enabled: true writes changes to"
                add(enabled.place, "\(block.what) needs the property 'log-store.topic'", advice)
            }
            if properties["log-store.type"].map({ $0.text == "kafka" }) ?? true,
                isMissing(properties["log-store.address"])
            {
                let advice = "write host:port of the brokers, or log-store.type: file"
                add(enabled.place, "\(block.what) needs the property 'log-store.address'", advice)
            }
            noteLogStore(properties, block)
        }
        checkEmitMode(properties["mixed-format.emit.mode"], isEnabled)
        let gap = "mixed-format.emit.auto-write-to-logstore.watermark-gap"
        if let value = properties[gap], Quantities.duration(value.text) == nil {
            add(value.place, "'\(value.text)' is no value of '\(gap)'", "write a duration such as 30s")
        }
    }

    /// Keeps the topic for comparing, where the table writes to it.
    private mutating func noteLogStore(_ properties: [String: Located], _ block: Block) {
        let address = properties["log-store.address"]
        let isFile = properties["log-store.type"]?.text == "file"
        if !isFile, let address, !address.text.isEmpty { checkServers(address.text, address.place) }
        guard properties["mixed-format.emit.mode"]?.text.lowercased() != "file",
            let topic = properties["log-store.topic"]
        else { return }
        let log = isFile ? LogPlace.files(address?.text) : address.map { .brokers(Secret($0.text)) }
        guard let log else { return }
        logStores.append(LogStoreTopic(owner: block.what, topic: topic.text, log: log, place: topic.place))
    }

    private func isMissing(_ value: Located?) -> Bool { value.map(\.text.isEmpty) ?? true }

    private mutating func checkProperty(_ properties: [String: Located], _ key: String, _ known: [String]) {
        guard let value = properties[key], !known.contains(value.text) else { return }
        let advice = NearestName.advice(for: value.text, among: known)
        add(value.place, "'\(value.text)' is no value of '\(key)'", advice)
    }

    /// `file`, `log`, both in any order, or `auto` alone.
    private mutating func checkEmitMode(_ value: Located?, _ hasLogStore: Bool) {
        guard let value else { return }
        let key = "mixed-format.emit.mode"
        let modes = value.text.split(separator: ",", omittingEmptySubsequences: false).map(\.trimmed)
        let isLegal = modes == ["auto"] || Set(modes).isSubset(of: ["file", "log"]) && Set(modes).count == modes.count
        if !isLegal {
            add(value.place, "'\(value.text)' is no value of '\(key)'", "write file, log, 'file,log' or auto")
        } else if modes.contains("log"), !hasLogStore {
            add(value.place, "\(key): \(value.text) writes to a log store", "add log-store.enabled: true")
        }
    }
}
