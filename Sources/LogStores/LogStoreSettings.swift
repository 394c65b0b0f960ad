import Bytes

/// The log store settings in a table's properties (mixed format, section 8.4).
public struct LogStoreSettings: Sendable, Equatable {
    /// Where the log is: the property `log-store.type`.
    public enum Kind: String, Sendable, CaseIterable {
        case kafka
        /// Weir's own log.
        case file
    }

    public var isEnabled: Bool
    public var kind: Kind
    /// Kafka: the bootstrap servers, not nil when the log store is enabled. File log: the root directory, nil for the
    /// default.
    public var address: String?
    /// Not nil when the log store is enabled.
    public var topic: String?
    public var format: LogStoreFormat
    /// Informational.
    public var dataVersion: String
    /// Whether readers retract rows that were never committed. Weir's readers do unless the property is `false`; other
    /// readers only if it is `true`.
    public var isConsistent: Bool
    /// Properties of the Kafka client: the table properties `properties.…`, without the prefix.
    public var client: [String: String]

    /// Fails with `invalid` for a value that is not allowed, and for an enabled log store without address or topic.
    public init(_ properties: [String: String], isKeyed: Bool) throws(WeirError) {
        let table = PropertyReader(properties)
        isEnabled = try table.flag("log-store.enabled") ?? false
        kind = try table.choice("log-store.type") ?? .kafka
        address = properties["log-store.address"]
        topic = properties["log-store.topic"]
        format = try table.choice("log-store.data-format") ?? .json
        dataVersion = properties["log-store.data-version"] ?? "v1"
        let legacy = try table.flag("log-store.consistency-guarantee.enable")
        isConsistent = try table.flag("log-store.consistency-guarantee.enabled") ?? legacy ?? true
        let prefix = "properties."
        client = [:]
        for (name, value) in properties where name.hasPrefix(prefix) {
            client[String(name.dropFirst(prefix.count))] = value
        }
        guard isEnabled else { return }
        let required = kind == .kafka ? ["log-store.address", "log-store.topic"] : ["log-store.topic"]
        for name in required where properties[name]?.isEmpty ?? true {
            throw WeirError(
                .invalid,
                "property log-store.enabled is 'true', but \(name) is not set",
                advice: "set \(name)"
            )
        }
    }
}
