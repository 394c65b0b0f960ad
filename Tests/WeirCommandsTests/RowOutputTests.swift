import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import Testing

@testable import WeirCommands

extension StandardOutput {
    /// The output not yet printed.
    var pending: String {
        String(decoding: UnsafeRawBufferPointer(start: buffer.base, count: buffer.count), as: UTF8.self)
    }
}

extension GrowableBuffer {
    var text: String { String(decoding: UnsafeRawBufferPointer(start: base, count: count), as: UTF8.self) }
}

/// Rows with an id and a text.
private func batch(_ rows: [(Int64, String?)]) -> ColumnBatch {
    var ids = ColumnBuilder(.long)
    var texts = ColumnBuilder(.string)
    for (id, text) in rows {
        ids.append(id)
        if let text { texts.append(text) } else { texts.appendNull() }
    }
    let schema = Schema([
        Field(id: 1, name: "id", type: .long, isRequired: true), Field(id: 2, name: "text", type: .string),
    ])
    return ColumnBatch(schema: schema, columns: [ids.finish(), texts.finish()], count: rows.count)
}

@Test func `CSV quotes what needs it and tells a null from an empty text`() throws {
    let out = StandardOutput()
    let rows = batch([(1, "plain"), (2, "a,b"), (3, "say \"so\""), (4, "two\nlines"), (5, nil), (6, "")])
    try CSVRowOutput(rows.schema, to: out).write(rows, rows: 0..<6)
    #expect(out.pending == "id,text\n1,plain\n2,\"a,b\"\n3,\"say \"\"so\"\"\"\n4,\"two\nlines\"\n5,\n6,\"\"\n")
}

@Test func `writes only the rows asked for`() throws {
    let out = StandardOutput()
    let rows = batch([(1, "a"), (2, "b"), (3, "c")])
    try JSONRowOutput(rows.schema, to: out).write(rows, rows: 1..<2)
    #expect(out.pending == "{\"id\":2,\"text\":\"b\"}\n")
}

@Test func `changes as JSON and CSV carry kind and sequence`() throws {
    let rows = batch([(1, "a"), (1, "a"), (1, "b"), (1, "b")])
    let kinds: [ChangeKind] = [.insert, .updateBefore, .updateAfter, .delete]
    let json = StandardOutput()
    try JSONChangeOutput(rows.schema, to: json).write(rows, rows: 0..<4, sequence: 7, isSnapshot: false) { kinds[$0] }
    #expect(json.pending.hasPrefix("{\"op\":\"+I\",\"seq\":7,\"row\":{\"id\":1,\"text\":\"a\"}}\n{\"op\":\"-U\","))
    #expect(json.pending.hasSuffix("{\"op\":\"-D\",\"seq\":7,\"row\":{\"id\":1,\"text\":\"b\"}}\n"))
    let csv = StandardOutput()
    try CSVChangeOutput(rows.schema, to: csv).write(rows, rows: 0..<4, sequence: 7, isSnapshot: false) { kinds[$0] }
    #expect(csv.pending == "op,seq,id,text\n+I,7,1,a\n-U,7,1,a\n+U,7,1,b\n-D,7,1,b\n")
}

/// The events of a Debezium output without their processing times.
private func events(_ out: StandardOutput) throws -> [JSONObject] {
    try out.pending.split(separator: "\n").map { try #require(try JSONValue.parse(String($0)).asObject) }
}

@Test func `Debezium output joins the two images of an update, over batches too`() throws {
    let out = StandardOutput()
    let rows = batch([(1, "a"), (1, "a"), (1, "b"), (1, "b")])
    let kinds: [ChangeKind] = [.insert, .updateBefore, .updateAfter, .delete]
    let output = DebeziumOutput(try TableIdentifier("shop.orders"), rows.schema, to: out)
    output.learn([
        Snapshot(
            id: 1,
            parentId: nil,
            sequenceNumber: 7,
            timestampMs: 1234,
            manifestList: "m",
            operation: "append",
            summary: [:],
            schemaId: nil
        )
    ])
    try output.write(rows, rows: 0..<2, sequence: 7, isSnapshot: false) { kinds[$0] }
    try output.write(rows, rows: 2..<4, sequence: 7, isSnapshot: false) { kinds[$0] }
    let events = try events(out)
    #expect(events.map { $0["op"]?.asString } == ["c", "u", "d"])
    #expect(events[0]["before"] == .null)
    #expect(events[1]["before"]?.text == "{\"id\":1,\"text\":\"a\"}")
    #expect(events[1]["after"]?.text == "{\"id\":1,\"text\":\"b\"}")
    #expect(events[2]["after"] == .null)
    let source = try #require(events[1]["source"]?.asObject)
    #expect(source["db"] == .string("shop") && source["table"] == .string("orders"))
    #expect(source["ts_ms"] == .integer(1234) && source["seq"] == .integer(7))
}

@Test func `Debezium output takes an old image without a new one for a delete`() throws {
    let out = StandardOutput()
    let rows = batch([(1, "a"), (2, "b")])
    let kinds: [ChangeKind] = [.updateBefore, .insert]
    let output = DebeziumOutput(try TableIdentifier("shop.orders"), rows.schema, to: out)
    try output.write(rows, rows: 0..<2, sequence: 1, isSnapshot: false) { kinds[$0] }
    #expect(try events(out).map { $0["op"]?.asString } == ["d", "c"])
}

@Test func `a table's state is printed as reads`() throws {
    let out = StandardOutput()
    let rows = batch([(1, "a")])
    let output = DebeziumOutput(try TableIdentifier("shop.orders"), rows.schema, to: out)
    try output.write(rows, rows: 0..<1, sequence: 1, isSnapshot: true) { _ in .insert }
    let event = try #require(try events(out).first)
    #expect(event["op"] == .string("r"))
    #expect(event["source"]?.asObject?["snapshot"] == .string("true"))
}

@Test func `a table aligns columns and shows control characters`() {
    var layout = TableLayout([("id", true), ("text", false), ("n", true)])
    for cells in [["1", "ä", "10"], ["200", "a\tb\nc", "9"]] { for cell in cells { layout.cell(cell) } }
    var out = GrowableBuffer()
    layout.write(to: &out)
    #expect(
        out.text == """
             id  text      n
            ---  -------  --
              1  ä        10
            200  a\\tb\\nc   9

            """
    )
}

@Test func `a table goes on in its widths after a chunk, without a second header`() {
    var layout = TableLayout([("name", false), ("last", false)])
    for cell in ["first one", "x"] { layout.cell(cell) }
    var out = GrowableBuffer()
    layout.write(to: &out)
    out.removeAll()
    for cell in ["b", "y"] { layout.cell(cell) }
    layout.write(to: &out)
    #expect(out.text == "b          y\n")
}

@Test func `a key as JSON text is escaped and repaired`() {
    var out = GrowableBuffer()
    let raw: [UInt8] = Array("a\"b\\c\n\u{1}é".utf8) + [0xff]
    raw.withUnsafeBytes { out.appendJSONString($0) }
    #expect(out.text == "\"a\\\"b\\\\c\\n\\u0001é\u{fffd}\"")
}
