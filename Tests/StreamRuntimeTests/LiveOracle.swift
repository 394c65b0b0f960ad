import WeirTesting

/// The expected tables of a live run once everything is committed.
struct LiveOracle {
    /// A visit with a person's name.
    struct Joined: Equatable {
        var person: Int
        var name: String?
    }

    private(set) var people: [Int: String] = [:]
    private(set) var visits: [Int: Joined] = [:]
    /// Names that a person had since the beginning, and how many of them when a visit was appended. The visit may be
    /// read later and show a newer name, never an older one.
    private var history: [Int: [String?]] = [:]
    private var known: [Int: Int] = [:]
    private var names = 0
    private var foreign = 0

    /// Keys from here on are first created by another writer.
    static let foreignStart = 1000

    private mutating func name() -> String {
        names += 1
        return "n\(names)"
    }

    /// Random changes of people, including people that another writer created.
    mutating func changePeople(_ count: Int, _ random: inout SeededGenerator) -> [DebeziumHistory.Record] {
        (0..<count).map { _ in
            let isForeign = foreign > 0 && random.next() % 6 == 0
            let id = isForeign ? Self.foreignStart + Int(random.next() % UInt64(foreign)) : Int(random.next() % 30)
            let old = people[id]
            let new = random.next() % 4 == 0 ? nil : name()
            rename(id, new)
            return Self.record(id, table: "people", old.map { Self.person(id, $0) }, new.map { Self.person(id, $0) })
        }
    }

    /// New and changed visits; some refer to people who do not exist.
    mutating func visit(_ count: Int, _ random: inout SeededGenerator) -> [DebeziumHistory.Record] {
        (0..<count).map { _ in
            let id = Int(random.next() % 200)
            let isForeign = foreign > 0 && random.next() % 5 == 0
            let person = isForeign ? Self.foreignStart + Int(random.next() % UInt64(foreign)) : Int(random.next() % 35)
            visits[id] = Joined(person: person, name: people[person])
            known[id] = history[person]?.count ?? 0
            return Self.record(id, table: "visits", nil, "{\"id\":\(id),\"person\":\(person)}")
        }
    }

    /// A new person that another writer appends to the base store.
    mutating func foreignPerson() -> (id: Int, name: String) {
        let id = Self.foreignStart + foreign
        foreign += 1
        let name = name()
        rename(id, name)
        return (id, name)
    }

    private mutating func rename(_ id: Int, _ name: String?) {
        people[id] = name
        history[id, default: []].append(name)
    }

    /// Whether a joined row is one that its visit may have.
    func allows(_ row: Joined?, of visit: Int) -> Bool {
        guard let row, let wanted = visits[visit], let known = known[visit] else { return row == visits[visit] }
        return row == wanted
            || row.person == wanted.person && (history[row.person] ?? []).dropFirst(known).contains(row.name)
    }

    private static func person(_ id: Int, _ name: String) -> String { "{\"id\":\(id),\"name\":\"\(name)\"}" }

    private static func record(_ id: Int, table: String, _ old: String?, _ new: String?) -> DebeziumHistory.Record {
        let operation = new == nil ? "d" : old == nil ? "c" : "u"
        return DebeziumHistory.Record(
            key: "{\"id\":\(id)}",
            value: """
                {"before":\(old ?? "null"),"after":\(new ?? "null"),"source":{"db":"shop","schema":"public",\
                "table":"\(table)"},"op":"\(operation)"}
                """
        )
    }
}
