import IcebergFormat
import LogStores

/// A table's LogStore as shown in a plan.
struct LogStorePlan {
    private let kind: LogStoreSettings.Kind
    private let topic: String
    private let format: LogStoreFormat
    private let mode: String

    /// Nil if the table properties define no LogStore or are wrong.
    init?(_ properties: [String: String]) {
        guard let settings = try? LogStoreSettings(properties, isKeyed: true), settings.isEnabled,
            let topic = settings.topic
        else { return nil }
        kind = settings.kind
        format = settings.format
        mode = properties["mixed-format.emit.mode"] ?? "auto"
        self.topic = topic
    }

    var text: String { "LogStore: topic \(topic) (\(kind.rawValue), \(format.rawValue)), emit mode \(mode)" }

    var json: JSONValue {
        var object = JSONObject()
        object["type"] = .string(kind.rawValue)
        object["topic"] = .string(topic)
        object["format"] = .string(format.rawValue)
        object["emit_mode"] = .string(mode)
        return .object(object)
    }
}
