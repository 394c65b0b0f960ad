import Bytes
import CRdKafka
import Columnar
import EventDecoders
import EventLog
import Foundation
import KafkaLog
import StreamRuntime
import Synchronization

/// A broker's topic → columns, and → committed keyed table. Each is compared with the fastest known alternative in the
/// same run.
enum KafkaBenchmarks {
    private static let rounds = 3
    static let partitions = 4

    static func run() throws {
        let folder = Benchmark.folder("kafka")
        defer { Benchmark.remove(folder) }
        guard let peer = try KafkaPeer.start(in: folder) else {
            return Benchmark.skip("Kafka → columns, → committed keyed table", KafkaPeer.missingReason)
        }
        let events = peer.events
        let log = folder + "/log"
        let bytes = try EventFill.fill(log, events: events)
        let produced = try Benchmark.cost { try produce(from: log, to: peer) }
        Benchmark.line(
            "file log → Kafka, idempotent producer",
            rate: Double(events) / produced.wall,
            unit: "events/s",
            detail: "\(bytes / events) bytes an event, \(partitions) partitions of \(peer.kind), \(produced.text)"
        )
        try consume(peer)
        try ingest(peer, log: log, in: folder)
    }

    /// Sends all events of a key to one partition, in order.
    static func produce(from root: String, to peer: KafkaPeer) throws {
        let target = try peer.log()
        try target.createTopic(EventFill.topic, partitions: partitions, replication: 1)
        let appender = try KafkaAppender(target, topic: EventFill.topic)
        let reader = try FileLog(root: root).reader(topic: EventFill.topic, partition: 0, from: 0)
        while let batch = try reader.next(maxBytes: 4 << 20) {
            let targets = batch.records.map { record in
                batch.key(record).map { KeyPartitioner.partition(of: $0, count: partitions) } ?? 0
            }
            for partition in 0..<partitions {
                var table = GrowableBuffer()
                for (record, target) in zip(batch.records, targets) where target == partition {
                    var record = record
                    // The current time: the shop's times are in the past, and brokers delete old records.
                    record.timestamp = -1
                    table.append(record)
                }
                if table.count == 0 { continue }
                let slices = table.finish()
                let part = RawBatch(topic: batch.topic, partition: partition, arena: batch.arena, table: slices)
                try appender.append(part)
            }
        }
        try appender.close()
    }

    // MARK: To columns

    private static func consume(_ peer: KafkaPeer) throws {
        var costs: [Benchmark.Cost] = []
        var bareCosts: [Benchmark.Cost] = []
        var bytes = 0
        // Interleaved, because the speed of a shared machine varies. Connecting is part of both.
        for _ in 0..<rounds {
            bareCosts.append(try Benchmark.cost { bytes = try consumeBare(peer) })
            costs.append(try Benchmark.cost { try consumeDecoding(peer) })
        }
        let events = peer.events
        let (cost, bare) = (Benchmark.median(costs), Benchmark.median(bareCosts))
        Benchmark.line(
            "Kafka → columns, debezium-json",
            rate: Double(events) / cost.wall,
            unit: "events/s",
            target: 500_000,
            detail: "\(events) events in \(cost.text), \(Benchmark.magnitude(Double(events) / cost.cpu)) a processor "
                + "second, \(Int(Double(bytes) / cost.wall / 1e6)) MB/s"
        )
        Benchmark.line(
            "… beside librdkafka consuming only",
            String(format: "%.0f %%", 100 * bare.wall / cost.wall),
            detail: "librdkafka \(String(cString: rd_kafka_version_str())) on \(peer.kind), "
                + "\(Benchmark.magnitude(Double(events) / bare.wall)) events/s, \(bare.text)"
        )
    }

    private static func consumeDecoding(_ peer: KafkaPeer) throws {
        let log = try peer.log()
        let readers = try (0..<partitions).map { try log.reader(topic: EventFill.topic, partition: $0, from: 0) }
        let decoder = DebeziumJSONDecoder { _ in
            TableTarget(index: 0, schema: OrderRows.schema, primaryKey: ["order_id"])
        }
        var count = 0
        var lastRead = Date()
        while count < peer.events {
            var found = false
            for reader in readers {
                guard let raw = try reader.next(maxBytes: 2 << 20) else { continue }
                let decoded = try decoder.decode(raw)
                guard decoded.rejected.isEmpty else { throw WeirError(.corrupt, "the events must decode") }
                count += raw.count
                found = true
            }
            if found {
                lastRead = Date()
            } else {
                try checkTime(lastRead, count, of: peer.events)
                for reader in readers where try reader.waitForRecords(timeoutMilliseconds: 5) { break }
            }
        }
    }

    /// Reads librdkafka's batches from one queue of all partitions and discards them. Returns the bytes of keys and
    /// values.
    private static func consumeBare(_ peer: KafkaPeer) throws -> Int {
        let configuration = rd_kafka_conf_new()
        // The setting of Weir's own clients.
        let properties = peer.properties.merging(["queued.max.messages.kbytes": "16384"]) { $1 }
        for (name, value) in properties { rd_kafka_conf_set(configuration, name, value, nil, 0) }
        guard let client = rd_kafka_new(RD_KAFKA_CONSUMER, configuration, nil, 0),
            let topic = rd_kafka_topic_new(client, EventFill.topic, nil), let queue = rd_kafka_queue_new(client)
        else { throw WeirError(.storage, "librdkafka cannot make a client") }
        defer {
            rd_kafka_queue_destroy(queue)
            rd_kafka_topic_destroy(topic)
            rd_kafka_destroy(client)
        }
        for partition in 0..<partitions { rd_kafka_consume_start_queue(topic, Int32(partition), 0, queue) }
        defer { for partition in 0..<partitions { rd_kafka_consume_stop(topic, Int32(partition)) } }
        var messages = [UnsafeMutablePointer<rd_kafka_message_t>?](repeating: nil, count: 4096)
        var bytes = 0
        var count = 0
        var lastRead = Date()
        while count < peer.events {
            let taken = rd_kafka_consume_batch_queue(queue, 50, &messages, messages.count)
            for message in messages.prefix(max(taken, 0)) {
                guard let message else { continue }
                if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR {
                    bytes += message.pointee.len + message.pointee.key_len
                    count += 1
                }
                rd_kafka_message_destroy(message)
            }
            if taken > 0 { lastRead = Date() } else { try checkTime(lastRead, count, of: peer.events) }
        }
        return bytes
    }

    private static func checkTime(_ lastRead: Date, _ count: Int, of events: Int) throws {
        guard Date().timeIntervalSince(lastRead) > 20 else { return }
        throw WeirError(.storage, "nothing has come for 20 seconds, after \(count) of \(events) events")
    }

    // MARK: To a table

    private static func ingest(_ peer: KafkaPeer, log: String, in folder: String) throws {
        var costs: [Benchmark.Cost] = []
        var fileCosts: [Benchmark.Cost] = []
        let events = peer.events
        var text = ""
        for round in 0..<rounds {
            let (fileCost, expected) = try ingest(nil, events, log: log, into: "\(folder)/file-\(round)")
            fileCosts.append(fileCost)
            let (cost, progress) = try ingest(peer, events, log: log, into: "\(folder)/kafka-\(round)")
            costs.append(cost)
            text = IngestBenchmarks.text(cost, progress)
            guard progress.inserts - progress.deletes == expected.inserts - expected.deletes else {
                throw WeirError(.corrupt, "the table from Kafka has other rows than the one from the file log")
            }
        }
        let (cost, fileCost) = (Benchmark.median(costs), Benchmark.median(fileCosts))
        Benchmark.line(
            "Kafka → committed keyed table, 50% updates",
            rate: Double(events) / cost.wall,
            unit: "events/s",
            target: 400_000,
            detail: "last of \(rounds): \(text)"
        )
        Benchmark.line(
            "… beside the file log with the same events",
            String(format: "%.0f %%", 100 * fileCost.wall / cost.wall),
            goal: Benchmark.Goal(text: "stretch: ≥ 80 %", isMet: fileCost.wall / cost.wall >= 0.8),
            detail: "file log \(Benchmark.magnitude(Double(events) / fileCost.wall)) events/s, \(fileCost.text)"
        )
    }

    /// One run over all events into a new table, from the broker, or from the file log if `peer` is nil.
    private static func ingest(
        _ peer: KafkaPeer?,
        _ events: Int,
        log: String,
        into folder: String
    ) throws -> (cost: Benchmark.Cost, progress: IngestProgress) {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let table = try IngestBenchmarks.createOrders(folder)
        let timed = try peer.map { TimedLog(try $0.log()) }
        let group = peer.map { _ in "bench-\(UUID().uuidString)" }
        let plan = IngestBenchmarks.plan(try timed ?? FileLog(root: log), group: group, table)
        let stopper = Stopper()
        let run = IngestRun(plan, deadLetterPath: folder + "/dead.ndjson") { progress in
            // The broker's end offset is not reliable: the run stops when it has read all events that were sent.
            if progress.records >= events { stopper.stop() }
        }
        if peer != nil { stopper.run = run }
        var cost = try Benchmark.cost { try run.run(untilCaughtUp: peer == nil) }
        if let timed { cost = timed.costSinceOpening }
        guard run.progress.deadLetters == 0, run.progress.records == events else {
            throw WeirError(.corrupt, "\(run.progress.records) of \(events) events have arrived and decode")
        }
        return (cost, run.progress)
    }

    /// Stops a run from its own progress callback.
    private final class Stopper: @unchecked Sendable {
        // Set before the run begins.
        weak var run: IngestRun?

        func stop() { run?.stop() }
    }
}

/// Records when the first partition is opened, so that the time to join the group, which the broker decides, is not
/// measured.
private final class TimedLog: SharedLog {
    private let log: KafkaLog
    private let opening = Mutex<(wall: UInt64, cpu: Double)?>(nil)

    init(_ log: KafkaLog) { self.log = log }

    var costSinceOpening: Benchmark.Cost {
        guard let start = opening.withLock({ $0 }) else { return Benchmark.Cost(wall: 0, cpu: 0) }
        let wall = Double(DispatchTime.now().uptimeNanoseconds - start.wall) / 1e9
        return Benchmark.Cost(wall: wall, cpu: Benchmark.cpuSeconds() - start.cpu)
    }

    func topics() throws(WeirError) -> [String] { try log.topics() }
    func partitions(of topic: String) throws(WeirError) -> [Int] { try log.partitions(of: topic) }

    func offsets(topic: String, partition: Int) throws(WeirError) -> (earliest: Int64, end: Int64) {
        try log.offsets(topic: topic, partition: partition)
    }

    func offset(topic: String, partition: Int, notBefore timestamp: Int64) throws(WeirError) -> Int64 {
        try log.offset(topic: topic, partition: partition, notBefore: timestamp)
    }

    func reader(topic: String, partition: Int, from offset: Int64) throws(WeirError) -> any PartitionReader {
        opening.withLock { opening in
            if opening == nil { opening = (DispatchTime.now().uptimeNanoseconds, Benchmark.cpuSeconds()) }
        }
        return try log.reader(topic: topic, partition: partition, from: offset)
    }

    func join(
        group: String,
        topics: [String],
        pattern: String?,
        instance: String?
    ) throws(WeirError) -> any GroupMembership {
        try log.join(group: group, topics: topics, pattern: pattern, instance: instance)
    }

    func willRead(partitions: Int, aheadBytes: Int) { log.willRead(partitions: partitions, aheadBytes: aheadBytes) }

    func committedOffset(group: String, topic: String, partition: Int) throws(WeirError) -> Int64? {
        try log.committedOffset(group: group, topic: topic, partition: partition)
    }
}
