import Bytes
import ChangeEvents
import EventDecoders
import EventLog
import Foundation
import Topology

/// The newest records of a topic, held against the tables they go to: what a run would set aside or leave empty, told
/// before it runs.
public struct SourceSample {
    /// Records of a partition that are looked at, and partitions that are.
    private static let recordsMax: Int64 = 100
    private static let partitionsMax = 4
    private static let bytesMax = 1 << 20

    private let topology: Topology
    private let source: Topology.Source
    private let topic: String
    private let batches: [RawBatch]
    /// The columns of the records' rows, by the identifier of their source table.
    private var fields: [String: Set<String>] = [:]
    /// How many records each source table has.
    private var counts: [String: Int] = [:]

    /// Reads the records. Where a broker sends nothing within the time there are none.
    public init(
        _ topology: Topology,
        _ source: Topology.Source,
        topic: String,
        log: any PartitionedLog,
        timeoutMilliseconds: Int = 1000
    ) throws(WeirError) {
        self.topology = topology
        self.source = source
        self.topic = topic
        var batches: [RawBatch] = []
        for partition in try log.partitions(of: topic) where batches.count < Self.partitionsMax {
            let (earliest, end) = try log.offsets(topic: topic, partition: partition)
            guard end > earliest else { continue }
            let start = max(earliest, end - Self.recordsMax)
            let reader = try log.reader(topic: topic, partition: partition, from: start)
            var batch = try reader.next(maxBytes: Self.bytesMax)
            if batch == nil, try reader.waitForRecords(timeoutMilliseconds: timeoutMilliseconds) {
                batch = try reader.next(maxBytes: Self.bytesMax)
            }
            if let batch { batches.append(batch) }
        }
        self.batches = batches
        for batch in batches { for record in batch.records { note(record, of: batch) } }
    }

    /// Something that does not fit.
    public struct Finding: Sendable {
        public let problem: WeirError
        /// The declared table and its column that it is about; nil when it is about the topic.
        public var table: String?
        public var column: String?
    }

    public func findings() throws(WeirError) -> [Finding] {
        var found: [Finding] = []
        for identifier in fields.keys.sorted() {
            let targets = topology.route(identifier)
            if targets.isEmpty { found.append(unrouted(identifier)) }
            for target in targets {
                guard let table = topology.table(named: target) else { continue }
                found += missingColumns(of: table, identifier)
            }
        }
        if let refused = try refused() { found.append(refused) }
        return found
    }

    private func unrouted(_ identifier: String) -> Finding {
        Finding(
            problem: WeirError(
                .invalid,
                "no route matches \(identifier), whose records are in topic '\(topic)': they are left out",
                at: "topic \(topic)",
                advice: "add a route if they are wanted"
            )
        )
    }

    private func missingColumns(of table: Topology.Table, _ identifier: String) -> [Finding] {
        let names = fields[identifier] ?? []
        let number = counts[identifier] ?? 0
        return table.sourceSchema.fields.filter { !names.contains($0.name) }.map { field in
            let place = "the \(number) newest records of \(identifier) that were looked at"
            let outcome = field.isRequired ? "such records become dead letters" : "it would be null"
            let similar = NearestName.advice(for: field.name, among: names.sorted())
            return Finding(
                problem: WeirError(
                    .invalid,
                    "column '\(field.name)' of \(table.name) is in none of \(place): \(outcome)",
                    at: "topic \(topic)",
                    advice: similar ?? "the records have: \(names.sorted().joined(separator: ", "))"
                ),
                table: table.name,
                column: field.name
            )
        }
    }

    /// Records that a table would refuse: how many, and why the first.
    private func refused() throws(WeirError) -> Finding? {
        var reasons: [TopicPartition: [Int64: String]] = [:]
        for table in topology.tables {
            let target = TableTarget(index: 0, schema: table.sourceSchema, primaryKey: table.primaryKey)
            let topology = self.topology
            let decoder = DebeziumJSONDecoder(options: DebeziumJSONOptions(source)) { found in
                topology.route(found.identifier).contains(table.name) ? target : nil
            }
            for batch in batches {
                let place = TopicPartition(topic: topic, partition: batch.partition)
                for record in try decoder.decode(batch).rejected {
                    reasons[place, default: [:]][record.offset] = record.reason
                }
            }
        }
        guard let (place, own) = reasons.min(by: { $0.key < $1.key }), let first = own.min(by: { $0.key < $1.key })
        else { return nil }
        let count = reasons.values.reduce(0) { $0 + $1.count }
        let total = batches.reduce(0) { $0 + $1.count }
        return Finding(
            problem: WeirError(
                .invalid,
                "\(count) of the \(total) newest records of topic '\(topic)' that were looked at would become dead "
                    + "letters; partition \(place.partition), offset \(first.key): \(first.value)",
                at: "topic \(topic)",
                advice: "compare the columns of the tables with the records, and the source's format"
            )
        )
    }

    private mutating func note(_ record: RawBatch.Record, of batch: RawBatch) {
        guard let value = batch.value(record),
            let object = try? JSONSerialization.jsonObject(with: Data(value)) as? [String: Any]
        else { return }
        let event = object["payload"] as? [String: Any] ?? object
        // An old row may hold its key alone, whatever columns there are.
        guard let row = event["after"] as? [String: Any] else { return }
        let block = event["source"] as? [String: Any]
        let identifier = SourceTable(
            database: block?["db"] as? String,
            schema: block?["schema"] as? String,
            table: block?["table"] as? String,
            topic: topic
        ).identifier
        fields[identifier, default: []].formUnion(row.keys)
        counts[identifier, default: 0] += 1
    }
}
