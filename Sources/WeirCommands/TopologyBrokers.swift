import Bytes
import KafkaLog
import LogStores
import StreamRuntime
import Topology

/// The brokers of a topology's sources, sinks and LogStores, and a check whether they can be used.
struct TopologyBrokers {
    /// A source, a sink, or the LogStore of a table.
    struct Use {
        enum Role: String {
            case source
            case sink
            case logStore = "LogStore"
        }

        let role: Role
        /// For a LogStore, the name of its table.
        let name: String?
        var properties: [String: Secret]
        var topics: [String]
        /// For a source, the pattern of its topics, if any.
        var pattern: NamePattern?
        /// The consumer group of a source.
        var group: String?
        /// Where the file declares it; for a LogStore, its table.
        var declaration: Topology.Declaration
        /// For a LogStore: whether the run reads it.
        var isRead = false
        /// An error found before any broker is contacted.
        var failure: WeirError?

        var text: String {
            guard let name else { return role.rawValue }
            return role == .logStore ? "LogStore of '\(name)'" : "\(role.rawValue) '\(name)'"
        }

        fileprivate var addressPath: [String] {
            role == .logStore ? ["properties", "log-store.address"] : ["properties.bootstrap.servers"]
        }
    }

    /// The result for one topic of a use, or for its brokers.
    struct Finding {
        let use: Use
        /// `host:port`, … ; nil when the settings are wrong.
        let brokers: String?
        /// Nil if the finding is about the brokers.
        let topic: String?
        let result: Result<String, WeirError>
        var isWarning = false

        /// The source whose brokers could not be reached.
        var unreachableSource: String? {
            guard use.role == .source, topic == nil, case .failure = result else { return nil }
            return use.name
        }

        /// What the finding refers to in its declaration, the best match first.
        var paths: [[String]] {
            if let pattern = use.pattern, topic == pattern.text { return [["topic-pattern"]] }
            if let topic {
                let paths =
                    switch use.role {
                    case .source: [["topics", topic]]
                    case .sink: [["topic", topic], ["topic-prefix"]]
                    case .logStore: [["properties", "log-store.topic", topic], ["properties", "log-store.topic"]]
                    }
                return paths + [use.addressPath]
            }
            if case .failure(let error) = result, let location = error.location, location.hasPrefix("property ") {
                let key = "properties." + location.dropFirst("property ".count)
                return [use.role == .logStore ? ["properties", key] : [key], use.addressPath]
            }
            return [use.addressPath]
        }
    }

    let uses: [Use]
    /// Whether processes share the sources, partition by partition.
    private let isShared: Bool
    private let timeoutMilliseconds: Int

    /// - Parameter existing: the properties of the tables that already exist in the warehouse. A run uses these instead
    ///   of the file's, except for connection properties of a LogStore.
    init(
        _ topology: Topology,
        existing: [String: [String: String]] = [:],
        timeoutMilliseconds: Int = 5000
    ) throws(WeirError) {
        self.timeoutMilliseconds = timeoutMilliseconds
        var uses: [Use] = []
        for source in topology.sources where source.kind == .kafka {
            var use = Use(
                role: .source,
                name: source.name,
                properties: source.properties,
                topics: source.topics,
                declaration: .init(.source, source.name)
            )
            use.pattern = source.topicPattern
            use.group = try source.properties["group.id"]?.reveal() ?? "weir-\(topology.name)"
            uses.append(use)
        }
        let names = topology.tables.map(\.name) + topology.joins.map(\.name)
        for sink in topology.sinks where sink.kind == .kafka {
            let topics = names.compactMap { sink.topic(of: $0) }
            uses.append(
                Use(
                    role: .sink,
                    name: sink.name,
                    properties: sink.properties,
                    topics: topics,
                    declaration: .init(.sink, sink.name)
                )
            )
        }
        self.uses = uses + Self.logStores(topology, existing)
        isShared = topology.sources.allSatisfy { $0.kind == .kafka }
    }

    /// The LogStores on brokers that a run writes, or reads for a lookup join.
    private static func logStores(_ topology: Topology, _ existing: [String: [String: String]]) -> [Use] {
        let tables = topology.tables.map { table in
            (
                section: Topology.Declaration.Section.tables, table.name, table.properties, isKeyed: table.isKeyed,
                topology.mayRoute(to: table.name)
            )
        }
        let joins = topology.joins.map { join in
            (
                section: Topology.Declaration.Section.join, join.name, join.properties,
                isKeyed: !join.primaryKey.isEmpty, true
            )
        }
        return (tables + joins).compactMap { section, name, declared, isKeyed, isWritten in
            let isRead = topology.joins.contains { $0.lookup == name }
            guard isWritten || isRead else { return nil }
            var use = Use(
                role: .logStore,
                name: name,
                properties: [:],
                topics: [],
                declaration: .init(section, name),
                isRead: isRead
            )
            do throws(WeirError) {
                let properties = existing[name].map { LogStoreAccess.updated($0, to: declared) } ?? declared
                let settings = try LogStoreSettings(properties, isKeyed: isKeyed)
                guard settings.isEnabled, settings.kind == .kafka, let topic = settings.topic,
                    try EmitMode(properties, hasLogStore: true).writesLog
                else { return nil }
                (use.properties, use.topics) = (try TopologyLogs.client(of: settings), [topic])
            } catch {
                use.failure = error
            }
            return use
        }
    }

    init(brokers: String, timeoutMilliseconds: Int = 5000) {
        self.timeoutMilliseconds = timeoutMilliseconds
        isShared = false
        uses = [
            Use(
                role: .source,
                name: nil,
                properties: ["bootstrap.servers": Secret(brokers)],
                topics: [],
                declaration: .init(.source, nil)
            )
        ]
    }

    /// Contacts every broker once and looks up every topic. Blocks for seconds if a broker does not answer.
    func findings() -> [Finding] {
        var contacts: [[String: String]: Result<KafkaBrokerCheck, WeirError>] = [:]
        var found: [Finding] = []
        // Sources come first in `uses`, so the count is complete when the sinks follow.
        var sourcePartitions = 0
        for use in uses {
            let settings: KafkaSettings
            let check: KafkaBrokerCheck
            var brokers: String?
            do throws(WeirError) {
                if let failure = use.failure { throw failure }
                let properties = try TopologyLogs.revealed(use.properties)
                settings = try KafkaSettings(properties: properties)
                brokers = settings.brokers
                // Properties of group members do not distinguish brokers.
                let key = properties.filter { !["group.id", "group.instance.id"].contains($0.key) }
                let contact = contacts[key] ?? self.contact(settings)
                contacts[key] = contact
                check = try contact.get()
            } catch {
                found.append(Finding(use: use, brokers: brokers, topic: nil, result: .failure(error)))
                continue
            }
            var text = "answers, \(HumanText.count(check.topics.count, "topic"))"
            if use.role == .sink, !use.topics.isEmpty { text += "; \(producers(sourcePartitions))" }
            found.append(Finding(use: use, brokers: brokers, topic: nil, result: .success(text)))
            if use.role == .source {
                for topic in check.topics where use.topics.contains(topic) || use.pattern?.matches(topic) == true {
                    sourcePartitions += (try? check.writing(topic).partitions) ?? 0
                }
            }
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

    /// The number of transactional producers that a sink adds to the brokers.
    private func producers(_ sourcePartitions: Int) -> String {
        guard isShared else { return "1 producer of transactions, for all topics" }
        return "\(HumanText.count(sourcePartitions, "producer")) of transactions, one for each partition of the sources"
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
            case .logStore:
                let found = use.isRead ? try check.reading(topic) : try check.writing(topic)
                let what = use.isRead ? ", readable" : ""
                return .success("\(HumanText.count(found.partitions, "partition"))\(what)")
            }
        } catch {
            guard use.role == .logStore, error.code == .notFound else { return .failure(error) }
            let known = NearestName.advice(for: topic, among: check.topics) ?? "or check what this user may see"
            let advice = "create it, a run makes no topics on brokers; \(known)"
            return .failure(WeirError(error.code, error.message, at: error.location, advice: advice))
        }
    }
}
