import Bytes

/// A commit to one table: what must hold, and what then changes.
///
/// Without updates it only requires something of a table while others are changed.
public struct TableCommit: Hashable, Sendable {
    public let identifier: TableIdentifier
    public let requirements: [TableRequirement]
    public let updates: [TableUpdate]
    /// The state that the updates were made from. A catalog that keeps pointers to metadata files applies the commit
    /// only while this file is current, which is stricter than the requirements. Nil accepts any state that meets them.
    public let base: Base?
    /// What the updates make of `base`, as a metadata file that an earlier attempt has written. Nil when there is none.
    public var written: Base?

    /// A metadata file and its content.
    public struct Base: Hashable, Sendable {
        public let location: String
        public let metadata: TableMetadata

        public init(location: String, metadata: TableMetadata) {
            self.location = location
            self.metadata = metadata
        }

        public static func == (left: Base, right: Base) -> Bool { left.location == right.location }
        public func hash(into hasher: inout Hasher) { hasher.combine(location) }
    }

    public init(
        _ identifier: TableIdentifier,
        requirements: [TableRequirement] = [],
        updates: [TableUpdate],
        base: Base? = nil
    ) {
        self.identifier = identifier
        self.requirements = requirements
        self.updates = updates
        self.base = base
    }

    /// The REST catalog's `CommitTableRequest`.
    public init(json: JSONObject) throws(WeirError) {
        let name = try json.object("identifier")
        let levels = try name.array("namespace").map { (level) throws(WeirError) in
            guard let text = level.asString else { throw name.missing("namespace", "an array of texts") }
            return text
        }
        self.init(
            TableIdentifier(namespace: levels, name: try name.string("name")),
            requirements: try json.objects("requirements").map { (object) throws(WeirError) in
                try TableRequirement(json: object)
            },
            updates: try json.objects("updates").map { (object) throws(WeirError) in try TableUpdate(json: object) }
        )
    }

    /// The REST catalog's `CommitTableRequest`; the base is not part of it.
    public var json: JSONObject {
        [
            "identifier": .object([
                "namespace": .array(identifier.namespace.map { .string($0) }), "name": .string(identifier.name),
            ]),
            "requirements": .array(requirements.map { .object($0.json) }),
            "updates": .array(updates.map { .object($0.json) }),
        ]
    }
}
