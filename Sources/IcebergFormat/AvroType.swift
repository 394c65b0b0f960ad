import Bytes

/// A type in the writer schema of an Avro file.
indirect enum AvroType: Sendable {
    case null, boolean, int, long, float, double, bytes, string
    case fixed(Int, logical: String?)
    case enumeration
    case array(AvroType)
    case map(AvroType)
    case union([AvroType])
    case record([AvroField])
    /// A primitive with a logical type; decimals have a scale.
    case logical(AvroType, name: String, scale: Int, adjustsToUTC: Bool)

    /// The type without its logical annotation.
    var physical: AvroType { if case .logical(let type, _, _, _) = self { type } else { self } }
}

struct AvroField: Sendable {
    let name: String
    /// Iceberg's `field-id` attribute.
    let id: Int?
    let type: AvroType
}

extension AvroType {
    static func parse(_ json: JSONValue) throws(WeirError) -> AvroType {
        var parser = AvroSchemaParser()
        return try parser.parse(json, depth: 0)
    }
}

private struct AvroSchemaParser {
    private var named: [String: AvroType] = [:]

    mutating func parse(_ json: JSONValue, depth: Int) throws(WeirError) -> AvroType {
        guard depth < 64 else { throw WeirError(.corrupt, "the Avro schema is nested too deeply") }
        switch json {
        case .string(let name): return try primitiveOrNamed(name)
        case .array(let branches):
            var types: [AvroType] = []
            for branch in branches { types.append(try parse(branch, depth: depth + 1)) }
            return .union(types)
        case .object(let object): return try parse(object, depth: depth)
        default: throw WeirError(.corrupt, "the Avro schema holds something that is not a type")
        }
    }

    private func primitiveOrNamed(_ name: String) throws(WeirError) -> AvroType {
        switch name {
        case "null": return .null
        case "boolean": return .boolean
        case "int": return .int
        case "long": return .long
        case "float": return .float
        case "double": return .double
        case "bytes": return .bytes
        case "string": return .string
        default:
            guard let type = named[name] ?? named[Self.shortName(name)] else {
                throw WeirError(.corrupt, "the Avro schema refers to '\(name)', which it does not define")
            }
            return type
        }
    }

    private static func shortName(_ name: String) -> String {
        name.split(separator: ".").last.map(String.init) ?? name
    }

    private mutating func parse(_ object: JSONObject, depth: Int) throws(WeirError) -> AvroType {
        guard case .string(let kind)? = object["type"] else {
            guard let type = object["type"] else { throw object.missing("type", "a type") }
            return try parse(type, depth: depth + 1)
        }
        switch kind {
        case "record": return try define(object, try record(object, depth: depth))
        case "enum": return try define(object, .enumeration)
        case "fixed":
            let size = try object.int("size")
            guard size >= 0 else { throw object.missing("size", "a size") }
            return try define(
                object,
                annotated(.fixed(size, logical: try object.optionalString("logicalType")), object)
            )
        case "array":
            guard let items = object["items"] else { throw object.missing("items", "a type") }
            return .array(try parse(items, depth: depth + 1))
        case "map":
            guard let values = object["values"] else { throw object.missing("values", "a type") }
            return .map(try parse(values, depth: depth + 1))
        default: return try annotated(primitiveOrNamed(kind), object)
        }
    }

    private func annotated(_ type: AvroType, _ object: JSONObject) throws(WeirError) -> AvroType {
        guard let name = try object.optionalString("logicalType") else { return type }
        return .logical(
            type,
            name: name,
            scale: try object.optionalInt("scale") ?? 0,
            adjustsToUTC: object["adjust-to-utc"]?.asBool ?? false
        )
    }

    private mutating func define(_ object: JSONObject, _ type: AvroType) throws(WeirError) -> AvroType {
        named[Self.shortName(try object.string("name"))] = type
        return type
    }

    private mutating func record(_ object: JSONObject, depth: Int) throws(WeirError) -> AvroType {
        var fields: [AvroField] = []
        for field in try object.objects("fields") {
            guard let type = field["type"] else { throw field.missing("type", "a type") }
            fields.append(
                AvroField(
                    name: try field.string("name"),
                    id: try field.optionalInt("field-id"),
                    type: try parse(type, depth: depth + 1)
                )
            )
        }
        return .record(fields)
    }
}
