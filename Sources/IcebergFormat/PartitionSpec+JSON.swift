import Bytes

extension PartitionSpec {
    init(json: JSONObject) throws(WeirError) {
        self.init(id: try json.optionalInt("spec-id") ?? 0, fields: try Self.parseFields(try json.objects("fields")))
    }

    /// The fields of a spec. Version 1 metadata may leave out their ids, which then count up from 1000.
    static func parseFields(_ objects: [JSONObject]) throws(WeirError) -> [PartitionField] {
        var fields: [PartitionField] = []
        for object in objects {
            fields.append(
                PartitionField(
                    sourceId: try object.sourceId(),
                    id: try object.optionalInt("field-id") ?? 1000 + fields.count,
                    name: try object.string("name"),
                    transform: Transform(try object.string("transform"))
                )
            )
        }
        return fields
    }

    var fieldsJSON: JSONValue {
        .array(
            fields.map { field in
                .object([
                    "name": .string(field.name), "transform": .string(field.transform.description),
                    "source-id": .integer(Int64(field.sourceId)), "field-id": .integer(Int64(field.id)),
                ])
            }
        )
    }

    var json: JSONObject { ["spec-id": .integer(Int64(id)), "fields": fieldsJSON] }
}

extension JSONObject {
    /// The column a transform reads. Version 3 allows several; no transform known here has more than one.
    func sourceId() throws(WeirError) -> Int {
        if let id = try optionalInt("source-id") { return id }
        guard let id = try array("source-ids").first?.asInteger.flatMap({ Int32(exactly: $0) }) else {
            throw missing("source-ids", "an array of field ids")
        }
        return Int(id)
    }
}
