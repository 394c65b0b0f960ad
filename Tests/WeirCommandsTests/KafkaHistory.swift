import WeirTesting

/// A seeded stream of Debezium records about people, and the resulting rows.
struct KafkaHistory {
    struct Row: Equatable, Hashable {
        var name: String?
        /// The number of the record that wrote the row. No two records write the same row.
        var seq: Int
    }

    typealias Record = (key: String?, value: String?)

    private(set) var random: SeededGenerator
    private(set) var rows: [Int: Row] = [:]
    /// The markers of the records that cannot be decoded.
    private(set) var poison: Set<String> = []
    private var seq = 0

    var seed: UInt64 { random.seed }

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func pick(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

    /// The next records, for keys in the range. Updates `rows`.
    mutating func records(_ count: Int, ids: Range<Int> = 0..<60) -> [Record] {
        var records: [Record] = []
        while records.count < count {
            let id = ids.lowerBound + pick(ids.count)
            let key = "{\"id\":\(id)}"
            seq += 1
            switch pick(12) {
            case 0..<3:
                let row = newRow()
                records.append((key, Self.event(before: nil, after: row, id, pick(2) == 0 ? "c" : "r")))
                rows[id] = row
            case 3..<8:
                let row = newRow()
                records.append((key, Self.event(before: pick(2) == 0 ? rows[id] : nil, after: row, id, "u")))
                rows[id] = row
            case 8..<10:
                records.append((key, Self.event(before: rows[id], after: nil, id, "d")))
                rows[id] = nil
            case 10:
                // A tombstone follows, as connectors send it.
                records.append((key, Self.event(before: rows[id], after: nil, id, "d")))
                records.append((key, nil))
                rows[id] = nil
            default:
                let mark = "poison-\(seq)"
                poison.insert(mark)
                let bad = [
                    "{\"before\":null,\"after\":{\"id\":\(id),\"name\":\"\(mark)", "[1,\"\(mark)\"]",
                    Self.event(before: nil, after: "{\"id\":\"\(mark)\",\"name\":null,\"seq\":1}", "c"),
                ]
                records.append((key, bad[pick(bad.count)]))
            }
        }
        return records
    }

    /// The insert of a new row that no other record changes.
    mutating func insert() -> Record {
        seq += 1
        let id = 1_000_000 + seq
        let row = newRow()
        rows[id] = row
        return ("{\"id\":\(id)}", Self.event(before: nil, after: row, id, "c"))
    }

    private mutating func newRow() -> Row {
        let names: [String?] = ["ada", "ü \u{1F600} \\\"quoted\\\"", "", nil, "line\\nbreak", "日本語"]
        return Row(name: names[pick(names.count)], seq: seq)
    }

    /// The insert of a row outside any history.
    static func insert(_ id: Int, _ name: String) -> Record {
        ("{\"id\":\(id)}", event(before: nil, after: Row(name: name, seq: -1), id, "c"))
    }

    private static func event(before: Row?, after: Row?, _ id: Int, _ operation: String) -> String {
        event(before: before.map { json($0, id) }, after: after.map { json($0, id) }, operation)
    }

    private static func event(before: String?, after: String?, _ operation: String) -> String {
        """
        {"before":\(before ?? "null"),"after":\(after ?? "null"),"source":{"db":"shop","schema":"public",\
        "table":"people","ts_ms":1},"op":"\(operation)","ts_ms":2}
        """
    }

    /// A row as JSON. Names are already JSON-escaped.
    private static func json(_ row: Row, _ id: Int) -> String {
        "{\"id\":\(id),\"name\":\(row.name.map { "\"\($0)\"" } ?? "null"),\"seq\":\(row.seq)}"
    }
}
