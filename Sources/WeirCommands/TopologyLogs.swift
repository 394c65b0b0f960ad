import Bytes
import EventLog
import KafkaLog
import Synchronization
import Topology

/// The logs that a topology names: the file log, and brokers that speak Kafka. Clients of one broker are shared.
final class TopologyLogs: Sendable {
    private let places: WarehousePlaces
    private let brokers = Mutex<[[String: String]: KafkaLog]>([:])

    init(_ places: WarehousePlaces) { self.places = places }

    func source(_ source: Topology.Source) throws(WeirError) -> any PartitionedLog {
        switch source.kind {
        case .fileLog: return try FileLog(root: source.path ?? places.logRoot)
        case .kafka:
            do {
                return try broker(try Self.revealed(source.properties))
            } catch {
                throw error.located(at: "source '\(source.name)'")
            }
        }
    }

    /// A client with those settings, under librdkafka's names.
    func broker(_ properties: [String: String]) throws(WeirError) -> KafkaLog {
        try brokers.withLock { (brokers) throws(WeirError) in
            if let known = brokers[properties] { return known }
            let log = try KafkaLog(KafkaSettings(properties: properties))
            brokers[properties] = log
            return log
        }
    }

    static func revealed(_ secrets: [String: Secret]) throws(WeirError) -> [String: String] {
        var texts: [String: String] = [:]
        for (name, secret) in secrets { texts[name] = try secret.reveal() }
        return texts
    }
}
