import WeirTesting

/// The expected tables of a live run once everything is committed.
struct LiveOracle {
    /// A visit with a person's name.
    struct Joined: Equatable {
        var person: Int
        var name: String?
    }

    /// A row of the log of visits.
    struct Visit: Equatable, Comparable {
        var id: Int
        var person: Int

        static func < (left: Visit, right: Visit) -> Bool { (left.id, left.person) < (right.id, right.person) }
    }

    private(set) var people: [Int: String] = [:]
    /// The same stream of people, without those whom other writers add to them, and with guests of other writers.
    private(set) var guests: [Int: String] = [:]
    /// Every visit that was ever told, sorted.
    var log: [Visit] { told.sorted() }
    private var told: [Visit] = []
    private(set) var visits: [Int: Joined] = [:]
    /// Names that a person had since the beginning, and how many of them when a visit was appended. The visit may be
    /// read later and show a newer name, never an older one.
    private var history: [Int: [String?]] = [:]
    private var known: [Int: Int] = [:]
    private var names = 0
    private var foreign = 0

    private var foreignGuests = 0
    /// People of the stream whom another writer has deleted.
    private var deletedElsewhere: Set<Int> = []

    /// Keys from here on are first created by another writer.
    static let foreignStart = 1000
    /// Guests from here on are only known to another writer.
    static let foreignGuestStart = 5000

    /// Whether only the stream has ever changed the person.
    func isOfStream(_ id: Int) -> Bool { id < Self.foreignStart && !deletedElsewhere.contains(id) }

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
            guests[id] = new
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
            told.append(Visit(id: id, person: person))
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

    /// A person to be deleted by another writer.
    mutating func deletedPerson(_ random: inout SeededGenerator) -> Int {
        let ids = people.keys.sorted()
        let id = ids.isEmpty ? 0 : ids[Int(random.next() % UInt64(ids.count))]
        if people[id] != nil { rename(id, nil) }
        deletedElsewhere.insert(id)
        return id
    }

    /// New guests that another writer appends to their base store.
    mutating func addGuests(_ count: Int) -> (ids: [Int], name: String) {
        let ids = (0..<count).map { Self.foreignGuestStart + foreignGuests + $0 }
        foreignGuests += count
        let name = name()
        for id in ids { guests[id] = name }
        return (ids, name)
    }

    mutating func removeGuests(_ ids: [Int]) { for id in ids { guests[id] = nil } }

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
