import IcebergFormat
import Testing
import WeirTesting

/// Changes of the people with ids below fifty, beside people who stay, and the rows after each change. Tells which change
/// the rows that a reader has found are of.
struct PeopleStream {
    private var changing: [Int: String] = [:]
    private var settled: [Int: String] = [:]
    private var settledTexts: Set<String> = []
    private(set) var count = 0
    /// Changing rows as texts → the numbers of changes that led to them.
    private var states: [[String]: [Int]] = [[]: [0]]
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    var rows: [Int: String] { settled.merging(changing) { $1 } }

    static func text(_ id: Int, _ name: String) -> String { "\(id)=\(name)" }

    /// A row as engines print it.
    static func text(_ row: JSONObject) throws -> String { text(Int(try row.long("id")), try row.string("name")) }

    /// New people who stay. Readers may see any part of them until all are in base.
    mutating func settlers(_ ids: Range<Int>) -> [DebeziumHistory.Record] {
        for id in ids {
            settled[id] = "stays"
            settledTexts.insert(Self.text(id, "stays"))
        }
        return ids.map { Self.record($0, before: nil, after: "stays") }
    }

    /// The next change.
    mutating func next() -> DebeziumHistory.Record {
        let id = Int(random.next() % 50)
        let old = changing[id]
        count += 1
        changing[id] = random.next() % 4 == 0 ? nil : "n\(count)"
        states[changing.map { Self.text($0.key, $0.value) }.sorted(), default: []].append(count)
        return Self.record(id, before: old, after: changing[id])
    }

    /// The number of the change that led to the rows that a reader has found, sorted. If several did, the first one
    /// that is not before what it found earlier. Nil when these were never the rows.
    func change(of found: [String], notBefore earlier: Int = 0) -> Int? {
        guard found.count(where: settledTexts.contains) == settledTexts.count else { return nil }
        let changes = states[found.filter { !settledTexts.contains($0) }]
        return changes?.first { $0 >= earlier } ?? changes?.last
    }

    private static func record(_ id: Int, before: String?, after: String?) -> DebeziumHistory.Record {
        let image = { (name: String?) in name.map { "{\"id\":\(id),\"name\":\"\($0)\"}" } ?? "null" }
        let operation = after == nil ? "d" : before == nil ? "c" : "u"
        return DebeziumHistory.Record(
            key: "{\"id\":\(id)}",
            value: """
                {"before":\(after == nil ? "{\"id\":\(id)}" : image(before)),"after":\(image(after)),\
                "source":{"db":"shop","schema":"public","table":"people"},"op":"\(operation)"}
                """
        )
    }
}
