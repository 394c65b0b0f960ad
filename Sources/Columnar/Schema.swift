import Bytes

/// A named column with its Iceberg field id.
public struct Field: Hashable, Sendable {
    public let id: Int
    public let name: String
    public let type: FieldType
    public let isRequired: Bool
    public let doc: String?

    public init(id: Int, name: String, type: FieldType, isRequired: Bool = false, doc: String? = nil) {
        self.id = id
        self.name = name
        self.type = type
        self.isRequired = isRequired
        self.doc = doc
    }
}

/// The columns of a table, a file or a batch, in order.
public struct Schema: Hashable, Sendable {
    public let fields: [Field]

    public init(_ fields: [Field]) { self.fields = fields }

    public var count: Int { fields.count }

    public func index(named name: String) -> Int? { fields.firstIndex { $0.name == name } }
    public func index(ofField id: Int) -> Int? { fields.firstIndex { $0.id == id } }
    public func field(named name: String) -> Field? { fields.first { $0.name == name } }
    public func field(id: Int) -> Field? { fields.first { $0.id == id } }

    /// The columns with the given names, in that order. Fails for an unknown name, suggesting the nearest known one.
    public func selecting(_ names: [String]) throws(WeirError) -> Schema {
        var selected: [Field] = []
        for name in names {
            guard let field = field(named: name) else {
                throw WeirError(
                    .notFound,
                    "there is no column '\(name)'",
                    advice: NearestName.advice(for: name, among: fields.map(\.name))
                )
            }
            selected.append(field)
        }
        return Schema(selected)
    }
}
