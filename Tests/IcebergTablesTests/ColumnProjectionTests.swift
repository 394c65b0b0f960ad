import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import Testing

/// The rules for columns missing from a file, case by case.
@Suite struct ColumnProjectionTests {
    /// Partition specs: 0 unpartitioned, 1 identity of region, 2 other transforms than identity, 3 region and then
    /// note.
    private static func metadata(mapping: String? = nil, noteDefault: String = "null") throws -> TableMetadata {
        let property = mapping.map { JSONValue.string($0).text } ?? "null"
        let properties = mapping == nil ? "" : "\"\(NameMapping.property)\": \(property)"
        return try TableMetadata.parse(
            Array(
                """
                {"format-version": 3, "location": "file:///t", "last-sequence-number": 0, "last-updated-ms": 0,
                 "last-column-id": 4, "current-schema-id": 1, "schemas": [
                   {"schema-id": 0, "fields": [
                     {"id": 2, "name": "region", "type": "int", "required": false},
                     {"id": 4, "name": "gone", "type": "int", "required": false, "initial-default": 9}]},
                   {"schema-id": 1, "fields": [
                     {"id": 1, "name": "id", "type": "long", "required": false},
                     {"id": 2, "name": "region", "type": "long", "required": false},
                     {"id": 3, "name": "note", "type": "string", "required": false, "initial-default": \(noteDefault)}]}],
                 "default-spec-id": 1, "partition-specs": [
                   {"spec-id": 0, "fields": []},
                   {"spec-id": 1, "fields": [
                     {"source-id": 2, "field-id": 1000, "name": "region", "transform": "identity"}]},
                   {"spec-id": 2, "fields": [
                     {"source-id": 2, "field-id": 1001, "name": "region_null", "transform": "void"},
                     {"source-id": 2, "field-id": 1002, "name": "region_bucket", "transform": "bucket[4]"},
                     {"source-id": 3, "field-id": 1003, "name": "note_trunc", "transform": "truncate[2]"}]},
                   {"spec-id": 3, "fields": [
                     {"source-id": 2, "field-id": 1000, "name": "region", "transform": "identity"},
                     {"source-id": 3, "field-id": 1004, "name": "note", "transform": "identity"}]}],
                 "last-partition-id": 1004, "properties": {\(properties)}}
                """.utf8
            ),
            at: "t.metadata.json"
        )
    }

    private static func file(_ specId: Int, _ partition: [Scalar]) -> DataFile {
        DataFile(path: "f", partition: partition, specId: specId, recordCount: 1, fileSize: 1)
    }

    @Test func `the file's own identity comes before the default, and nothing else of a partition counts`() throws {
        let projection = try ColumnProjection(Self.metadata(noteDefault: "\"none\""))
        let cases: [(specId: Int, partition: [Scalar], substitutes: [Int: Scalar])] = [
            (0, [], [3: .string("none"), 4: .int(9)]),
            (1, [.long(7)], [2: .long(7), 3: .string("none"), 4: .int(9)]),
            // A null is the partition's value.
            (1, [.null], [2: .null, 3: .string("none"), 4: .int(9)]),
            (2, [.null, .int(3), .string("ab")], [3: .string("none"), 4: .int(9)]),
            (3, [.long(0), .null], [2: .long(0), 3: .null, 4: .int(9)]),
            (3, [.long(0), .string("")], [2: .long(0), 3: .string(""), 4: .int(9)]),
        ]
        for (specId, partition, substitutes) in cases {
            let columns = projection.columns(of: Self.file(specId, partition))
            #expect(columns == FileColumns(substitutes: substitutes), "spec \(specId), \(partition)")
        }
    }

    @Test func `the mapping names the columns of every file`() throws {
        let mapping = #"[{"field-id": 1, "names": ["id"]}, {"field-id": 3, "names": ["comment", "note"]}]"#
        let projection = try ColumnProjection(Self.metadata(mapping: mapping))
        let columns = projection.columns(of: Self.file(1, [.long(1)]))
        #expect(
            columns
                == FileColumns(names: [1: ["id"], 3: ["comment", "note"]], substitutes: [2: .long(1), 4: .int(9)])
        )
        #expect(throws: WeirError.self) { try ColumnProjection(Self.metadata(mapping: "[")) }
    }

    @Test func `a default that is no value of its column is refused`() throws {
        let error = #expect(throws: WeirError.self) { try ColumnProjection(Self.metadata(noteDefault: "17")) }
        #expect(error?.location?.contains("note") == true)
    }
}
