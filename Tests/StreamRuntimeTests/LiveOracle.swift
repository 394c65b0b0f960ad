import WeirTesting

/// The expected tables of a live run once everything is committed.
struct LiveOracle {
    /// A visit with the person's name at the time the visit was appended.
    struct Joined: Equatable {
        var person: Int
        var name: String?
    }

    private(set) var people: [Int: String] = [:]
    private(set) var joined: [Int: Joined] = [:]
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
            people[id] = new
            return Self.record(id, table: "people", old.map { Self.person(id, $0) }, new.map { Self.person(id, $0) })
        }
    }

    /// New and changed visits; some refer to people who do not exist.
    mutating func visit(_ count: Int, _ random: inout SeededGenerator) -> [DebeziumHistory.Record] {
        (0..<count).map { _ in
            let id = Int(random.next() % 200)
            let isForeign = foreign > 0 && random.next() % 5 == 0
            let person = isForeign ? Self.foreignStart + Int(random.next() % UInt64(foreign)) : Int(random.next() % 35)
            joined[id] = Joined(person: person, name: people[person])
            return Self.record(id, table: "visits", nil, "{\"id\":\(id),\"person\":\(person)}")
        }
    }

    /// A new person that another writer appends to the base store.
    mutating func foreignPerson() -> (id: Int, name: String) {
        let id = Self.foreignStart + foreign
        foreign += 1
        let name = name()
        people[id] = name
        return (id, name)
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
