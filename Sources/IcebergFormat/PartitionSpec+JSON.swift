import Bytes

extension PartitionSpec {
    init(json: JSONObject) throws(WeirError) {
        self.init(id: try json.optionalInt("spec-id") ?? 0, fields: try Self.parseFields(try json.objects("fields")))
    }

    /// The fields of a spec. Version 1 metadata may omit their ids, which are then numbered from 1000.
    static func parseFields(_ objects: [JSONObject]) throws(WeirError) -> [PartitionField] {
        var fields: [PartitionField] = []
        for object in objects {
            let sources = try object.sourceIds()
            var field = PartitionField(
                sourceId: sources[0],
                id: try object.optionalInt("field-id") ?? 1000 + fields.count,
                name: try object.string("name"),
                transform: Transform(try object.string("transform"), sources: sources.count)
            )
            field.otherSourceIds = Array(sources.dropFirst())
            fields.append(field)
        }
        return fields
    }

    var fieldsJSON: JSONValue {
        .array(
            fields.map { field -> JSONValue in
                var json: JSONObject = [
                    "name": .string(field.name), "transform": .string(field.transform.description),
                ]
                if field.otherSourceIds.isEmpty {
                    json["source-id"] = .integer(Int64(field.sourceId))
                } else {
                    json["source-ids"] = .array(
                        ([field.sourceId] + field.otherSourceIds).map { .integer(Int64($0)) }
                    )
                }
                json["field-id"] = .integer(Int64(field.id))
                return .object(json)
            }
        )
    }

    var json: JSONObject { ["spec-id": .integer(Int64(id)), "fields": fieldsJSON] }
}

extension JSONObject {
    /// The columns a transform reads, at least one. Version 3 allows several.
    func sourceIds() throws(WeirError) -> [Int] {
        if let id = try optionalInt("source-id") { return [id] }
        let ids = try array("source-ids").map { (value) throws(WeirError) in
            guard let id = value.asInteger.flatMap({ Int32(exactly: $0) }) else {
                throw missing("source-ids", "an array of field ids")
            }
            return Int(id)
        }
        guard !ids.isEmpty else { throw missing("source-ids", "an array of field ids") }
        return ids
    }
}
