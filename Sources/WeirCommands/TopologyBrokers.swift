import Bytes
import KafkaLog
import Topology

/// The brokers that a topology's sources and sinks use, and whether they can be used.
struct TopologyBrokers {
    /// A source or sink.
    struct Use {
        enum Role: String {
            case source
            case sink
        }

        let role: Role
        let name: String?
        let properties: [String: Secret]
        let topics: [String]
        /// Topics of a source may also be those that match.
        var pattern: NamePattern?
        /// Of a source.
        var group: String?
        /// What stands in the file where a topic's name is made from it.
        var topicPrefix: String?

        var text: String { name.map { "\(role.rawValue) '\($0)'" } ?? role.rawValue }
    }

    /// What is found out about one topic of a use, or about its brokers where they do not answer.
    struct Finding {
        let use: Use
        /// `host:port`, … ; nil when the settings are wrong.
        let brokers: String?
        /// Nil when it is about the brokers.
        let topic: String?
        let result: Result<String, WeirError>
        var isWarning = false

        /// The words in the file that it is about, the best first.
        var words: [String] {
            if let pattern = use.pattern, topic == pattern.text { return ["topic-pattern"] }
            if let topic { return [topic] + [use.topicPrefix].compactMap(\.self) + ["properties.bootstrap.servers"] }
            var words = ["properties.bootstrap.servers"]
            if case .failure(let error) = result, let location = error.location, location.hasPrefix("property ") {
                words.insert("properties." + location.dropFirst("property ".count), at: 0)
            }
            return words
        }
    }

    let uses: [Use]
    private let timeoutMilliseconds: Int

    init(_ topology: Topology, timeoutMilliseconds: Int = 5000) throws(WeirError) {
        self.timeoutMilliseconds = timeoutMilliseconds
        var uses: [Use] = []
        for source in topology.sources where source.kind == .kafka {
            var use = Use(role: .source, name: source.name, properties: source.properties, topics: source.topics)
            use.pattern = source.topicPattern
            use.group = try source.properties["group.id"]?.reveal() ?? "weir-\(topology.name)"
            uses.append(use)
        }
        let names = topology.tables.map(\.name) + topology.joins.map(\.name)
        for sink in topology.sinks where sink.kind == .kafka {
            let topics = names.compactMap { sink.topic(of: $0) }
            var use = Use(role: .sink, name: sink.name, properties: sink.properties, topics: topics)
            use.topicPrefix = sink.topicPrefix
            uses.append(use)
        }
        self.uses = uses
    }

    init(brokers: String, timeoutMilliseconds: Int = 5000) {
        self.timeoutMilliseconds = timeoutMilliseconds
        uses = [Use(role: .source, name: nil, properties: ["bootstrap.servers": Secret(brokers)], topics: [])]
    }

    /// Contacts every broker once and looks up every topic. Blocks for seconds where something does not answer.
    func findings() -> [Finding] {
        var contacts: [[String: String]: Result<KafkaBrokerCheck, WeirError>] = [:]
        var found: [Finding] = []
        for use in uses {
            let settings: KafkaSettings
            let check: KafkaBrokerCheck
            var brokers: String?
            do throws(WeirError) {
                let properties = try TopologyLogs.revealed(use.properties)
                settings = try KafkaSettings(properties: properties)
                brokers = settings.brokers
                // What only members of a group need does not tell brokers apart.
                let key = properties.filter { !["group.id", "group.instance.id"].contains($0.key) }
                let contact = contacts[key] ?? self.contact(settings)
                contacts[key] = contact
                check = try contact.get()
            } catch {
                found.append(Finding(use: use, brokers: brokers, topic: nil, result: .failure(error)))
                continue
            }
            let text = "answers, \(HumanText.count(check.topics.count, "topic"))"
            found.append(Finding(use: use, brokers: brokers, topic: nil, result: .success(text)))
            for topic in use.topics {
                let result = self.result(check, use, topic)
                found.append(Finding(use: use, brokers: brokers, topic: topic, result: result))
            }
            if let pattern = use.pattern, !check.topics.contains(where: { pattern.matches($0) }) {
                let error = WeirError(
                    .notFound,
                    "no topic matches \(pattern.text) yet",
                    at: settings.brokers,
                    advice: "check what this user may see; topics that are created later are read, too"
                )
                var finding = Finding(use: use, brokers: brokers, topic: pattern.text, result: .failure(error))
                finding.isWarning = true
                found.append(finding)
            }
        }
        return found
    }

    private func contact(_ settings: KafkaSettings) -> Result<KafkaBrokerCheck, WeirError> {
        do throws(WeirError) {
            return .success(try KafkaBrokerCheck(settings, timeoutMilliseconds: timeoutMilliseconds))
        } catch {
            return .failure(error)
        }
    }

    private func result(_ check: KafkaBrokerCheck, _ use: Use, _ topic: String) -> Result<String, WeirError> {
        do throws(WeirError) {
            switch use.role {
            case .source:
                let found = try check.reading(topic, group: use.group)
                let records = HumanText.count(Int(found.records), "record")
                return .success("\(records) in \(HumanText.count(found.partitions, "partition")), readable")
            case .sink:
                return .success("\(HumanText.count(try check.writing(topic).partitions, "partition"))")
            }
        } catch {
            return .failure(error)
        }
    }
}
