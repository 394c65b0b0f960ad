import Bytes
import Foundation
import IcebergFormat
import IcebergTables
import KafkaLog
import ObjectStorage
import StreamRuntime
import Topology

/// A topology on a warehouse, ready to run once.
final class TopologyRunner: Sendable {
    let deadLetterPath: String
    /// The number of tables taken over from the topology's former name.
    let adopted: Int
    private let lock: TopologyLock
    private let ingest: IngestRun
    private let patience: KafkaPatience
    private let watch: RunWatch

    /// - Parameters:
    ///   - former: the former name of the topology, whose tables it takes over.
    ///   - log: receives the messages of the run.
    init(
        _ topology: Topology,
        _ locations: WarehouseLocations,
        adopting former: String? = nil,
        log: RunLog
    ) throws(WeirError) {
        let files = LocalFileSystem()
        let warn: @Sendable (String) -> Void = { log.warn($0) }
        patience = KafkaPatience(onNotice: warn)
        let logs = TopologyLogs(locations, patience: patience)
        // A run that cannot start creates no warehouse: its path may be wrong.
        let conflicts = IngestPlan.startConflicts(topology) { (source) throws(WeirError) in try logs.source(source) }
        if let conflict = conflicts.first { throw conflict.error }
        let isNew = try !locations.catalog.exists()
        if isNew { try Self.checkBrokers(topology, existing: [:]) }
        lock = try Self.lock(topology, locations, files)
        // A run lasts longer than sessions of other engines, so it waits without limit for one that blocks the catalog.
        let catalog = try locations.openedCatalog(patience: CatalogPatience(limit: nil, onWait: warn))
        if let former {
            let quiet = try TopologyLock.Quiet(topology: former, warehouse: locations.warehouse, files: files)
            adopted = try withExtendedLifetime(quiet) { () throws(WeirError) in
                try IngestPlan.adopt(former, for: topology, catalog: catalog).count
            }
        } else {
            adopted = 0
        }
        let formerNames = try IngestPlan.formerNames(of: topology, catalog: catalog)
        if !isNew { try Self.checkBrokers(topology, existing: try catalog.properties(of: topology)) }
        let instance = try ProcessInstance(
            topology: topology.name,
            warehouse: locations.warehouse,
            lock: lock,
            files: files
        )
        let plan = try IngestPlan.resolve(
            topology,
            catalog: catalog,
            nowMilliseconds: TimeText.nowMilliseconds,
            creationLock: CreationLock(warehouse: locations.warehouse, files: files),
            instance: instance
        ) { (source) throws(WeirError) in
            try logs.source(source)
        } openTopic: { (sink, table, partition) throws(WeirError) in
            try logs.topic(sink, table, topology: topology.name, partition)
        } earlierTransactions: { (sink, table, isShared, partitions) in
            logs.earlierTransactions(sink, table, topology: topology.name, isShared: isShared, partitions)
                + formerNames.flatMap { logs.formerTransactions(sink, table, topology: $0, partitions) }
        } openLogStore: { (settings) throws(WeirError) in
            try logs.logStore(settings)
        } openAppender: { (log, settings) throws(WeirError) in
            try logs.appender(log, settings)
        }
        let name = TopologyLock.name(topology: topology.name, number: lock.number)
        deadLetterPath = "\(locations.warehouse)/dead-letters/\(name).ndjson"
        // Another warehouse may have a topology of that name and the same folder.
        let stateFolder =
            topology.pipeline.stateDirectory.map { "\($0)/\(name)-\(instance.id)" }
            ?? "\(locations.warehouse)/.weir/keys/\(name)"
        ingest = IngestRun(
            plan,
            deadLetterPath: deadLetterPath,
            stateFolder: stateFolder,
            files: files,
            onWarning: warn
        )
        watch = RunWatch(ingest, log)
    }

    /// Locks the topology for this process. Sources on brokers can be shared with other processes, unless a table's
    /// LogStore is a topic of the file log, which only one process can write.
    private static func lock(
        _ topology: Topology,
        _ locations: WarehouseLocations,
        _ files: LocalFileSystem
    ) throws(WeirError) -> TopologyLock {
        let isOnBrokers = topology.sources.allSatisfy { $0.kind == .kafka }
        let properties =
            topology.tables.map { ($0.name, $0.properties) } + topology.joins.map { ($0.name, $0.properties) }
        let mirrored = properties.first { _, properties in
            properties["log-store.enabled"]?.lowercased() == "true" && properties["log-store.type"] == "file"
        }
        do {
            return try TopologyLock(
                topology: topology.name,
                warehouse: locations.warehouse,
                files: files,
                isShared: isOnBrokers && mirrored == nil,
                tables: properties.map(\.0)
            )
        } catch {
            guard error.code == .locked, isOnBrokers, let (table, properties) = mirrored else { throw error }
            let topic = properties["log-store.topic"] ?? ""
            throw WeirError(
                .locked,
                "\(error.message); it cannot be shared, since the LogStore of \(table) is the topic '\(topic)' of the "
                    + "file log, which one process writes",
                at: error.location,
                advice: "stop that process, or put the LogStore on a broker with log-store.type: kafka"
            )
        }
    }

    /// Checks, before tables are created, that the broker topics required by a run exist.
    ///
    /// - Parameter existing: the properties of the tables that exist.
    private static func checkBrokers(
        _ topology: Topology,
        existing: [String: [String: String]]
    ) throws(WeirError) {
        let names = topology.tables.map(\.name) + topology.joins.map(\.name)
        guard names.contains(where: { existing[$0] == nil }) else { return }
        for finding in try TopologyBrokers(topology, existing: existing).findings() where !finding.isWarning {
            // The run waits later for brokers that do not answer, and some brokers create a sink's topic at the first
            // write.
            guard finding.topic != nil, finding.use.role != .sink, case .failure(let error) = finding.result,
                error.code == .notFound
            else { continue }
            throw WeirError(
                error.code,
                "\(finding.use.text): \(error.message)",
                at: error.location,
                advice: error.advice
            )
        }
    }

    /// Ends the run after a last commit.
    func stop() {
        ingest.stop()
        watch.stop()
        patience.stop()
    }

    func run(untilCaughtUp: Bool) throws(WeirError) -> IngestProgress {
        watch.start(showsEvents: !untilCaughtUp)
        defer { watch.end() }
        return try withExtendedLifetime(lock) { () throws(WeirError) in try ingest.run(untilCaughtUp: untilCaughtUp) }
    }
}
