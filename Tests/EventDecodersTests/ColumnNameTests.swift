import Columnar
import EventLog
import Testing

@testable import EventDecoders

/// Matching of record members to columns.
struct ColumnNameTests {
    private static let source = "\"source\":{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"orders\"}"
    private static let table = SourceTable(
        database: "shop",
        schema: "public",
        table: "orders",
        topic: "shop.public.orders"
    )

    private static func decoder(_ columns: KeyValuePairs<String, FieldType> = ["id": .long, "name": .string])
        -> DebeziumJSONDecoder
    {
        let target = TableTarget(index: 0, schema: Schema(columns), primaryKey: ["id"])
        return DebeziumJSONDecoder { _ in target }
    }

    private static func batch(_ rows: String...) -> RawBatch {
        RawBatch(rows.map { Event("{\"after\":\($0),\(source),\"op\":\"c\"}") })
    }

    @Test func `one that differs in case alone is found, and told once`() throws {
        let decoder = Self.decoder()
        let decoded = try decoder.decode(Self.batch("{\"ID\":1,\"NAME\":\"Ann\"}", "{\"ID\":2,\"NAME\":\"Bob\"}"))
        #expect(decoded.changes[0].batch.lines == ["100 +I 1|Ann", "101 +I 2|Bob"])
        #expect(
            decoded.notices == [
                .otherCase(Self.table, name: "ID", column: "id"), .otherCase(Self.table, name: "NAME", column: "name"),
            ]
        )
        #expect(try decoder.decode(Self.batch("{\"ID\":3,\"NAME\":\"Cid\"}")).notices.isEmpty)
    }

    @Test func `the exact name wins, in any order and also later on`() throws {
        for row in ["{\"NAME\":\"no\",\"id\":1,\"name\":\"yes\"}", "{\"name\":\"yes\",\"id\":1,\"NAME\":\"no\"}"] {
            let decoded = try Self.decoder().decode(Self.batch(row, row))
            #expect(decoded.changes.first?.batch.lines == ["100 +I 1|yes", "101 +I 1|yes"], "\(row)")
            #expect(decoded.notices.contains(.shadowedCase(Self.table, name: "NAME", column: "name")), "\(row)")
        }
        let decoder = Self.decoder()
        let first = try decoder.decode(
            Self.batch("{\"id\":1,\"NAME\":\"Ann\"}", "{\"id\":2,\"NAME\":\"no\",\"name\":\"Bob\"}")
        )
        #expect(first.changes[0].batch.lines == ["100 +I 1|Ann", "101 +I 2|Bob"])
        #expect(first.rejected.isEmpty)
        // A record without the exact name is read as before.
        let later = try decoder.decode(Self.batch("{\"id\":3,\"NAME\":\"Cid\"}"))
        #expect(later.changes[0].batch.lines == ["100 +I 3|Cid"] && later.notices.isEmpty)
    }

    @Test func `the exact name wins also behind more members than are remembered`() throws {
        let extras = (0..<1200).map { "\"made up \($0)\":0," }.joined()
        for pair in ["\"NAME\":\"no\",\"name\":\"yes\"", "\"name\":\"yes\",\"NAME\":\"no\""] {
            let decoded = try Self.decoder().decode(
                Self.batch("{\"id\":1,\(extras)\"NAME\":\"alone\"}", "{\"id\":2,\(pair)}", "{\"id\":3,\(pair)}")
            )
            #expect(decoded.rejected.isEmpty, "\(pair)")
            #expect(
                decoded.changes.first?.batch.lines == ["100 +I 1|alone", "101 +I 2|yes", "102 +I 3|yes"],
                "\(pair)"
            )
            let cases = decoded.notices.filter { if case .extraColumn = $0 { false } else { true } }
            #expect(
                cases == [
                    .otherCase(Self.table, name: "NAME", column: "name"),
                    .shadowedCase(Self.table, name: "NAME", column: "name"),
                ],
                "\(pair)"
            )
        }
    }

    @Test func `what differs in case is not refused in place of the exact name`() throws {
        let row = "{\"id\":1,\"STATUS\":\"open\",\"status\":5}"
        let alone = try Self.decoder(["id": .long, "status": .int]).decode(Self.batch(row, row))
        #expect(alone.changes.first?.batch.lines == ["100 +I 1|5", "101 +I 1|5"])
        #expect(alone.rejected.isEmpty)
        #expect(alone.notices.contains(.shadowedCase(Self.table, name: "STATUS", column: "status")))
        // A rejection of the old row is kept; a rejection of a row that is decoded again is dropped.
        let x = TableTarget(index: 0, schema: Schema(["id": .long, "status": .int]), primaryKey: ["id"])
        let y = TableTarget(index: 1, schema: Schema(["id": .long, "n": .int]), primaryKey: ["id"])
        let decoder = DebeziumJSONDecoder(DebeziumJSONOptions()) { _ in [x, y] }
        let rows = try decoder.decode(
            RawBatch([
                Event("{\"after\":\(row),\(Self.source),\"op\":\"c\"}"),
                Event(
                    "{\"before\":{\"id\":1,\"n\":\"no\"},\"after\":{\"id\":1,\"N\":[],\"status\":6,\"n\":7},\(Self.source),\"op\":\"u\"}"
                ),
            ])
        )
        #expect(rows.changes.first { $0.table == 0 }?.batch.lines == ["100 +I 1|5", "101 -U 1|-", "101 +U 1|6"])
        #expect(rows.changes.first { $0.table == 1 }?.batch.lines == ["100 +I 1|-"])
    }

    @Test func `two that could be it refuse the record for the tables that have the column`() throws {
        let row = "{\"id\":1,\"NAME\":\"a\",\"Name\":\"b\"}"
        let fault = "after.name is not there, and both 'NAME' and 'Name' could be it: they differ from it in case alone"
        let decoder = Self.decoder()
        // In any batch, also behind records with the exact name, and whatever the values are.
        for _ in 0..<2 {
            let decoded = try decoder.decode(
                Self.batch("{\"id\":2,\"name\":\"c\",\"NAME\":\"a\",\"Name\":\"b\"}", row, "{\"id\":3,\"NAME\":\"d\"}")
            )
            #expect(decoded.changes[0].batch.lines == ["100 +I 2|c", "102 +I 3|d"])
            #expect(decoded.rejected.map(\.reason) == [fault])
        }
        let typed = try Self.decoder(["id": .long, "name": .int]).decode(Self.batch(row))
        #expect(typed.rejected.map(\.reason) == [fault])
        let x = TableTarget(index: 0, schema: Schema(["id": .long, "name": .string]), primaryKey: ["id"])
        let y = TableTarget(index: 1, schema: Schema(["id": .long]), primaryKey: ["id"])
        let both = try DebeziumJSONDecoder(DebeziumJSONOptions()) { _ in [x, y] }.decode(Self.batch(row))
        #expect(both.changes.filter { $0.batch.count > 0 }.map(\.table) == [1])
        #expect(both.rejected.map(\.reason) == [fault] && both.rejected[0].tables == [0])
    }

    @Test func `a member that is there twice is refused`() throws {
        let twice = try Self.decoder().decode(Self.batch("{\"id\":1,\"name\":\"a\",\"name\":\"b\"}"))
        #expect(twice.rejected.first?.reason == "after.name is there twice")
        let other = try Self.decoder().decode(Self.batch("{\"id\":1,\"NAME\":\"a\",\"NAME\":\"b\"}"))
        #expect(
            other.rejected.first?.reason.contains("'NAME', which differs from it in case alone, is there twice") == true
        )
    }

    @Test func `columns of one table that differ in case alone take their exact names only`() throws {
        let columns: KeyValuePairs<String, FieldType> = ["id": .long, "name": .string, "NAME": .string]
        let decoded = try Self.decoder(columns)
            .decode(Self.batch("{\"id\":1,\"Name\":\"a\"}", "{\"id\":2,\"name\":\"b\",\"NAME\":\"c\"}"))
        #expect(decoded.changes[0].batch.lines == ["100 +I 1|-|-", "101 +I 2|b|c"])
        #expect(decoded.notices == [.extraColumn(Self.table, name: "Name")])
        // Another table that has only one of them is not affected.
        let x = TableTarget(index: 0, schema: Schema(["id": .long, "NAME": .string]), primaryKey: ["id"])
        let y = TableTarget(index: 1, schema: Schema(columns), primaryKey: ["id"])
        let both = try DebeziumJSONDecoder(DebeziumJSONOptions()) { _ in [x, y] }
            .decode(Self.batch("{\"id\":1,\"Name\":\"a\"}", "{\"id\":2,\"name\":\"b\"}"))
        #expect(both.changes.first { $0.table == 0 }?.batch.lines == ["100 +I 1|a", "101 +I 2|b"])
        #expect(both.changes.first { $0.table == 1 }?.batch.lines == ["100 +I 1|-|-", "101 +I 2|b|-"])
    }

    @Test func `schema blocks name columns the same way`() throws {
        let decimal =
            "\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{\"scale\":\"2\"}"
        let fields = "[{\"type\":\"int64\",\"field\":\"ID\"},{\(decimal),\"field\":\"AMOUNT\"}]"
        let row = "{\"type\":\"struct\",\"field\":\"after\",\"fields\":\(fields)}"
        let payload = "{\"after\":{\"ID\":1,\"AMOUNT\":\"B8s=\"},\(Self.source),\"op\":\"c\"}"
        let event = Event("{\"schema\":{\"type\":\"struct\",\"fields\":[\(row)]},\"payload\":\(payload)}")
        let decoded = try Self.decoder(["id": .long, "amount": .string]).decode(RawBatch([event]))
        #expect(decoded.changes.first?.batch.lines == ["100 +I 1|19.95"])
    }

    @Test func `columns that no table takes are named once`() throws {
        let x = TableTarget(index: 0, schema: Schema(["id": .long, "name": .string]), primaryKey: ["id"])
        let y = TableTarget(index: 1, schema: Schema(["id": .long, "tier": .string]), primaryKey: ["id"])
        let decoder = DebeziumJSONDecoder(DebeziumJSONOptions()) { _ in [x, y] }
        let row = "{\"id\":1,\"name\":\"a\",\"tier\":\"b\",\"more\":1,\"\\u006cess\":{}}"
        let decoded = try decoder.decode(Self.batch(row, row))
        #expect(decoded.notices == ["more", "less"].map { .extraColumn(Self.table, name: $0) })
        #expect(try decoder.decode(Self.batch(row)).notices.isEmpty)
    }

    @Test func `a delete's key is found by another case, too`() throws {
        let event = Event("{\"before\":null,\"after\":null,\(Self.source),\"op\":\"d\"}", key: "{\"ID\":7}")
        #expect(try Self.decoder().decode(RawBatch([event])).changes.first?.batch.lines == ["100 -D 7|-"])
    }
}
