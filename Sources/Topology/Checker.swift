import Bytes
import Columnar
import Expressions
import Foundation

extension Topology {
    /// Reads and checks a topology. Depends only on the text, the overrides and the environment.
    ///
    /// Returns all problems, sorted by line. The topology is nil if one of them is an error.
    /// - Parameters:
    ///   - overrides: `--set` options, applied in order: a dotted path such as `pipeline.commit.interval` or
    ///     `source.shop-cdc.path`, and a YAML value.
    ///   - environment: the variables for `${NAME}` and `${env:NAME}`.
    public static func check(
        yaml: String,
        overrides: [(path: String, value: String)] = [],
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> (topology: Topology?, problems: [Problem]) {
        var reader = DocumentReader(environment: environment)
        guard var root = reader.read(yaml) else { return (nil, reader.problems) }
        for (path, value) in overrides { reader.apply(path, value, to: &root) }
        var checker = Checker(problems: reader.problems)
        let topology = checker.topology(root)
        let problems = checker.problems.enumerated().sorted {
            ($0.element.line, $0.element.column ?? 0, $0.offset) < ($1.element.line, $1.element.column ?? 0, $1.offset)
        }.map(\.element)
        return (problems.contains { $0.severity == .error } ? nil : topology, problems)
    }

    /// The text of a topology file.
    public static func text(of path: String) throws(WeirError) -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            let location = URL(fileURLWithPath: path).path
            if isFolder.boolValue {
                throw WeirError(
                    .invalid,
                    "this is a folder, not a topology file",
                    at: location,
                    advice: "name a file in it"
                )
            }
            if exists {
                throw WeirError(.storage, "the topology file cannot be read", at: location, advice: "check its rights")
            }
            throw WeirError(.notFound, "there is no topology file", at: location, advice: "check the path")
        }
        guard let yaml = String(validating: data, as: UTF8.self) else {
            throw WeirError(.invalid, "the topology file is not UTF-8", at: path, advice: "save it as UTF-8")
        }
        return yaml
    }

    /// Reads and checks a topology file. Fails with every error in one message.
    public static func load(
        path: String,
        overrides: [(path: String, value: String)] = [],
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(WeirError) -> (topology: Topology, warnings: [Problem]) {
        let (topology, problems) = check(yaml: try text(of: path), overrides: overrides, environment: environment)
        if let topology { return (topology, problems) }
        let errors = problems.filter { $0.severity == .error }
        let shown = errors.map { $0.line > 0 ? "\(path):\($0)" : "\($0)" }.joined(separator: "\n")
        throw WeirError(.invalid, "the topology has \(CountText.of(errors.count, "problem")):\n\(shown)")
    }
}

/// Converts the YAML tree to a topology and collects all problems.
struct Checker {
    var problems: [Topology.Problem]
    /// Names in use, by kind.
    var names: [String: Topology.Position] = [:]
    /// LogStore topics of tables and joins, in the order of the file.
    var logStores: [LogStoreTopic] = []
    /// What is unknown of tables, because of errors that are already reported.
    var gaps = Gaps()

    init(problems: [Topology.Problem]) { self.problems = problems }

    mutating func topology(_ root: Value) -> Topology? {
        guard let top = block(root, TopologyKeys.top) else { return nil }
        let name = text(top, "name") ?? ""
        let isPlain = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-.".contains($0)) }
        if !isPlain, let position = top.value("name")?.position {
            add(position, "the name '\(name)' is part of a property name", "use letters, digits, '-', '_' and '.' only")
        }
        let pipeline = pipeline(top, name)
        var sources: [Topology.Source] = []
        var sourcePositions: [Topology.Position] = []
        for value in members(top.value("source"), "source", allowsOne: true) {
            guard let source = source(value) else { continue }
            sources.append(source)
            sourcePositions.append(value.position)
        }
        var declared: [CheckedTable] = []
        for value in members(top.value("tables"), "tables") {
            if let table = declaration(value) { declared.append(table) }
        }
        var routes: [Topology.Route] = []
        for value in members(top.value("route"), "route", allowsOne: true) {
            if let route = route(value, declared) { routes.append(route) }
        }
        var transforms: [CheckedTransform] = []
        for value in members(top.value("transform"), "transform", allowsOne: true) {
            if let transform = transform(value) { transforms.append(transform) }
        }
        let finished = apply(transforms, to: declared, routes: routes, sources: sources)
        checkUnits(of: sources, declared, sourcePositions)
        var joins: [Topology.Join] = []
        for value in members(top.value("join"), "join", allowsOne: true) {
            if let join = join(value, finished) { joins.append(join) }
        }
        let outputs =
            finished.map { Output(name: $0.name, isKeyed: $0.isKeyed || gaps.keys.contains($0.name)) }
            + joins.map { Output(name: $0.name, isKeyed: !$0.primaryKey.isEmpty || gaps.keys.contains($0.name)) }
        guard let sinks = sinks(top, name, outputs, sources) else { return nil }
        checkLogStoreTopics(sources, sinks, outputs)
        return Topology(
            name: name,
            pipeline: pipeline,
            sources: sources,
            tables: finished,
            routes: routes,
            joins: joins,
            sinks: sinks,
            positions: Topology.Positions(root)
        )
    }

    private mutating func pipeline(_ top: Block, _ topology: String) -> Topology.Pipeline {
        var pipeline = Topology.Pipeline()
        guard let value = top.value("pipeline"), let block = block(value, TopologyKeys.pipeline) else {
            return pipeline
        }
        let size = { (text: String) in Quantities.size(text).flatMap { $0 > 0 ? $0 : nil } }
        if let interval = parsed(
            block,
            "commit.interval",
            "write a duration above zero with its unit, such as 500ms, 10s or 1min",
            { Quantities.duration($0).flatMap { $0 > .zero ? $0 : nil } }
        ) {
            pipeline.commitInterval = interval
        }
        if let bytes = parsed(block, "commit.bytes", "write a size such as 64mb", size) { pipeline.commitBytes = bytes }
        if let bytes = parsed(block, "memory.budget", "write a size such as 512mb", size) {
            pipeline.memoryBudget = bytes
        }
        if let bytes = parsed(
            block,
            "state.memory",
            "write a size of at least 1mb, such as 512mb",
            { text in
                Quantities.size(text).flatMap { $0 >= 1 << 20 ? $0 : nil }
            }
        ) {
            pipeline.stateMemory = bytes
        }
        if let folder = text(block, "state.dir") {
            if folder.isEmpty || folder.contains("://") {
                let position = block.value("state.dir")?.position ?? block.position
                add(position, "'\(folder)' is no value of 'state.dir'", "write the path of a folder of the local disk")
            }
            pipeline.stateDirectory = folder
        }
        if let threads = parsed(
            block,
            "parallelism",
            "write a whole number from 1 to 1024",
            { text in
                Int(text).flatMap { 1...1024 ~= $0 ? $0 : nil }
            }
        ) {
            pipeline.parallelism = threads
        }
        if let materialize = choice(block, "materialize", Topology.Pipeline.Materialize.self) {
            pipeline.materialize = materialize
        }
        for other in texts(block, "shares-tables-with") {
            if other.text == topology {
                add(other.position, "'\(topology)' is this topology itself", "name the others that write its tables")
            }
            pipeline.sharesTablesWith.append(other.text)
        }
        if let behavior = choice(block, "schema.change.behavior", Topology.Pipeline.SchemaChangeBehavior.self) {
            pipeline.schemaChangeBehavior = behavior
        }
        return pipeline
    }
}
