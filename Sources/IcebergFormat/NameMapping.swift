import Bytes

/// The names of a table's columns in data files that carry no field ids (Iceberg spec, "Column Projection": the table
/// property `schema.name-mapping.default`).
public struct NameMapping: Hashable, Sendable {
    public static let property = "schema.name-mapping.default"

    /// The names of columns at the top level, by field id.
    public let names: [Int: [String]]

    /// Parses the property's JSON text. Throws if it is malformed, or if one name maps to two fields.
    public init(parsing text: String) throws(WeirError) {
        do throws(WeirError) {
            guard let fields = try JSONValue.parse(text).asArray else {
                throw WeirError(.corrupt, "a name mapping is not an array")
            }
            var names: [Int: [String]] = [:]
            var owners: [String: Int] = [:]
            for value in fields {
                guard let field = value.asObject else { throw WeirError(.corrupt, "a mapped field is not an object") }
                let texts = (try field.optionalArray("names") ?? []).compactMap(\.asString)
                // A field without an id lists names that no longer belong to a column.
                guard let id = try field.optionalInt("field-id") else { continue }
                for name in texts {
                    if let other = owners.updateValue(id, forKey: name), other != id {
                        throw WeirError(.corrupt, "the name '\(name)' stands for both field \(other) and field \(id)")
                    }
                }
                names[id, default: []] += texts
            }
            self.names = names
        } catch {
            throw error.located(at: "table property \(Self.property)")
        }
    }
}
