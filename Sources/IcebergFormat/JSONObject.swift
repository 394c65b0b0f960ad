import Bytes

/// The members of a JSON object, in the order they were written.
public struct JSONObject: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        public let key: String
        public var value: JSONValue
    }

    public private(set) var entries: [Entry]

    public init() { entries = [] }

    /// A map of strings, sorted by key so that the same map always gives the same bytes.
    public init(texts: [String: String]) {
        entries = texts.sorted { $0.key < $1.key }.map { Entry(key: $0.key, value: .string($0.value)) }
    }

    init(entries: [Entry]) { self.entries = entries }

    /// Setting replaces a member in place or appends it; setting nil removes it.
    public subscript(key: String) -> JSONValue? {
        get { entries.first { $0.key == key }?.value }
        set {
            let index = entries.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let value?): entries[index].value = value
            case (nil, let value?): entries.append(Entry(key: key, value: value))
            case (let index?, nil): entries.remove(at: index)
            case (nil, nil): break
            }
        }
    }

    func removing(_ keys: Set<String>) -> JSONObject {
        JSONObject(entries: entries.filter { !keys.contains($0.key) })
    }

    public func string(_ key: String) throws(WeirError) -> String {
        guard let value = try optionalString(key) else { throw missing(key, "a text") }
        return value
    }

    public func optionalString(_ key: String) throws(WeirError) -> String? {
        switch self[key] {
        case nil, .null: return nil
        case .string(let value): return value
        default: throw missing(key, "a text")
        }
    }

    public func long(_ key: String) throws(WeirError) -> Int64 {
        guard let value = try optionalLong(key) else { throw missing(key, "an integer") }
        return value
    }

    public func optionalLong(_ key: String) throws(WeirError) -> Int64? {
        switch self[key] {
        case nil, .null: return nil
        case .integer(let value): return value
        default: throw missing(key, "an integer")
        }
    }

    /// A 32-bit integer: ids of fields, schemas, specs and sort orders.
    public func int(_ key: String) throws(WeirError) -> Int {
        guard let value = try optionalInt(key) else { throw missing(key, "a 32-bit integer") }
        return value
    }

    public func optionalInt(_ key: String) throws(WeirError) -> Int? {
        guard let value = try optionalLong(key) else { return nil }
        guard let narrow = Int32(exactly: value) else { throw missing(key, "a 32-bit integer") }
        return Int(narrow)
    }

    public func array(_ key: String) throws(WeirError) -> [JSONValue] {
        guard let value = self[key]?.asArray else { throw missing(key, "an array") }
        return value
    }

    public func optionalArray(_ key: String) throws(WeirError) -> [JSONValue]? {
        switch self[key] {
        case nil, .null: return nil
        case .array(let value): return value
        default: throw missing(key, "an array")
        }
    }

    public func object(_ key: String) throws(WeirError) -> JSONObject {
        guard let value = self[key]?.asObject else { throw missing(key, "an object") }
        return value
    }

    /// The objects in an array member; empty if the array is absent. Throws if an element is not an object.
    func objects(_ key: String) throws(WeirError) -> [JSONObject] {
        try (optionalArray(key) ?? []).map { (value) throws(WeirError) in
            guard let object = value.asObject else { throw missing(key, "an array of objects") }
            return object
        }
    }

    /// A map of strings. Numbers and booleans, which some writers do not quote, are converted to their text.
    public func texts(_ key: String) throws(WeirError) -> [String: String] {
        switch self[key] {
        case nil, .null: return [:]
        case .object(let object):
            var texts: [String: String] = [:]
            for entry in object.entries { texts[entry.key] = entry.value.asString ?? entry.value.text }
            return texts
        default: throw missing(key, "an object of texts")
        }
    }

    func missing(_ key: String, _ kind: String) -> WeirError {
        WeirError(.corrupt, self[key] == nil ? "member '\(key)' is missing" : "member '\(key)' is not \(kind)")
    }
}
