import ArgumentParser
import Bytes
import Foundation
import IcebergFormat
import IcebergTables
import StreamRuntime
import Topology

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a topology file and hold it against the warehouse; nothing is changed.",
        discussion: """
            Prints every problem with its line and exits with 3 when one is an error; prints the plan otherwise. Example: \
            weir check topologies/shop.yaml
            """
    )

    @OptionGroup var place: WarehouseOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var file: TopologyArguments

    func run() throws {
        guard let data = FileManager.default.contents(atPath: file.topology) else {
            throw WeirError(.notFound, "there is no topology file", at: file.topology, advice: "check the path")
        }
        guard let yaml = String(validating: data, as: UTF8.self) else {
            throw WeirError(.invalid, "the topology file is not UTF-8", at: file.topology, advice: "save it as UTF-8")
        }
        let (topology, found) = Topology.check(yaml: yaml, overrides: try file.overrides())
        var problems = found
        var existing: Set<String> = []
        if let topology {
            let resolved = try resolve(topology, yaml)
            problems += resolved.problems
            existing = resolved.existing
        }
        let hasErrors = problems.contains { $0.severity == .error }
        try print(problems, topology: hasErrors ? nil : topology, existing)
        if hasErrors { throw ExitStatus.ending(ExitStatus.problems) }
    }

    /// What the warehouse says against the topology, and which of its tables are there.
    private func resolve(
        _ topology: Topology,
        _ yaml: String
    ) throws(WeirError) -> (problems: [Topology.Problem], existing: Set<String>) {
        let places = try place.places(topology)
        let catalog = try Self.catalog(places)
        let logs = TopologyLogs(places)
        let conflicts = IngestPlan.conflicts(topology, catalog: catalog) { (source) throws(WeirError) in
            try logs.source(source)
        }
        let problems = conflicts.map { error in
            let line = Self.line(of: error.message, in: yaml)
            let message = ErrorReport(error).message
            return Topology.Problem(.error, line: line, column: nil, message, advice: error.advice)
        }
        var existing: Set<String> = []
        for name in topology.tables.map(\.name) + topology.joins.map(\.name) {
            if try catalog.exists(try TableIdentifier(name)) { existing.insert(name) }
        }
        return (problems, existing)
    }

    /// Checking makes no warehouse: where there is none, an empty catalog stands for it.
    private static func catalog(_ places: WarehousePlaces) throws(WeirError) -> any Catalog {
        if FileManager.default.fileExists(atPath: places.catalogPath) { return try places.openedCatalog() }
        let folder = FileManager.default.temporaryDirectory.path + "/weir-check-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try SQLiteCatalog(path: folder + "/catalog.db", warehouse: places.warehouse)
    }

    /// The first line that names what an error is about, 1 when none does.
    static func line(of message: String, in yaml: String) -> Int {
        let words = message.split { !($0.isLetter || $0.isNumber || "._-".contains($0)) }.filter { $0.contains(".") }
        let lines = yaml.split(separator: "\n", omittingEmptySubsequences: false)
        for word in words {
            let place = lines.firstIndex { line in
                let text = line.prefix { $0 != "#" }
                return text.split { !($0.isLetter || $0.isNumber || "._-".contains($0)) }.contains(word)
            }
            if let place { return place + 1 }
        }
        return 1
    }

    // MARK: Printing

    private func print(_ problems: [Topology.Problem], topology: Topology?, _ existing: Set<String>) throws(WeirError) {
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
            object["ok"] = .bool(topology != nil)
            object["problems"] = .array(listing.objects)
            if let topology { object["plan"] = TopologyPlanText(topology, existing).json }
            out.line(JSONValue.object(object).text)
        case .table:
            for problem in problems {
                let place = problem.line > 0 ? "\(file.topology):\(problem.line)" : "--set"
                let column = problem.line > 0 ? problem.column.map { ":\($0)" } ?? "" : ""
                out.line("\(place)\(column): \(problem.severity.rawValue): \(problem.message)")
                if let advice = problem.advice { out.line("  hint: \(advice)") }
            }
            if let topology, !output.talk.quiet { out.append(TopologyPlanText(topology, existing).text) }
        }
        try out.flush()
    }
}
