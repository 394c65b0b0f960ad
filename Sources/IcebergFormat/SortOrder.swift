import Bytes

/// A sort order for rows that writers are asked to apply.
public struct SortOrder: Hashable, Sendable {
    public struct Field: Hashable, Sendable {
        public let sourceId: Int
        public let transform: Transform
        public let isAscending: Bool
        public let nullsFirst: Bool
    }

    public let id: Int
    public let fields: [Field]
    let json: JSONObject

    public static let unsorted = SortOrder(
        id: 0,
        fields: [],
        json: ["order-id": .integer(0), "fields": .array([])]
    )

    /// The same order under another id.
    func renumbered(_ id: Int) -> SortOrder {
        var json = json
        json["order-id"] = .integer(Int64(id))
        return SortOrder(id: id, fields: fields, json: json)
    }

    private init(id: Int, fields: [Field], json: JSONObject) {
        self.id = id
        self.fields = fields
        self.json = json
    }

    init(json: JSONObject) throws(WeirError) {
        let fields = try json.objects("fields").map { (object) throws(WeirError) in
            let sources = try object.sourceIds()
            return Field(
                sourceId: sources[0],
                transform: Transform(try object.string("transform"), sources: sources.count),
                isAscending: try object.string("direction") == "asc",
                nullsFirst: try object.string("null-order") == "nulls-first"
            )
        }
        self.init(id: try json.int("order-id"), fields: fields, json: json)
    }
}
