import Bytes
import Columnar

/// One version of a table's columns.
public struct TableSchema: Hashable, Sendable {
    public let id: Int
    public let schema: Schema
    public let identifierFieldIds: [Int]
    /// The parsed object, with column defaults and unknown members.
    let json: JSONObject

    public init(id: Int, schema: Schema, identifierFieldIds: [Int] = []) {
        self.id = id
        self.schema = schema
        self.identifierFieldIds = identifierFieldIds
        var json: JSONObject = ["type": .string("struct"), "schema-id": .integer(Int64(id))]
        if !identifierFieldIds.isEmpty {
            json["identifier-field-ids"] = .array(identifierFieldIds.map { .integer(Int64($0)) })
        }
        json["fields"] = .array(schema.fields.map { .object($0.json) })
        self.json = json
    }

    init(json: JSONObject) throws(WeirError) {
        self.json = json
        id = try json.optionalInt("schema-id") ?? 0
        schema = Schema(try Field.parse(try json.array("fields")))
        identifierFieldIds = try (json.optionalArray("identifier-field-ids") ?? []).map { (value) throws(WeirError) in
            guard let id = value.asInteger.flatMap({ Int32(exactly: $0) }) else {
                throw json.missing("identifier-field-ids", "an array of field ids")
            }
            return Int(id)
        }
    }

    /// The same columns under another id.
    func renumbered(_ id: Int) -> TableSchema {
        var json = json
        json["schema-id"] = .integer(Int64(id))
        return TableSchema(id: id, schema: schema, identifierFieldIds: identifierFieldIds, json: json)
    }

    /// Whether another version has the same columns, identifier fields and column defaults.
    func hasSameColumns(as other: TableSchema) -> Bool {
        schema == other.schema && Set(identifierFieldIds) == Set(other.identifierFieldIds)
            && columnDefaults == other.columnDefaults
    }

    private var columnDefaults: [[JSONValue?]] {
        (json["fields"]?.asArray ?? []).map { [$0.asObject?["initial-default"], $0.asObject?["write-default"]] }
    }

    private init(id: Int, schema: Schema, identifierFieldIds: [Int], json: JSONObject) {
        self.id = id
        self.schema = schema
        self.identifierFieldIds = identifierFieldIds
        self.json = json
    }

    /// The values of columns in rows that were written before the column was added, by field id (version 3:
    /// `initial-default`). Only columns at the top level; columns without an entry are null in such rows.
    public func initialDefaults() throws(WeirError) -> [Int: Scalar] {
        var defaults: [Int: Scalar] = [:]
        for object in try json.objects("fields") {
            guard let value = object["initial-default"], value != .null, let id = try object.optionalInt("id"),
                let field = schema.field(id: id), field.type.isPrimitive
            else { continue }
            do throws(WeirError) {
                defaults[id] = try SingleValue.decode(value, field.type)
            } catch {
                throw error.located(at: "initial-default of column '\(field.name)'")
            }
        }
        return defaults
    }

    /// The JSON text in the header of manifests.
    var text: String { JSONValue.object(json).text }
}

extension Schema {
    /// A field at any depth of structs, lists and maps.
    public func nestedField(id: Int) -> Field? {
        func find(_ fields: [Field]) -> Field? {
            for field in fields {
                if field.id == id { return field }
                switch field.type {
                case .structure(let children): if let found = find(children) { return found }
                case .list(let element): if let found = find([element]) { return found }
                case .map(let key, let value): if let found = find([key, value]) { return found }
                default: continue
                }
            }
            return nil
        }
        return find(fields)
    }

    /// The largest field id at any depth; 0 if there are no fields.
    public var highestFieldId: Int {
        func highest(_ fields: [Field]) -> Int {
            fields.map { field in
                switch field.type {
                case .structure(let children): max(field.id, highest(children))
                case .list(let element): max(field.id, highest([element]))
                case .map(let key, let value): max(field.id, highest([key, value]))
                default: field.id
                }
            }.max() ?? 0
        }
        return highest(fields)
    }
}
