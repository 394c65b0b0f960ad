import Bytes

/// The name of a table in a catalog.
public struct TableIdentifier: Hashable, Sendable, CustomStringConvertible {
    public let namespace: [String]
    public let name: String

    public init(namespace: [String], name: String) {
        self.namespace = namespace
        self.name = name
    }

    /// Parses `db.table`, with any number of namespace levels.
    public init(_ text: String) throws(WeirError) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 2, !parts.contains("") else {
            throw WeirError(.invalid, "'\(text)' is not a table name", advice: "write it as database.table")
        }
        self.init(namespace: Array(parts.dropLast()), name: parts[parts.count - 1])
    }

    public var description: String { (namespace + [name]).joined(separator: ".") }
}
