import Bytes
import Columnar

extension FieldType {
    /// Parses a type in table metadata: the name of a primitive, or an object for list, map and struct.
    init(json: JSONValue) throws(WeirError) {
        switch json {
        case .string(let name): self = FieldType(primitive: name) ?? .other(name)
        case .object(let object):
            switch try object.string("type") {
            case "struct": self = .structure(try Field.parse(try object.array("fields")))
            case "list":
                self = .list(
                    element: Field(
                        id: try object.int("element-id"),
                        name: "element",
                        type: try FieldType(member: "element", of: object),
                        isRequired: object["element-required"]?.asBool ?? false
                    )
                )
            case "map":
                self = .map(
                    key: Field(
                        id: try object.int("key-id"),
                        name: "key",
                        type: try FieldType(member: "key", of: object),
                        isRequired: true
                    ),
                    value: Field(
                        id: try object.int("value-id"),
                        name: "value",
                        type: try FieldType(member: "value", of: object),
                        isRequired: object["value-required"]?.asBool ?? false
                    )
                )
            // An object type of a later format version.
            case let name: self = .other(name)
            }
        default: throw WeirError(.corrupt, "a type is neither a text nor an object")
        }
    }

    private init(member: String, of object: JSONObject) throws(WeirError) {
        guard let json = object[member] else { throw object.missing(member, "a type") }
        self = try FieldType(json: json)
    }

    /// The form that other engines parse. `decimal(12, 2)` contains a space as in Java, because some readers expect it.
    var json: JSONValue {
        switch self {
        case .decimal(let precision, let scale): .string("decimal(\(precision), \(scale))")
        case .structure(let fields):
            .object(["type": .string("struct"), "fields": .array(fields.map { .object($0.json) })])
        case .list(let element):
            .object([
                "type": .string("list"), "element-id": .integer(Int64(element.id)), "element": element.type.json,
                "element-required": .bool(element.isRequired),
            ])
        case .map(let key, let value):
            .object([
                "type": .string("map"), "key-id": .integer(Int64(key.id)), "key": key.type.json,
                "value-id": .integer(Int64(value.id)), "value": value.type.json,
                "value-required": .bool(value.isRequired),
            ])
        default: .string(description)
        }
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(entries: elements.map { Entry(key: $0.0, value: $0.1) })
    }
}

extension Field {
    static func parse(_ values: [JSONValue]) throws(WeirError) -> [Field] {
        try values.map { (value) throws(WeirError) in
            guard let object = value.asObject else { throw WeirError(.corrupt, "a field is not an object") }
            guard let type = object["type"] else { throw object.missing("type", "a type") }
            return Field(
                id: try object.int("id"),
                name: try object.string("name"),
                type: try FieldType(json: type),
                isRequired: object["required"]?.asBool ?? false,
                doc: try object.optionalString("doc")
            )
        }
    }

    var json: JSONObject {
        var object: JSONObject = [
            "id": .integer(Int64(id)), "name": .string(name), "required": .bool(isRequired), "type": type.json,
        ]
        if let doc { object["doc"] = .string(doc) }
        return object
    }
}
