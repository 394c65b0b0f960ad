import Bytes
import Topology

/// The health checks of `weir doctor` for Kafka brokers.
enum BrokerChecks {
    static func all(_ brokers: TopologyBrokers) -> [HealthCheck] {
        let found = brokers.findings()
        guard !found.isEmpty else { return [HealthCheck("kafka", .ok, "the topology uses no broker")] }
        return lines(found)
    }

    /// Converts findings to lines and drops duplicates, so brokers used by several sources and sinks get one line.
    static func lines(_ findings: [TopologyBrokers.Finding]) -> [HealthCheck] {
        var checks: [HealthCheck] = []
        var seen: Set<String> = []
        for finding in findings {
            let name = name(finding)
            let check =
                switch finding.result {
                case .success(let text): HealthCheck(name, .ok, text)
                case .failure(let error):
                    HealthCheck(name, finding.isWarning ? .warn : .fail, error.message, advice: error.advice)
                }
            if seen.insert("\(name)\n\(check.detail)").inserted { checks.append(check) }
        }
        return checks
    }

    private static func name(_ finding: TopologyBrokers.Finding) -> String {
        if let topic = finding.topic { return "\(finding.use.role.rawValue) topic \(topic)" }
        if let brokers = finding.brokers { return "kafka \(brokers)" }
        // Brokers given on the command line have no source name.
        return finding.use.role == .source && finding.use.name == nil ? "kafka" : finding.use.text
    }

    static func unreadable(_ path: String, _ problems: [Topology.Problem]) -> HealthCheck {
        let first = problems.first { $0.severity == .error }
        let detail = first.map { "\(path):\($0.line): \($0.message)" } ?? "\(path) cannot be read"
        return HealthCheck("topology", .fail, detail, advice: "run 'weir check \(path)'")
    }
}
