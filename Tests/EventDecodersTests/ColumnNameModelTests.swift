import ChangeEvents
import Columnar
import EventLog
import Testing
import WeirTesting

@testable import EventDecoders

/// Random spellings of columns, in random batches and orders and over restarts, compared with a rule that sees one
/// record and one table.
struct ColumnNameModelTests {
    private static let spellings = ["name", "NAME", "Name", "tier", "Tier", "TIER", "TiEr", "other"]

    /// A record: members in order, each with a text or a number.
    private struct Record {
        let id: Int
        let members: [(name: String, value: Int)]

        init(_ id: Int, _ random: inout SeededGenerator) {
            self.id = id
            let names = ColumnNameModelTests.spellings.shuffled(using: &random)
            // Values above 100 are texts.
            members = names.prefix(Int.random(in: 0...5, using: &random)).map {
                ($0, Int.random(in: 0..<120, using: &random))
            }
        }

        func event(_ random: inout SeededGenerator) -> Event {
            let index = Int.random(in: 0...members.count, using: &random)
            var texts = members.map { name, value in
                "\"\(ColumnNameModelTests.escaped(name, &random))\":\(value > 100 ? "\"\(value)x\"" : "\(value)")"
            }
            texts.insert("\"id\":\(id)", at: index)
            return Event("{\"after\":{\(texts.joined(separator: ","))},\"op\":\"c\"}")
        }
    }

    /// A name, sometimes with an escaped first letter.
    private static func escaped(_ name: String, _ random: inout SeededGenerator) -> String {
        guard Int.random(in: 0..<8, using: &random) == 0, let first = name.utf8.first else { return name }
        return "\\u00" + String(first, radix: 16) + name.dropFirst()
    }

    /// What a table holds of a record; nil when it refuses it.
    private static func row(_ record: Record, of columns: [(name: String, isNumber: Bool)]) -> String? {
        var texts = ["\(record.id)"]
        for column in columns {
            func isOther(_ name: String) -> Bool {
                name != column.name && name.lowercased() == column.name.lowercased()
            }
            let exact = record.members.first { $0.name == column.name }
            let others = record.members.filter { isOther($0.name) }
            var taken = exact
            if exact == nil, !columns.contains(where: { isOther($0.name) }) {
                if others.count > 1 { return nil }
                taken = others.first
            }
            if column.isNumber, let taken, taken.value > 100 { return nil }
            texts.append(taken.map { $0.value > 100 ? "\($0.value)x" : "\($0.value)" } ?? "-")
        }
        return texts.joined(separator: "|")
    }

    @Test(arguments: SeededGenerator.seeds(4))
    func `what a record fills depends on the record and the table alone`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for round in 0..<60 {
            let tables = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                spellings(&random).map { (name: $0, isNumber: Bool.random(using: &random)) }
            }
            let targets = tables.enumerated().map { index, columns in
                let fields = columns.enumerated().map { offset, column in
                    Field(id: offset + 2, name: column.name, type: column.isNumber ? .long : .string)
                }
                let schema = Schema([Field(id: 1, name: "id", type: .long)] + fields)
                return TableTarget(index: index, schema: schema, primaryKey: ["id"])
            }
            let records = (0..<30).map { Record($0, &random) }
            for order in 0..<3 {
                var decoder = DebeziumJSONDecoder(DebeziumJSONOptions()) { _ in targets }
                var left = records.shuffled(using: &random)[...]
                var found = tables.map { _ in Set<String>() }
                var refused = tables.map { _ in Set<Int>() }
                while !left.isEmpty {
                    if Int.random(in: 0..<4, using: &random) == 0 {
                        decoder = DebeziumJSONDecoder(DebeziumJSONOptions()) { _ in targets }
                    }
                    let batch = left.prefix(Int.random(in: 1...8, using: &random))
                    left = left.dropFirst(batch.count)
                    let decoded = try decoder.decode(RawBatch(batch.map { $0.event(&random) }))
                    for (table, changes) in decoded.changes {
                        for row in 0..<changes.count {
                            found[table].insert(changes.rows.columns.map { $0.scalar(row).text }.joined(separator: "|"))
                        }
                    }
                    for letter in decoded.rejected {
                        for table in letter.tables {
                            refused[table].insert(batch[batch.startIndex + Int(letter.offset - 100)].id)
                        }
                    }
                }
                for (table, columns) in tables.enumerated() {
                    let rows = records.map { Self.row($0, of: columns) }
                    let hint = "seed \(seed), round \(round), order \(order): \(tables), \(records)"
                    #expect(found[table] == Set(rows.compactMap(\.self)), "\(hint)")
                    #expect(refused[table] == Set(records.filter { rows[$0.id] == nil }.map(\.id)), "\(hint)")
                }
            }
        }
    }

    private func spellings(_ random: inout SeededGenerator) -> [String] {
        Array(Self.spellings.shuffled(using: &random).prefix(Int.random(in: 1...4, using: &random)))
    }
}
