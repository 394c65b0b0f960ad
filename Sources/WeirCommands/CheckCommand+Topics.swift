import Bytes
import EventLog
import StreamRuntime
import Topology

extension CheckCommand {
    /// What the topics of a source say: whether they are those that tables have positions in, and what their newest records
    /// say against the tables they go to.
    func samples(
        _ topology: Topology,
        _ source: Topology.Source,
        _ log: any PartitionedLog,
        _ topics: [String],
        _ identity: LogIdentity?,
        _ lines: TopologyLines
    ) -> [Topology.Problem] {
        var problems: [Topology.Problem] = []
        for topic in topics.filter({ source.reads(topic: $0) }).prefix(Self.sampledTopicsMax) {
            let line = lines.line(section: "source", name: source.name, words: [topic])
            let findings: [SourceSample.Finding]
            do {
                for error in try identity?.differences(source, topic: topic, in: log) ?? [] {
                    // A run stops there, unless the source says how to go on.
                    let severity = source.onLostOffsets == .fail ? Topology.Problem.Severity.error : .warning
                    let message = ErrorReport(error).message
                    problems.append(Topology.Problem(severity, line: line, column: nil, message, advice: error.advice))
                }
                findings = try SourceSample(topology, source, topic: topic, log: log).findings()
            } catch {
                let message = ErrorReport(error).message
                problems.append(Topology.Problem(.error, line: line, column: nil, message, advice: error.advice))
                continue
            }
            for finding in findings {
                let line =
                    finding.table.map {
                        lines.line(section: "tables", name: $0, words: [finding.column].compactMap(\.self))
                    } ?? line
                let (message, advice) = (finding.problem.message, finding.problem.advice)
                problems.append(Topology.Problem(.warning, line: line, column: nil, message, advice: advice))
            }
        }
        return problems
    }

    private static let sampledTopicsMax = 50
}
