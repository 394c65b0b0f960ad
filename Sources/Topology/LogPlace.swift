import Bytes
import Foundation

/// The location of a log's topics: Kafka brokers, or a root folder of the file log.
enum LogPlace {
    case brokers(Secret)
    /// Nil for the default root.
    case files(String?)

    /// Nil if the brokers are missing, which is reported elsewhere.
    init?(_ source: Topology.Source) {
        switch source.kind {
        case .fileLog: self = .files(source.path)
        case .kafka:
            guard let servers = source.properties["bootstrap.servers"] else { return nil }
            self = .brokers(servers)
        }
    }

    init?(_ sink: Topology.Sink) {
        guard sink.kind == .kafka, let servers = sink.properties["bootstrap.servers"] else { return nil }
        self = .brokers(servers)
    }

    /// Whether the same topic name refers to the same topic in both, as far as the topology file shows.
    func isSame(as other: LogPlace) -> Bool {
        switch (self, other) {
        case (.brokers(let left), .brokers(let right)):
            if left == right { return true }
            guard let left = try? left.text.map(BootstrapServers.init),
                let right = try? right.text.map(BootstrapServers.init)
            else { return false }
            return left.overlaps(right)
        case (.files(let left), .files(let right)): return Self.standard(left) == Self.standard(right)
        case (.brokers, .files), (.files, .brokers): return false
        }
    }

    private static func standard(_ path: String?) -> String? {
        path.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
    }
}
