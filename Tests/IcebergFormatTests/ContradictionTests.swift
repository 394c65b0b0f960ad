import Bytes
import Columnar
import Testing

@testable import IcebergFormat

/// Inconsistent metadata is refused with a message; metadata with members that real writers omit is accepted.
@Suite struct ContradictionTests {
    private static func document(_ table: String) throws -> JSONObject {
        try #require(try JSONValue.parse(FixtureTests.bytes(table, "table.metadata.json")).asObject)
    }

    private static func parse(_ document: JSONObject) throws(WeirError) -> TableMetadata {
        try TableMetadata.parse(JSONValue.object(document).serialized(), at: "t.metadata.json")
    }

    private static func refusal(
        _ table: String = "spark-v2",
        _ change: (inout JSONObject) throws -> Void
    ) throws -> String {
        var document = try document(table)
        try change(&document)
        let error = #expect(throws: WeirError.self) { try parse(document) }
        #expect(error?.location?.contains("t.metadata.json") == true)
        return error?.message ?? ""
    }

    @Test func `main and the current snapshot are one`() throws {
        let missing = try Self.refusal { $0["current-snapshot-id"] = nil }
        #expect(missing.contains("main") && missing.contains("current-snapshot-id names none"))
        #expect(try Self.refusal { $0["current-snapshot-id"] = .integer(-1) }.contains("names none"))
        #expect(try Self.refusal { $0["current-snapshot-id"] = .null }.contains("names none"))
        let other = try Self.refusal { document in
            let snapshots = try document.array("snapshots")
            let first = try #require(snapshots.first?.asObject)
            document["current-snapshot-id"] = .integer(try first.long("snapshot-id"))
        }
        #expect(other.contains("but current-snapshot-id is"))
        #expect(try Self.refusal { $0["current-snapshot-id"] = .integer(5) }.contains("5"))
    }

    @Test func `what a reference, a schema or a spec is named by is there and there once`() throws {
        let tag = try Self.refusal { document in
            var refs = try document.object("refs")
            refs["audit"] = .object(["snapshot-id": .integer(5), "type": .string("tag")])
            document["refs"] = .object(refs)
        }
        #expect(tag.contains("'audit' is at snapshot 5"))
        #expect(try Self.refusal { $0["current-schema-id"] = .integer(77) }.contains("schema 77"))
        #expect(try Self.refusal { $0["default-spec-id"] = .integer(77) }.contains("spec 77"))
        for (key, kind) in [("schemas", "schemas"), ("partition-specs", "partition specs")] {
            let twice = try Self.refusal { document in
                let all = try document.array(key)
                document[key] = .array(all + all.prefix(1))
            }
            #expect(twice.contains("two of the \(kind) have the id"))
        }
        let snapshots = try Self.refusal { document in
            let all = try document.array("snapshots")
            document["snapshots"] = .array(all + all.prefix(1))
        }
        #expect(snapshots.contains("two snapshots have the id"))
        let choice = try Self.refusal("pyiceberg-evolved") { $0["current-schema-id"] = nil }
        #expect(choice.contains("to choose from"))
    }

    @Test func `a field id and a name belong to one column`() throws {
        func columns(_ first: (Int64, String), _ second: (Int64, String)) throws -> String {
            try Self.refusal { document in
                let fields = [first, second].map { id, name in
                    JSONValue.object([
                        "id": .integer(id), "name": .string(name), "required": .bool(false), "type": .string("long"),
                    ])
                }
                var schema = try #require(try document.array("schemas").first?.asObject)
                schema["schema-id"] = .integer(99)
                schema["fields"] = .array(fields)
                document["schemas"] = .array(try document.array("schemas") + [.object(schema)])
            }
        }
        #expect(try columns((1, "a"), (1, "b")).contains("field id 1 to both 'a' and 'b'"))
        #expect(try columns((1, "a"), (2, "a")).contains("two columns named 'a'"))
    }

    @Test func `sequence numbers do not pass the last one`() throws {
        #expect(try Self.refusal { $0["last-sequence-number"] = .integer(0) }.contains("last-sequence-number is 0"))
        #expect(try Self.refusal { $0["last-sequence-number"] = nil }.contains("last-sequence-number"))
    }

    @Test func `what writers leave out is no contradiction`() throws {
        // In version 1, and for writers without references, only the current snapshot defines main.
        var old = try Self.document("spark-v1")
        for member in ["refs", "last-sequence-number"] { old[member] = nil }
        #expect(try Self.parse(old).references[TableMetadata.mainBranch] != nil)
        // A table without rows: −1, null or nothing.
        for none in [JSONValue.integer(-1), .null, nil] {
            var empty = try Self.document("spark-v2")
            empty["current-snapshot-id"] = none
            empty["refs"] = .object(JSONObject())
            empty["snapshots"] = .array([])
            #expect(try Self.parse(empty).currentSnapshot == nil)
        }
        // A branch besides main, and snapshots that no reference leads to.
        var staged = try Self.document("spark-v2")
        staged["current-snapshot-id"] = .integer(-1)
        staged["refs"] = nil
        #expect(try Self.parse(staged).currentSnapshot == nil)
    }
}
