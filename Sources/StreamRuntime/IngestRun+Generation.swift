import Bytes
import ChangeEvents
import EventLog
import Foundation
import MixedTables
import Synchronization

extension IngestRun {
    /// Reads and writes with a fixed set of partitions until stopped, caught up, or the group changes.
    func runGeneration(
        _ groups: SourceGroups,
        assigned: Set<TopicPartition>,
        untilCaughtUp: Bool
    ) throws(WeirError) -> SourceReader.Ending {
        runState.withLock { $0.phase = .opening }
        guard let generation = try start(groups, assigned) else { return isStopping ? .finished : .groupChanged }
        let suspected = generation.partitions.suspected
        guard suspected.isEmpty else {
            generation.end(memory, isCommitted: true)
            return try look(at: suspected, generation)
        }
        let ending: SourceReader.Ending
        do throws(WeirError) {
            ending = try work(generation, groups, untilCaughtUp: untilCaughtUp)
        } catch {
            generation.end(memory, isCommitted: false)
            throw error
        }
        generation.end(memory, isCommitted: true)
        let seen = generation.partitions.suspected
        return seen.isEmpty ? ending : try look(at: seen, generation)
    }

    private func look(
        at suspected: [SuspectedLog],
        _ generation: Generation
    ) throws(WeirError) -> SourceReader.Ending {
        memory.forgetLogs()
        try settle(suspected, generation.keepers)
        return .logsChanged
    }

    /// Claims the partitions and opens everything the generation needs. Nil when the run is stopped or the group
    /// changes meanwhile, since the generation would be of no use.
    private func start(
        _ groups: SourceGroups,
        _ assigned: Set<TopicPartition>
    ) throws(WeirError) -> Generation? {
        let watch = StartWatch(groups) { [self] in isStopping }
        defer { watch.end() }
        var opened: [SinkTable] = []
        do throws(WeirError) {
            // If a source is not shared, this process is the only one that may commit.
            let claimed = plan.sources.allSatisfy { $0.group != nil } ? assigned : nil
            let sinks = try openTables(claimed, watch)
            opened = sinks
            try decoding.begin(sinks)
            let dimensions = try openDimensions(sinks, isShared: claimed != nil, watch)
            let joins = try openJoins(sinks, dimensions)
            try watch.check()
            let topics = try openTopics(claimed)
            try watch.check()
            let letters = try openLetters(sinks.map(\.start) + topics.map(\.start))
            let partitions = try openPartitions(assigned, sinks, topics, watch)
            return Generation(
                sinks: sinks,
                joins: joins,
                dimensions: dimensions,
                topics: topics,
                letters: letters,
                partitions: partitions
            )
        } catch {
            guard error.code == .cancelled else { throw error }
            for dimension in memory.dimensions.values { dimension.end(isCommitted: true) }
            for sink in opened { memory.keys[sink.name] = sink.keys() }
            return nil
        }
    }

    /// Claims the partitions in all tables and reads the keys that are not known, with several tables in parallel.
    private func openTables(
        _ claimed: Set<TopicPartition>?,
        _ watch: StartWatch
    ) throws(WeirError) -> [SinkTable] {
        let plan = self.plan
        let kept = Mutex(memory.keys)
        // Moved out of memory, so that there is only one copy of the keys.
        memory.keys = [:]
        let loaded = Atomic<Int>(0)
        defer {
            memory.keys = kept.withLock { $0 }
            let rows = loaded.load(ordering: .relaxed)
            counters.withLock { $0.loadedRows += rows }
        }
        let opened = Mutex<[SinkTable]>([])
        let memory = self.memory
        do throws(WeirError) {
            return try concurrently(Array(0..<plan.targets.count + plan.joins.count)) { (index) throws(WeirError) in
                try watch.check()
                let sink = try Self.openTable(plan, index, claimed)
                var keys = kept.withLock { $0.removeValue(forKey: sink.name) }
                do throws(WeirError) {
                    if keys == nil, sink.needsKeys {
                        let new = try memory.keys(of: sink) { () throws(WeirError) in try watch.check() }
                        loaded.wrappingAdd(new.loaded, ordering: .relaxed)
                        keys = KeptKeys(keys: new)
                    }
                    let rows = try sink.load(&keys) { () throws(WeirError) in try watch.check() }
                    loaded.wrappingAdd(rows, ordering: .relaxed)
                } catch {
                    // Keep what was read so far for the next attempt.
                    if let keys { kept.withLock { $0[sink.name] = keys } }
                    throw error
                }
                opened.withLock { $0.append(sink) }
                return sink
            }
        } catch {
            // Keep what was read for the other tables as well.
            for sink in opened.withLock({ $0 }) {
                let keys = sink.keys()
                kept.withLock { $0[sink.name] = keys }
            }
            throw error
        }
    }

    /// The table at an index: targets first, then joins.
    private static func openTable(
        _ plan: IngestPlan,
        _ index: Int,
        _ claimed: Set<TopicPartition>?
    ) throws(WeirError) -> SinkTable {
        if index < plan.targets.count {
            let target = plan.targets[index]
            return try SinkTable(
                name: target.name,
                rows: target.outputSchema,
                table: target.table,
                topology: plan.topology,
                partitions: claimed,
                logStore: target.logStore,
                sharing: plan.sharing,
                route: target.isReached ? target.route : nil,
                keepsStart: plan.keepsStart
            )
        }
        let join = plan.joins[index - plan.targets.count]
        return try SinkTable(
            name: join.name,
            rows: join.select.schema,
            table: join.table,
            topology: plan.topology,
            partitions: claimed,
            logStore: join.logStore,
            sharing: plan.sharing,
            route: join.route,
            keepsStart: plan.keepsStart
        )
    }

    /// Loads the dimensions, or catches up those already loaded, in parallel.
    private func openDimensions(
        _ sinks: [SinkTable],
        isShared: Bool,
        _ watch: StartWatch
    ) throws(WeirError) -> [LiveDimension] {
        var dimensions: [LiveDimension] = []
        for join in plan.joins where !dimensions.contains(where: { $0.name == join.dimensionName }) {
            let dimension =
                memory.dimensions[join.dimensionName]
                ?? LiveDimension(join, clock: clock, isStopping: { [self] in isStopping }) { [self] in warn($0) }
            memory.dimensions[join.dimensionName] = dimension
            dimensions.append(dimension)
        }
        let targets = plan.targets
        let before = dimensions.reduce(0) { $0 + $1.loaded }
        defer {
            let rows = dimensions.reduce(0) { $0 + $1.loaded } - before
            counters.withLock { $0.loadedRows += rows }
        }
        _ = try concurrently(dimensions) { (dimension) throws(WeirError) in
            let index = targets.firstIndex { $0.name == dimension.name && $0.isReached }
            try dimension.begin(feed: index.map { sinks[$0] }, isShared: isShared) { () throws(WeirError) in
                try watch.check()
            }
        }
        return dimensions
    }

    private func openJoins(
        _ sinks: [SinkTable],
        _ dimensions: [LiveDimension]
    ) throws(WeirError) -> [JoinStage] {
        var joins: [JoinStage] = []
        for (join, sink) in zip(plan.joins, sinks.dropFirst(plan.targets.count)) {
            guard let dimension = dimensions.first(where: { $0.name == join.dimensionName }) else { continue }
            let stream = plan.targets[join.target].outputSchema
            joins.append(try JoinStage(join, target: stream, sink: sink, dimension: dimension))
        }
        return joins
    }

    private func openTopics(_ claimed: Set<TopicPartition>?) throws(WeirError) -> [TopicSink] {
        let shareable: [TopicPartition]
        if let claimed {
            shareable = claimed.sorted()
        } else {
            shareable = plan.topics.isEmpty ? [] : try plan.shareablePartitions()
        }
        let (keepsStart, now) = (plan.keepsStart, clock.now)
        return try concurrently(plan.topics) { (output) throws(WeirError) in
            try TopicSink(
                output,
                partitions: claimed,
                shareable: shareable,
                keepsStart: keepsStart,
                now: now
            )
        }.compactMap(\.self)
    }

    private func openLetters(_ starts: [PositionLedger]) throws(WeirError) -> DeadLetterFile {
        // A record before the positions of all tables and topics is not read again.
        let isRelevant = { (topic: String, partition: Int, offset: Int64) in
            let source = TopicPartition(topic: topic, partition: partition)
            return starts.contains { ($0.next(source) ?? .min) <= offset }
        }
        if let letters = memory.letters {
            try letters.learnMore(isRelevant)
            return letters
        }
        let letters = try DeadLetterFile(
            path: deadLetterPath,
            files: files,
            count: progress.deadLetters,
            isRelevant: isRelevant
        )
        memory.letters = letters
        return letters
    }

    private func openPartitions(
        _ assigned: Set<TopicPartition>,
        _ sinks: [SinkTable],
        _ topics: [TopicSink],
        _ watch: StartWatch
    ) throws(WeirError) -> SourcePartitions {
        // A table that no route leads to does not hold back the start positions.
        let reached = sinks.indices.filter { $0 >= plan.targets.count || plan.targets[$0].isReached }
        let partitions = try SourcePartitions(
            plan,
            start: reached.map { sinks[$0].start } + topics.map(\.start),
            last: reached.map { sinks[$0].lastRecords } + topics.map(\.lastRecords),
            assigned: assigned,
            sourceTables: memory.sourceTables,
            check: { () throws(WeirError) in try watch.check() }
        ) { [self] in warn($0) }
        memory.sourceTables = partitions.sourceTables
        return partitions
    }
}

/// What one generation of a run works with: a fixed set of partitions, and the tables that it has claimed.
struct Generation {
    let sinks: [SinkTable]
    let joins: [JoinStage]
    let dimensions: [LiveDimension]
    let topics: [TopicSink]
    let letters: DeadLetterFile
    let partitions: SourcePartitions

    /// Everything that stores positions.
    var keepers: [any PositionKeeper] { topics + sinks }

    /// Keeps what the next generation can reuse.
    ///
    /// - Parameter isCommitted: whether everything written is committed; if not, the keys do not match the tables.
    func end(_ memory: RunMemory, isCommitted: Bool) {
        for dimension in dimensions { dimension.end(isCommitted: isCommitted) }
        for sink in sinks where isCommitted { memory.keys[sink.name] = sink.keys() }
    }
}
