import Bytes
import Values

/// The `source` block of Debezium's events: where and when a change happened.
public struct DebeziumSource: Sendable {
    /// `"db":"shop","table":"orders"`.
    private var members = ""

    public init() {}

    /// Splits a name such as `shop.public.orders` into `db`, `schema` and `table`; names of two parts have no `schema`.
    public init(table: String) {
        let parts = table.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        let names =
            switch parts.count {
            case 1: ["table"]
            case 2: ["db", "table"]
            default: ["db", "schema", "table"]
            }
        for (name, part) in zip(names, parts) { add(name, part) }
    }

    public mutating func add(_ name: String, _ text: String) { add(name, json: Self.quoted(text)) }

    public mutating func add(_ name: String, _ number: Int64?) { add(name, json: number.map(String.init) ?? "null") }

    private mutating func add(_ name: String, json: String) {
        if !members.isEmpty { members += "," }
        members += "\(Self.quoted(name)):\(json)"
    }

    private static func quoted(_ text: String) -> String {
        var text = text
        var quoted = GrowableBuffer()
        text.withUTF8 { quoted.appendJSONString(UnsafeRawBufferPointer($0)) }
        return String(decoding: UnsafeRawBufferPointer(start: quoted.base, count: quoted.count), as: UTF8.self)
    }

    var json: String { "{\(members)}" }
}
