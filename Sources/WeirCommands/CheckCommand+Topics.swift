import Bytes
import ChangeEvents
import EventLog
import StreamRuntime
import Topology

extension CheckCommand {
    /// Checks the topics of a source: whether they are the topics that the tables' stored positions refer to, and
    /// whether their newest records fit the tables they are routed to.
    func samples(
        _ topology: Topology,
        _ source: Topology.Source,
        _ log: any PartitionedLog,
        _ topics: [String],
        _ identity: LogIdentity?
    ) -> [Topology.Problem] {
        let positions = topology.positions
        var problems: [Topology.Problem] = []
        for topic in topics.filter({ source.reads(topic: $0) }).prefix(Self.sampledTopicsMax) {
            let position = positions.position(of: .init(.source, source.name), at: [["topics", topic]])
            let findings: [SourceSample.Finding]
            do {
                for error in try identity?.differences(source, topic: topic, in: log) ?? [] {
                    // This stops a run, unless `scan.on-lost-offsets` says how to continue.
                    let severity = source.onLostOffsets == .fail ? Topology.Problem.Severity.error : .warning
                    let message = ErrorReport(error).message
                    problems.append(Topology.Problem(severity, at: position, message, advice: error.advice))
                }
                let units = identity?.units ?? SourceUnits()
                findings = try SourceSample(topology, source, topic: topic, log: log, units: units).findings()
            } catch {
                let message = ErrorReport(error).message
                problems.append(Topology.Problem(.error, at: position, message, advice: error.advice))
                continue
            }
            for finding in findings {
                let position =
                    finding.table.map { table in
                        positions.position(
                            of: .init(.tables, table),
                            at: finding.column.map { [["columns", $0]] } ?? []
                        )
                    } ?? position
                let (message, advice) = (finding.problem.message, finding.problem.advice)
                problems.append(Topology.Problem(.warning, at: position, message, advice: advice))
            }
        }
        return problems
    }

    private static let sampledTopicsMax = 50
}
