import ArgumentParser
import Bytes
import EventLog
import Foundation
import IcebergFormat
import IcebergTables
import StreamRuntime
import Topology

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a topology file and hold it against warehouse and brokers; nothing is changed.",
        discussion: """
            Prints every problem with its line and exits with 3 when one is an error; prints the plan otherwise. Kafka's \
            brokers are asked for the topics of sources, sinks and LogStores, unless --offline is given. The newest records \
            of each source are held against the tables they go to. Example: weir check topologies/shop.yaml
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var file: TopologyArguments

    @Flag(help: "Leave brokers alone.")
    var offline = false

    func run() throws {
        let yaml = try Topology.text(of: file.topology)
        let (topology, found) = Topology.check(yaml: yaml, overrides: try file.overrides())
        var problems = found
        var plan: TopologyPlanText?
        if let topology {
            let found = try resolve(topology)
            problems += found.problems
            plan = TopologyPlanText(topology, existing: found.existing, matching: found.matching)
        }
        problems = problems.enumerated().sorted { left, right in
            (left.element.line, left.element.column ?? 0, left.offset)
                < (right.element.line, right.element.column ?? 0, right.offset)
        }.map(\.element)
        let hasErrors = problems.contains { $0.severity == .error }
        try print(problems, hasErrors ? nil : plan)
        if hasErrors { throw ExitStatus.ending(ExitStatus.problems) }
    }

    /// What the check found in the warehouse and in the logs.
    private struct Resolved {
        var problems: [Topology.Problem]
        /// The properties of the tables that exist.
        let existing: [String: [String: String]]
        /// The topics that match a source's topic pattern, by source name.
        var matching: [String: [String]] = [:]
    }

    private func resolve(_ topology: Topology) throws(WeirError) -> Resolved {
        let locations = try options.locations(topology)
        let catalog = try Self.catalog(locations)
        let logs = TopologyLogs(locations)
        let conflicts = IngestPlan.conflicts(topology, catalog: catalog) { (source) throws(WeirError) in
            try logs.source(source)
        }
        let positions = topology.positions
        var problems = conflicts.map { conflict in
            let position = positions.position(of: conflict.declaration, at: [conflict.path])
            let message = ErrorReport(conflict.error).message
            return Topology.Problem(.error, at: position, message, advice: conflict.error.advice)
        }
        let existing = try catalog.properties(of: topology)
        problems += Self.ignoredLogStores(topology, existing)
        var unreachable: Set<String> = []
        if !offline {
            let findings = try TopologyBrokers(topology, existing: existing).findings()
            problems += Self.problems(findings, positions)
            unreachable = Set(findings.compactMap(\.unreachableSource))
        }
        var found = Resolved(problems: problems, existing: existing)
        // Errors of tables are among the problems already.
        let identity = try? LogIdentity(topology, catalog: catalog)
        for source in topology.sources where source.kind == .fileLog || !offline {
            // Unreachable brokers and missing logs are among the problems already.
            guard !unreachable.contains(source.name), let log = try? logs.source(source),
                let topics = try? log.topics()
            else { continue }
            if let pattern = source.topicPattern { found.matching[source.name] = topics.filter { pattern.matches($0) } }
            let isNew = (topology.tables.map(\.name) + topology.joins.map(\.name)).contains { existing[$0] == nil }
            found.problems += StartupOffsetsCheck(source, log, isNew: isNew).problems(topics, positions)
            found.problems += samples(topology, source, log, topics, identity)
        }
        return found
    }

    /// Warns of LogStore properties that have no effect because the table exists: a run uses the LogStore that the
    /// table was created with, and takes only the connection settings of its brokers from the file.
    static func ignoredLogStores(
        _ topology: Topology,
        _ existing: [String: [String: String]]
    ) -> [Topology.Problem] {
        let tables = topology.tables.map { (Topology.Declaration.Section.tables, $0.name, $0.properties) }
        let joins = topology.joins.map { (Topology.Declaration.Section.join, $0.name, $0.properties) }
        return (tables + joins).compactMap { section, name, declared in
            guard let there = existing[name].map({ LogStoreAccess.updated($0, to: declared) }) else { return nil }
            // Runs write some of these properties themselves, so only the keys in the file are compared.
            let different = declared.keys.sorted().first { key in
                (key.hasPrefix("log-store.") || key.hasPrefix("properties.") || key == "mixed-format.emit.mode")
                    && there[key] != declared[key]
            }
            guard let different else { return nil }
            let value = there[different].map { "has '\($0)'" } ?? "is made without it"
            return Topology.Problem(
                .warning,
                at: topology.positions.position(of: .init(section, name), at: [["properties", different]]),
                "'\(different)' changes nothing: table \(name) exists and \(value)",
                advice: "a table keeps the LogStore it was made with; choose another name, or drop the table"
            )
        }
    }

    /// Opens the warehouse's catalog. If there is none, returns an empty temporary one, so that a check creates no
    /// warehouse.
    private static func catalog(_ locations: WarehouseLocations) throws(WeirError) -> any Catalog {
        if try locations.catalog.exists() { return try locations.existingCatalog() }
        let folder = FileManager.default.temporaryDirectory.path + "/weir-check-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try SQLiteCatalog(path: folder + "/catalog.db", warehouse: locations.warehouse)
    }

    /// The problems of brokers and their topics.
    static func problems(
        _ findings: [TopologyBrokers.Finding],
        _ positions: Topology.Positions
    ) -> [Topology.Problem] {
        findings.compactMap { finding in
            guard case .failure(let error) = finding.result else { return nil }
            let use = finding.use
            let position = positions.position(of: use.declaration, at: finding.paths)
            let message = "\(use.text): \(ErrorReport(error).message)"
            let severity = finding.isWarning ? Topology.Problem.Severity.warning : .error
            return Topology.Problem(severity, at: position, message, advice: error.advice)
        }
    }

    // MARK: Printing

    private func print(_ problems: [Topology.Problem], _ plan: TopologyPlanText?) throws(WeirError) {
        let out = StandardOutput()
        var listing = Listing("severity", "file", "line", "column", "message", "advice")
        for problem in problems {
            listing.add(
                .string(problem.severity.rawValue),
                .string(file.topology),
                problem.line > 0 ? .count(problem.line) : .null,
                problem.column.map { .count($0) } ?? .null,
                .string(problem.message),
                .optional(problem.advice)
            )
        }
        switch output.format {
        case .csv: return try listing.print(.csv, to: out)
        case .json:
            var object = JSONObject()
            object["file"] = .string(file.topology)
            object["ok"] = .bool(plan != nil)
            object["problems"] = .array(listing.objects)
            if let plan { object["plan"] = plan.json }
            out.line(JSONValue.object(object).text)
        case .table:
            for problem in problems {
                let location = problem.line > 0 ? "\(file.topology):\(problem.line)" : "--set"
                let column = problem.line > 0 ? problem.column.map { ":\($0)" } ?? "" : ""
                out.line("\(location)\(column): \(problem.severity.rawValue): \(problem.message)")
                if let advice = problem.advice { out.line("  hint: \(advice)") }
            }
            if let plan, !output.talk.quiet { out.append(plan.text) }
        }
        try out.flush()
    }
}
