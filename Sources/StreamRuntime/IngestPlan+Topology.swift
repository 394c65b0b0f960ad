import Bytes
import ChangeEvents
import Columnar
import EventDecoders
import EventEncoders
import EventLog
import Expressions
import IcebergFormat
import IcebergTables
import LogStores
import MixedTables
import Topology

extension IngestPlan {
    /// Resolves a topology: opens its logs, loads the tables it writes and creates those that are missing.
    ///
    /// - Parameters:
    ///   - openLog: opens the log of a source.
    ///   - openLogStore: opens the log that mirrors a table's changes.
    ///   - openAppender: opens the LogStore's topic for appending.
    ///   - openTopic: opens the topic that a sink writes the changes of a table or join to, for the changes from one
    ///     source partition, or from all when it is nil.
    ///   - earlierTransactions: transactions under other ids that may have written some of the same changes.
    ///   - nowMilliseconds: the creation time of new tables.
    ///   - instance: the identity of this process among those that share its sources.
    ///   - creationLock: held while tables are created; nil when no other process may create them.
    public static func resolve(
        _ topology: Topology,
        catalog: any Catalog,
        nowMilliseconds: Int64,
        creationLock: CreationLock? = nil,
        instance: ProcessInstance? = nil,
        openLog: (Topology.Source) throws(WeirError) -> any PartitionedLog,
        openTopic:
            @escaping @Sendable (Topology.Sink, _ table: String, TopicPartition?) throws(WeirError) ->
            any TransactionalAppender = noTopic,
        earlierTransactions:
            @escaping @Sendable (Topology.Sink, _ table: String, _ isShared: Bool, [TopicPartition]) ->
            [EarlierTransactions] = { _, _, _, _ in [] },
        openLogStore: (LogStoreSettings) throws(WeirError) -> any PartitionedLog = noLogStore,
        openAppender: (any PartitionedLog, LogStoreSettings) throws(WeirError) -> any TopicAppender = noAppender
    ) throws(WeirError) -> IngestPlan {
        try checkSupport(topology)
        // Before any table is created or changed.
        for name in writtenNames(of: topology) { try checkSharing(name, of: topology, in: catalog) }
        var sources: [Source] = []
        for source in topology.sources {
            sources.append(
                Source(
                    name: source.name,
                    log: try openLog(source),
                    topics: source.topics,
                    includes: { source.reads(topic: $0) },
                    startup: source.startup,
                    onLostOffsets: source.onLostOffsets,
                    group: try source.group(of: topology),
                    groupInstance: instance?.name(source: source.name),
                    pattern: source.topicPattern?.text,
                    options: DebeziumJSONOptions(source)
                )
            )
        }
        try checkTopics(of: sources)
        var targets: [Target] = []
        for declared in topology.tables {
            let definition = try DeclaredTable(declared).definition()
            var table = try open(definition, in: catalog, nowMilliseconds, creationLock)
            // A table that is only used for lookups belongs to another topology.
            let isWritten = topology.mayRoute(to: declared.name)
            var output: LogStoreOutput?
            if isWritten { (table, output) = try mirrored(table, declared.properties, openLogStore, openAppender) }
            targets.append(
                Target(
                    name: declared.name,
                    sourceSchema: declared.sourceSchema,
                    primaryKey: declared.primaryKey,
                    transform: declared.transform.map { RowTransform($0, declared.sourceSchema) },
                    table: table,
                    isReached: isWritten,
                    route: topology.routeDigest(to: declared.name),
                    logStore: output
                )
            )
        }
        var joins: [Join] = []
        for join in topology.joins {
            guard let from = targets.firstIndex(where: { $0.name == join.from }),
                let dimension = targets.first(where: { $0.name == join.lookup })
            else { throw WeirError(.notFound, "join \(join.name) names a table that is not declared") }
            let opened = try open(DeclaredTable(join).definition(), in: catalog, nowMilliseconds, creationLock)
            let (table, output) = try mirrored(opened, join.properties, openLogStore, openAppender)
            let stream = targets[from].outputSchema
            joins.append(
                Join(
                    name: join.name,
                    target: from,
                    dimension: dimension.table,
                    dimensionLog: try logStoreInput(of: dimension.table, openLogStore),
                    dimensionName: dimension.name,
                    dimensionColumns: dimension.outputSchema.fields.map(\.name),
                    keyColumns: join.keys.map { stream.fields[$0.from].name },
                    isInner: join.kind == .inner,
                    select: RowTransform(projection: join.select),
                    table: table,
                    route: topology.routeDigest(to: join),
                    logStore: output
                )
            )
        }
        let names = targets.map(\.name) + joins.map(\.name)
        let schemas = targets.map(\.outputSchema) + joins.map(\.select.schema)
        let keys = topology.tables.map(\.primaryKey) + topology.joins.map(\.primaryKey)
        var topics: [TopicOutput] = []
        for sink in topology.sinks where sink.kind == .kafka {
            for (index, name) in names.enumerated() where sink.takes(table: name) {
                guard let format = sink.format.flatMap({ EventFormat(rawValue: $0.rawValue) }) else { continue }
                topics.append(
                    TopicOutput(
                        table: name,
                        sink: index,
                        format: format,
                        schema: schemas[index],
                        primaryKey: keys[index],
                        route: index < targets.count ? targets[index].route : joins[index - targets.count].route,
                        open: { (partition) throws(WeirError) in try openTopic(sink, name, partition) },
                        earlier: { earlierTransactions(sink, name, $0, $1) }
                    )
                )
            }
        }
        let numbers = Dictionary(targets.enumerated().map { ($0.element.name, $0.offset) }) { first, _ in first }
        return IngestPlan(
            topology: topology.name,
            sources: sources,
            targets: targets,
            joins: joins,
            topics: topics,
            sharing: TableSharing(topology),
            route: { identifier in topology.route(identifier).compactMap { numbers[$0] } },
            commitMilliseconds: topology.pipeline.commitInterval.milliseconds,
            commitBytes: Int64(topology.pipeline.commitBytes),
            queueBytes: max(8 << 20, topology.pipeline.memoryBudget / 8),
            materializes: topology.pipeline.materialize == .inline,
            stateMemory: topology.pipeline.stateMemory
        )
    }

    /// Opens a table's LogStore with the connection properties of the topology, and stores them in the table once it is
    /// open.
    private static func mirrored(
        _ table: MixedTable,
        _ declared: [String: String],
        _ open: (LogStoreSettings) throws(WeirError) -> any PartitionedLog,
        _ openAppender: (any PartitionedLog, LogStoreSettings) throws(WeirError) -> any TopicAppender
    ) throws(WeirError) -> (table: MixedTable, output: LogStoreOutput?) {
        let properties = LogStoreAccess.updated(table.properties, to: declared)
        let output = try logStore(of: table, properties, open, openAppender)
        return (try LogStoreAccess.update(table, to: declared), output)
    }

    private static func logStore(
        of table: MixedTable,
        _ properties: [String: String],
        _ open: (LogStoreSettings) throws(WeirError) -> any PartitionedLog,
        _ openAppender: (any PartitionedLog, LogStoreSettings) throws(WeirError) -> any TopicAppender
    ) throws(WeirError) -> LogStoreOutput? {
        do {
            let settings = try LogStoreSettings(properties, isKeyed: table.isKeyed)
            let mode = try EmitMode(properties, hasLogStore: settings.isEnabled)
            guard mode.writesLog else { return nil }
            let log = try open(settings)
            return LogStoreOutput(
                log: log,
                appender: try openAppender(log, settings),
                settings: settings,
                writesFiles: mode.writesFiles,
                watermarkGap: mode.watermarkGap
            )
        } catch {
            throw error.located(at: "table \(table.identifier)")
        }
    }

    /// For topologies whose tables have no LogStore.
    public static func noLogStore(
        _ settings: LogStoreSettings
    ) throws(WeirError) -> any PartitionedLog {
        throw WeirError(.unsupported, "no log is at hand for the LogStore topic '\(settings.topic ?? "")'")
    }

    /// For topologies whose tables have no LogStore.
    public static func noAppender(
        _ log: any PartitionedLog,
        _ settings: LogStoreSettings
    ) throws(WeirError) -> any TopicAppender {
        throw WeirError(.unsupported, "no log is at hand for the LogStore topic '\(settings.topic ?? "")'")
    }

    private static func logStoreInput(
        of table: MixedTable,
        _ open: (LogStoreSettings) throws(WeirError) -> any PartitionedLog
    ) throws(WeirError) -> LogStoreInput? {
        do {
            let settings = try LogStoreSettings(table.properties, isKeyed: table.isKeyed)
            guard settings.isEnabled, try EmitMode(table.properties, hasLogStore: true).writesLog else { return nil }
            return LogStoreInput(log: try open(settings), settings: settings)
        } catch {
            throw error.located(at: "table \(table.identifier)")
        }
    }

    /// For topologies without Kafka sinks.
    public static func noTopic(
        _ sink: Topology.Sink,
        _ table: String,
        _ partition: TopicPartition?
    ) throws(WeirError) -> any TransactionalAppender {
        throw WeirError(.unsupported, "no broker is at hand for the changes of \(table)")
    }

    /// Checked before tables are created: a run that cannot start must not leave tables that conflict with a later
    /// declaration.
    private static func checkTopics(of sources: [Source]) throws(WeirError) {
        for source in sources where !source.topics.isEmpty {
            let existing = try source.log.topics()
            for topic in source.topics where !existing.contains(topic) {
                throw MissingTopic(topic, source.name, among: existing, read: source.topics).error(in: source.log)
            }
        }
    }

    /// Rejects what a topology file may declare and runs do not support yet.
    static func checkSupport(_ topology: Topology) throws(WeirError) {
        if !topology.sink.tables.isEmpty {
            throw WeirError(
                .unsupported,
                "a warehouse that takes only some tables is not supported yet",
                advice: "leave 'tables' of the mixed-iceberg sink out"
            )
        }
    }

    private static func open(
        _ definition: MixedTableDefinition,
        in catalog: any Catalog,
        _ nowMilliseconds: Int64,
        _ lock: CreationLock?
    ) throws(WeirError) -> MixedTable {
        if let table = try existing(definition, in: catalog) { return table }
        let held = try lock?.hold()
        return try withExtendedLifetime(held) { () throws(WeirError) in
            // Another process may have created it meanwhile.
            if let table = try existing(definition, in: catalog) { return table }
            try catalog.createNamespace(definition.identifier.namespace, ifNotExists: true)
            return try MixedTable.create(definition, in: catalog, nowMilliseconds: nowMilliseconds)
        }
    }

    private static func existing(
        _ definition: MixedTableDefinition,
        in catalog: any Catalog
    ) throws(WeirError) -> MixedTable? {
        guard try catalog.exists(definition.identifier),
            try !MixedTable.isUnfinished(definition.identifier, in: catalog)
        else { return nil }
        let table = try MixedTable.load(definition.identifier, from: catalog)
        try definition.check(against: table)
        return table
    }
}

extension RowTransform {
    fileprivate init(_ transform: Topology.Transform, _ source: Schema) {
        let filter = transform.filter
        var select: (@Sendable (ColumnBatch) throws(WeirError) -> (rows: [Int32], failures: [RowFailure]))?
        if let filter {
            select = { (batch) throws(WeirError) in
                let result = try filter.select(batch)
                return (result.rows, result.failures)
            }
        }
        guard let projection = transform.projection else {
            self.init(schema: source, project: { ($0, []) }, select: select)
            return
        }
        self.init(
            schema: projection.schema,
            project: { (batch) throws(WeirError) in
                let result = try projection.evaluate(batch)
                return (result.batch, result.failures)
            },
            select: select
        )
    }

    fileprivate init(projection: BoundProjection) {
        self.init(
            schema: projection.schema,
            project: { (batch) throws(WeirError) in
                let result = try projection.evaluate(batch)
                return (result.batch, result.failures)
            }
        )
    }
}

extension Topology.Source {
    /// The group whose members share the source; nil for a file log, which one process reads.
    fileprivate func group(of topology: Topology) throws(WeirError) -> String? {
        guard kind == .kafka else { return nil }
        return try properties["group.id"]?.reveal() ?? "weir-\(topology.name)"
    }
}

extension DebeziumJSONOptions {
    init(_ source: Topology.Source) {
        self.init()
        timeUnit = source.timeUnit
        timestampUnit = source.timestampUnit
        timeUnits = source.timeUnits
        timestampUnits = source.timestampUnits
        if let text = source.unavailableValue { unavailableValue = text }
        decimalText = source.decimalText
        skipsRegistryHeader = source.registryHeader == .skip
    }
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int { Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000) }
}
