import Bytes
import EventLog

/// Appends captured records of any number of topics. Each partition keeps the order of the lines.
final class EnvelopeImport {
    private final class Batch {
        let topic: String
        let partition: Int
        var builder = RecordBatchBuilder()

        init(_ topic: String, _ partition: Int) {
            self.topic = topic
            self.partition = partition
        }
    }

    private let writer: FileLogWriter
    private let report: (LineImport.Progress) -> Void
    private var topics: [String: [Batch]] = [:]
    private var inFlight: [(ticket: AppendTicket, count: Int, byteCount: Int)] = []
    private(set) var progress = LineImport.Progress()
    /// Called with the name of each topic before the first record goes there.
    private let onTopic: (String) throws(WeirError) -> Void

    private static let batchBytes = 1 << 20
    private static let batchesInFlight = 4

    init(
        _ writer: FileLogWriter,
        onTopic: @escaping (String) throws(WeirError) -> Void,
        report: @escaping (LineImport.Progress) -> Void
    ) {
        self.writer = writer
        self.onTopic = onTopic
        self.report = report
    }

    /// Imports all lines and returns when all are acknowledged. Throws at a line that is not an envelope, with the line
    /// number; the lines before it are appended.
    func run(_ path: String?) throws(WeirError) {
        var lines = try LineSource(path)
        var parser = EnvelopeParser()
        do {
            while true {
                if lines.wouldBlock() { try settleAll() }
                guard let line = try lines.next() else { break }
                if !line.isEmpty { try add(line, &parser) }
            }
        } catch {
            // The lines before the bad one are still appended.
            try? settleAll()
            guard error.code == .invalid, error.location == nil else { throw error }
            throw WeirError(
                error.code,
                error.message,
                at: lines.location,
                advice: "what stands before it was appended: \(HumanText.count(Int(progress.records), "record"))"
            )
        }
        try settleAll()
    }

    private func add(_ line: UnsafeRawBufferPointer, _ parser: inout EnvelopeParser) throws(WeirError) {
        let envelope = try parser.parse(line)
        let key = parser.bytes(envelope.key)
        let value = parser.bytes(envelope.value)
        let topic = String(
            decoding: parser.bytes(envelope.topic) ?? UnsafeRawBufferPointer(start: nil, count: 0),
            as: UTF8.self
        )
        let batches = try batches(of: topic)
        let index = batches.count > 1 ? key.map { KeyPartitioner.partition(of: $0, count: batches.count) } ?? 0 : 0
        let batch = batches[index]
        try batch.builder.append(key: key, value: value, timestamp: FileLog.now())
        if batch.builder.byteCount >= Self.batchBytes {
            try submit(batch)
            try settle(leaving: Self.batchesInFlight)
            report(progress)
        }
    }

    private func batches(of topic: String) throws(WeirError) -> [Batch] {
        if let known = topics[topic] { return known }
        try onTopic(topic)
        let batches = try writer.log.partitions(of: topic).map { Batch(topic, $0) }
        guard !batches.isEmpty else { throw WeirError(.notFound, "topic '\(topic)' has no partitions") }
        topics[topic] = batches
        return batches
    }

    private func submit(_ batch: Batch) throws(WeirError) {
        let records = try batch.builder.finish()
        let ticket = try writer.submit(topic: batch.topic, partition: batch.partition, records: records)
        inFlight.append((ticket, records.count, records.byteCount))
    }

    private func settle(leaving count: Int) throws(WeirError) {
        while inFlight.count > count {
            let (ticket, records, bytes) = inFlight.removeFirst()
            try ticket.wait()
            progress.records += Int64(records)
            progress.byteCount += Int64(bytes)
        }
    }

    private func settleAll() throws(WeirError) {
        for batch in topics.values.joined() where !batch.builder.isEmpty { try submit(batch) }
        try settle(leaving: 0)
        report(progress)
    }
}
