import WeirTesting

/// A seeded stream of visits that refer to people by id. The id may be unknown or null.
struct VisitHistory {
    struct Visit: Equatable {
        var person: Int?
        var note: String
    }

    var random: SeededGenerator
    private(set) var rows: [Int: Visit] = [:]
    /// The events in order: the new row of an id, nil for a delete.
    private(set) var events: [(id: Int, visit: Visit?)] = []
    private(set) var records: [DebeziumHistory.Record] = []
    private var peopleMax: UInt64

    init(seed: UInt64, peopleMax: UInt64) {
        random = SeededGenerator(seed: seed)
        self.peopleMax = peopleMax
    }

    private func json(_ id: Int, _ visit: Visit?) -> String {
        guard let visit else { return "null" }
        return """
            {"id":\(id),"person":\(visit.person.map { "\($0)" } ?? "null"),"note":\(DebeziumHistory.json(visit.note))}
            """
    }

    /// Adds `count` records.
    mutating func extend(_ count: Int) {
        for _ in 0..<count {
            let id = Int(random.next() % 30)
            let old = rows[id]
            var new: Visit?
            if random.next() % 5 != 0 {
                let person = random.next() % 6 == 0 ? nil : Int(random.next() % peopleMax)
                new = Visit(person: person, note: "n\(random.next() % 100)")
            }
            // An inexact source: sometimes the old row is missing, and rows that do not exist are deleted.
            let before = random.next() % 3 == 0 ? "null" : json(id, old)
            let operation = new == nil ? "d" : old == nil ? "c" : "u"
            records.append(
                .init(
                    key: "{\"id\":\(id)}",
                    value: """
                        {"before":\(before),"after":\(json(id, new)),"source":{"db":"shop","schema":"public",\
                        "table":"visits","ts_ms":1},"op":"\(operation)","ts_ms":2}
                        """
                )
            )
            events.append((id, new))
            rows[id] = new
        }
    }
}
