import Bytes
import ChangeEvents
import EventDecoders
import EventLog
import Foundation
import Topology

/// Compares the newest records of a topic with the tables they go to, to report before a run what it would reject or
/// leave null.
public struct SourceSample {
    /// The maximum number of records read per partition, and of partitions read.
    private static let recordsMax: Int64 = 100
    private static let partitionsMax = 4
    private static let bytesMax = 1 << 20

    private let topology: Topology
    private let source: Topology.Source
    private let topic: String
    private let batches: [RawBatch]
    private let units: SourceUnits
    /// The columns of the records' rows, by the identifier of their source table.
    private var fields: [String: Set<String>] = [:]
    /// How many records each source table has.
    private var counts: [String: Int] = [:]

    /// Reads the records; none if a broker sends nothing within the timeout.
    ///
    /// - Parameter units: the units of columns known from earlier runs.
    public init(
        _ topology: Topology,
        _ source: Topology.Source,
        topic: String,
        log: any PartitionedLog,
        units: SourceUnits = SourceUnits(),
        timeoutMilliseconds: Int = 1000
    ) throws(WeirError) {
        self.topology = topology
        self.source = source
        self.topic = topic
        self.units = units
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
        return found + (try decodedFindings())
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
        let exact = ColumnSpelling.exactColumns(of: table.sourceSchema)
        let missing = table.sourceSchema.fields.filter { field in
            !names.contains(field.name)
                && (exact.contains(field.name)
                    || !names.contains { ColumnSpelling.differsInCaseAlone($0, field.name) })
        }
        return missing.map { field in
            let sample =
                number == 1
                ? "not in the newest record of \(identifier), which was looked at"
                : "in none of the \(CountText.of(number)) newest records of \(identifier) that were looked at"
            let outcome = field.isRequired ? "such records become dead letters" : "it would be null"
            let similar = NearestName.advice(for: field.name, among: names.sorted())
            return Finding(
                problem: WeirError(
                    .invalid,
                    "column '\(field.name)' of \(table.name) is \(sample): \(outcome)",
                    at: "topic \(topic)",
                    advice: similar ?? "the records have: \(names.sorted().joined(separator: ", "))"
                ),
                table: table.name,
                column: field.name
            )
        }
    }

    /// What a run would report about the records, and which it would reject.
    private func decodedFindings() throws(WeirError) -> [Finding] {
        let topology = self.topology
        let known = KnownUnits(units)
        let decoder = DebeziumJSONDecoder(DebeziumJSONOptions(source), units: known) { found in
            let names = topology.route(found.identifier)
            return topology.tables.indices.filter { names.contains(topology.tables[$0].name) }.map { index in
                let table = topology.tables[index]
                return TableTarget(index: index, schema: table.sourceSchema, primaryKey: table.primaryKey)
            }
        }
        var found: [Finding] = []
        var reasons: [TopicPartition: [Int64: String]] = [:]
        for batch in batches {
            let decoded = try decoder.decode(batch)
            found += findings(decoded.notices.filter(known.isNew), in: batch)
            for doubt in decoded.doubts where known.isNew(doubt) {
                let error = doubt.error(in: batch)
                found.append(finding(error.message, error.advice, about: doubt.column.name, of: doubt.column.source))
            }
            for record in decoded.rejected {
                let topicPartition = TopicPartition(topic: topic, partition: batch.partition)
                reasons[topicPartition, default: [:]][record.offset] = record.reason
            }
        }
        return found + [refused(reasons)].compactMap(\.self)
    }

    private func findings(_ notices: [DecoderNotice], in batch: RawBatch) -> [Finding] {
        let route = topology.route
        var found: [Finding] = []
        var others: [DecoderNotice] = []
        for notice in notices where !Self.isTakenBack(notice, by: notices) {
            switch notice {
            case .derivedUnit(let column, _, _):
                let text = RecordNotices.texts([notice], in: batch, route: route).first ?? ""
                found.append(finding(text, nil, about: column.name, of: column.source))
            case .otherCase(let source, let name, let column):
                let text = RecordNotices.texts([notice], in: batch, route: route).first ?? ""
                found.append(
                    finding(text, "did you mean '\(name)'? a run fills '\(column)' from it", about: column, of: source)
                )
            case .earlyTimes(let column, _, _, _, _):
                let text = RecordNotices.texts([notice], in: batch, route: route).first ?? ""
                found.append(finding(text, nil, about: column.name, of: column.source))
            case .truncated: break
            case .extraColumn, .shadowedCase: others.append(notice)
            }
        }
        return found
            + RecordNotices.texts(others, in: batch, route: route).map { text in
                Finding(
                    problem: WeirError(.invalid, text, at: "topic \(topic)", advice: "declare what is wanted of it")
                )
            }
    }

    /// Whether another notice says more than this one.
    private static func isTakenBack(_ notice: DecoderNotice, by notices: [DecoderNotice]) -> Bool {
        guard case .otherCase(let source, let name, let column) = notice else { return false }
        return notices.contains(.shadowedCase(source, name: name, column: column))
    }

    private func finding(_ text: String, _ advice: String?, about column: String, of source: SourceTable) -> Finding {
        let tables = topology.route(source.identifier).compactMap { topology.table(named: $0) }
        let table = tables.first { $0.sourceSchema.index(named: column) != nil }
        return Finding(
            problem: WeirError(.invalid, text, at: "topic \(topic)", advice: advice),
            table: table?.name,
            column: column
        )
    }

    /// The number of records that tables would reject, and the reason for the first.
    private func refused(_ reasons: [TopicPartition: [Int64: String]]) -> Finding? {
        guard let (topicPartition, own) = reasons.min(by: { $0.key < $1.key }),
            let first = own.min(by: { $0.key < $1.key })
        else { return nil }
        let count = reasons.values.reduce(0) { $0 + $1.count }
        let total = batches.reduce(0) { $0 + $1.count }
        return Finding(
            problem: WeirError(
                .invalid,
                "\(CountText.of(count)) of the \(CountText.of(total, "newest record")) of topic '\(topic)' that "
                    + "\(total == 1 ? "was" : "were") looked at would become "
                    + "\(count == 1 ? "a dead letter" : "dead letters"); partition \(topicPartition.partition), offset "
                    + "\(first.key): \(first.value)",
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
        // New rows only: an old row may have only its key.
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

/// The units that earlier runs have stored; stores nothing itself.
private final class KnownUnits: UnitKeeper {
    private let units: SourceUnits
    private var derived: Set<SourceColumn> = []
    private var doubted: Set<SourceColumn> = []

    init(_ units: SourceUnits) { self.units = units }

    func units(of columns: [SourceColumn], told: [TimeUnit?]) -> [TimeUnit?] {
        zip(columns, told).map { column, told in told ?? units[column.source.topic, column.key] }
    }

    func stored(_ columns: [SourceColumn]) -> [TimeUnit?] { units(of: columns, told: columns.map { _ in nil }) }

    func keep(_ units: [(column: SourceColumn, unit: TimeUnit)]) -> [TimeUnit] { units.map(\.unit) }

    /// Whether the notice is reported for the first time.
    func isNew(_ notice: DecoderNotice) -> Bool {
        guard case .derivedUnit(let column, _, _) = notice else { return true }
        return derived.insert(column).inserted
    }

    func isNew(_ doubt: UnitDoubt) -> Bool { doubted.insert(doubt.column).inserted }
}
