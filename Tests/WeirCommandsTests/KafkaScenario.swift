import Foundation
import Testing
import WeirTesting

/// A broker, a topology that reads from it, and the expected content of its table.
struct KafkaScenario {
    let folder: String
    let broker: KafkaBroker
    var weir: WeirBinary
    var history: KafkaHistory

    /// Settings of a topology besides the brokers.
    struct Options {
        var name = "people"
        var warehouse = "warehouse"
        /// The address of the catalog; nil for the warehouse's own.
        var catalog: String?
        var commit = "100ms"
        var topics = "topics: [people]"
        /// Additional lines of the source.
        var source: [String] = []
        /// A new group does not wait for killed members.
        var group = "weir-people"
        /// How long the group waits for a silent member. Kafka's brokers accept no less than 6 s.
        var sessionMilliseconds = 6000
        /// The topic for the changes; nil for none.
        var target: String?
    }

    init(_ folder: String, topic: String = "people", broker kind: KafkaBroker.Kind = .noida) throws {
        self.folder = folder
        broker = try KafkaBroker(kind, folder: folder + "/broker")
        var weir = WeirBinary(folder: folder)
        if kind == .tansu {
            try KafkaClientLibrary.link(in: folder + "/lib")
            weir.libraries = folder + "/lib"
        }
        self.weir = weir
        history = KafkaHistory(seed: SeededGenerator.seeds(1)[0])
        try broker.create(topic, partitions: 4)
    }

    /// Writes a topology's file.
    func write(_ options: Options = Options(), to file: String = "people.yaml") throws {
        let limit = "properties.receive.message.max.bytes: \"1000000000\""
        let catalog = options.catalog.map { ", catalog: \"\($0)\"" } ?? ""
        let more = options.source.map { "      \($0)\n" }.joined()
        var text = """
            name: \(options.name)
            pipeline: { commit.interval: \(options.commit) }
            source:
                - name: people
                  type: kafka
                  \(options.topics)
                  format: debezium-json
                  properties.bootstrap.servers: \(broker.address)
                  properties.group.id: \(options.group)
                  properties.session.timeout.ms: "\(options.sessionMilliseconds)"
                  properties.heartbeat.interval.ms: "500"
                  properties.topic.metadata.refresh.interval.ms: "1000"
                  \(limit)
            tables:
                - { name: shop.people, columns: { id: long, name: string, seq: long }, primary-key: [id] }
            route: [{ source-table: shop.public.people, sink-table: shop.people }]
            sink:
                - { type: mixed-iceberg, warehouse: \(options.warehouse)\(catalog) }

            """
        text = text.replacingOccurrences(of: "      \(limit)\n", with: "      \(limit)\n" + more)
        if let target = options.target {
            text += """
                    - name: latest
                      type: kafka
                      format: upsert-kafka
                      topic: \(target)
                      tables: [shop.people]
                      properties.bootstrap.servers: \(broker.address)
                      \(limit)

                """
        }
        try text.write(toFile: "\(folder)/\(file)", atomically: true, encoding: .utf8)
    }

    /// Starts a process of the topology that runs until stopped.
    func start(isQuiet: Bool = true) throws -> WeirBinary.Running {
        try weir.start(["run", "people.yaml"] + (isQuiet ? ["--quiet"] : []))
    }

    mutating func produce(_ count: Int, ids: Range<Int> = 0..<60, to topic: String = "people") throws {
        try broker.produce(history.records(count, ids: ids), to: topic)
    }

    /// Writes one new row to each of the four partitions.
    mutating func dealRows() throws { try broker.deal((0..<4).map { _ in history.insert() }, to: "people") }

    /// Stops a process as a user does.
    func stop(_ run: WeirBinary.Running, source: SourceLocation = #_sourceLocation) {
        run.signal(SIGTERM)
        let ended = run.finish(seconds: 30)
        #expect(ended.status == 0, "\(ended.errors)", sourceLocation: source)
    }

    func rows() throws -> [Int: KafkaHistory.Row] {
        let scan = try weir("scan", "shop.people", "-o", "json")
        // Thrown, not recorded: a test may wait for a table that a run creates a moment later.
        guard scan.status == 0 else { throw WeirBinary.Failure(description: scan.errors) }
        var rows: [Int: KafkaHistory.Row] = [:]
        for line in scan.lines {
            let (id, row) = try Self.row(try Self.object(line))
            #expect(rows.updateValue(row, forKey: id) == nil, "id \(id) is there twice")
        }
        return rows
    }

    /// The offset after the last record in the table, by partition.
    func positions() throws -> [Int: Int] {
        let described = try weir("table", "describe", "shop.people", "-o", "json")
        let positions = try #require(Self.object(described.output)["positions"] as? [[String: Any]])
        var offsets: [Int: Int] = [:]
        for position in positions {
            offsets[try #require(position["partition"] as? Int)] = try #require(position["next_offset"] as? Int)
        }
        return offsets
    }

    /// Waits until the table has the expected content. Returns whether it has.
    func settles(_ run: WeirBinary.Running? = nil, seconds: Double = 40) -> Bool {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            if (try? rows()) == history.rows { return true }
            if let run, !run.process.isRunning { return false }
            Thread.sleep(forTimeInterval: 0.1)
        }
        return false
    }

    /// Reads the remaining records and compares everything visible with the history.
    func verify(_ when: String = "", source: SourceLocation = #_sourceLocation) throws {
        let run = try weir("run", "people.yaml", "--until-caught-up", "--quiet")
        let hint = "\(when) seed \(history.seed)"
        try #require(run.status == 0, "\(run.errors) \(hint)", sourceLocation: source)
        #expect(try rows() == history.rows, "rows, \(hint)", sourceLocation: source)
        #expect(try replayed() == history.rows, "changes, \(hint)", sourceLocation: source)
        let letters = try letters()
        #expect(Set(letters.values) == history.poison, "dead letters, \(hint)", sourceLocation: source)
        #expect(letters.count == history.poison.count, "dead letters, \(hint)", sourceLocation: source)
    }

    /// The rows after applying all changes from the earliest one. Every change must match the existing row.
    func replayed() throws -> [Int: KafkaHistory.Row] {
        let read = try weir("read", "shop.people", "--from", "earliest", "-o", "json")
        try #require(read.status == 0, "\(read.errors)")
        var rows: [Int: KafkaHistory.Row] = [:]
        var made: Set<Int> = []
        for line in read.lines {
            let change = try Self.object(line)
            let content = try #require(change["row"] as? [String: Any])
            let id = try #require(content["id"] as? Int)
            let operation = change["op"] as? String
            switch operation {
            case "+I", "+U":
                let (_, row) = try Self.row(content)
                #expect(rows.updateValue(row, forKey: id) == nil, "\(line) meets a row")
                #expect(made.insert(row.seq).inserted, "\(line) is there twice")
            default:
                let old = rows.removeValue(forKey: id)
                #expect(old != nil, "\(line) meets no row")
                // For records without the old row only the key is known.
                if content["seq"] is Int { #expect(try Self.row(content).1 == old, "\(line)") }
            }
        }
        return rows
    }

    /// The markers of all dead letters, by the position of their records. A letter may occur more than once.
    func letters() throws -> [String: String] {
        struct Letter: Decodable {
            let topic: String
            let partition: Int
            let offset: Int64
            let value: String
        }
        var letters: [String: String] = [:]
        let directory = folder + "/warehouse/dead-letters"
        for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
            let text = try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8)
            for line in text.split(separator: "\n") {
                let letter = try JSONDecoder().decode(Letter.self, from: Data(line.utf8))
                let mark = letter.value.range(of: "poison-[0-9]+", options: .regularExpression)
                let text = mark.map { String(letter.value[$0]) } ?? letter.value
                // A topic that was made anew has other records at the same offsets.
                letters["\(letter.topic) \(letter.partition) \(letter.offset) \(text)"] = text
            }
        }
        return letters
    }

    static func object(_ line: String) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    /// Names stay JSON-escaped, as in the history.
    static func row(_ object: [String: Any]) throws -> (id: Int, KafkaHistory.Row) {
        let name = (object["name"] as? String).map {
            $0.replacingOccurrences(of: "\"", with: "\\\"").replacingOccurrences(of: "\n", with: "\\n")
        }
        return (
            try #require(object["id"] as? Int), KafkaHistory.Row(name: name, seq: try #require(object["seq"] as? Int))
        )
    }
}
