import Bytes
import Columnar
import Testing

@testable import IcebergFormat

@Suite struct NameMappingTests {
    @Test func `fields have the names that the property lists`() throws {
        let text = """
            [{"field-id": 1, "names": ["id", "record_id"]}, {"field-id": 2, "names": ["data"], "fields": \
            [{"field-id": 3, "names": ["id"]}]}, {"names": ["gone"]}, {"field-id": 4, "names": []}]
            """
        #expect(try NameMapping(parsing: text).names == [1: ["id", "record_id"], 2: ["data"], 4: []])
    }

    @Test(arguments: [
        "", "{}", "[1]", #"[{"field-id": "x", "names": []}]"#,
        #"[{"field-id": 1, "names": ["a"]}, {"field-id": 2, "names": ["a"]}]"#,
    ])
    func `a damaged mapping is an error that names the property`(text: String) throws {
        let error = #expect(throws: WeirError.self) { try NameMapping(parsing: text) }
        #expect(error?.location?.contains(NameMapping.property) == true)
    }

    @Test(
        arguments: [
            ("\"boolean\"", "true", Scalar.boolean(true)), ("\"int\"", "-7", .int(-7)), ("\"long\"", "34", .long(34)),
            ("\"float\"", "1.5", .float(1.5)), ("\"double\"", "2", .double(2)),
            ("\"decimal(9, 2)\"", "\"14.20\"", .decimal(1420, scale: 2)), ("\"date\"", "\"1970-01-02\"", .date(1)),
            ("\"time\"", "\"00:00:01\"", .time(1_000_000)),
            ("\"timestamp\"", "\"1970-01-01T00:00:01.5\"", .timestamp(1_500_000)),
            ("\"timestamptz\"", "\"1970-01-01T01:00:00+01:00\"", .timestamptz(0)),
            ("\"string\"", "\"7\"", .string("7")),
            ("\"uuid\"", "\"00000000-0000-0000-0000-000000000007\"", .uuid(7)),
            ("\"fixed[2]\"", "\"00ff\"", .fixed([0, 255])), ("\"binary\"", "\"00\"", .binary([0])),
        ] as [(String, String, Scalar)]
    )
    func `defaults are read as values of their column`(type: String, json: String, value: Scalar) throws {
        func schema(_ json: String) throws -> TableSchema {
            let text = """
                {"schema-id": 0, "fields": [{"id": 5, "name": "c", "required": false, "type": \(type), \
                "initial-default": \(json)}]}
                """
            return try TableSchema(json: try #require(try JSONValue.parse(text).asObject))
        }
        #expect(try schema(json).initialDefaults() == [5: value])
        #expect(try schema("null").initialDefaults() == [:])
        let error = #expect(throws: WeirError.self) { try schema("{}").initialDefaults() }
        #expect(error?.location?.contains("'c'") == true)
    }
}
