import Bytes

/// How a line becomes a record.
public enum LineFormat: String, Sendable, CaseIterable {
    /// The line is the value. Empty lines are skipped.
    case value
    /// The key, the separator, the value. A line that ends with the separator is a tombstone.
    case keyValue = "key-value"
    /// Key and value if the line contains a separator, otherwise a value. A separator inside the line's first JSON
    /// value, where it is white space, does not count.
    case automatic
}

/// Appends the lines of a file or of standard input to a topic, in large batches.
///
/// A few batches are in flight while the next is built. Beyond that the import waits, so a slow device slows the
/// reading down and memory stays bounded. When the input pauses, the lines read so far are appended at once.
public struct LineImport: Sendable {
    public struct Progress: Sendable, Equatable {
        public var records: Int64 = 0
        /// Bytes of keys and values.
        public var byteCount: Int64 = 0

        public init(records: Int64 = 0, byteCount: Int64 = 0) {
            self.records = records
            self.byteCount = byteCount
        }
    }

    public var topic: String
    public var format: LineFormat
    /// Separates key and value; a tab by default.
    public var separator = UInt8(ascii: "\t")
    /// The partition of every record; nil sends keyed records to the partition of their key and others to the first
    /// partition.
    public var partition: Int?
    public var codec = CompressionCodec.none
    public var batchBytes = 1 << 20
    public var batchesInFlight = 4

    public init(topic: String, format: LineFormat, partition: Int? = nil) {
        self.topic = topic
        self.format = format
        self.partition = partition
    }

    /// Imports everything; returns after the last record is acknowledged. `path` nil or `-` reads standard input.
    ///
    /// An invalid line fails with its line number; the lines before it have been appended. `report` is called
    /// periodically with the progress acknowledged so far.
    @discardableResult
    public func run(
        _ path: String?,
        to writer: FileLogWriter,
        report: (Progress) -> Void = { _ in }
    ) throws(WeirError) -> Progress {
        var lines = try LineSource(path)
        let run = try Run(self, writer, writer.log.partitions(of: topic))
        do {
            while true {
                if lines.wouldBlock() {
                    try run.submitAll()
                    try run.settle(leaving: 0)
                    report(run.acknowledged)
                }
                guard let line = try lines.next() else { break }
                try run.add(line)
                if try run.submitFull() { report(run.acknowledged) }
            }
        } catch {
            // The lines before the bad one are still appended.
            try? run.submitAll()
            try? run.settle(leaving: 0)
            guard error.code == .invalid, error.location == nil else { throw error }
            throw WeirError(
                error.code,
                error.message,
                at: lines.location,
                advice: CountText.of(run.acknowledged.records, "record before it was", "records before it were")
                    + " appended"
            )
        }
        try run.submitAll()
        try run.settle(leaving: 0)
        report(run.acknowledged)
        return run.acknowledged
    }

    /// The batches of one import. Used by one thread.
    private final class Run {
        private final class Batch {
            let partition: Int
            var builder: RecordBatchBuilder
            var progress = Progress()

            init(_ partition: Int, _ settings: LineImport) {
                self.partition = partition
                builder = RecordBatchBuilder(codec: settings.codec)
            }
        }

        private let settings: LineImport
        private let writer: FileLogWriter
        private let batches: [Batch]
        private var inFlight: [(ticket: AppendTicket, progress: Progress)] = []
        private var full: Batch?
        private(set) var acknowledged = Progress()

        init(_ settings: LineImport, _ writer: FileLogWriter, _ partitions: [Int]) throws(WeirError) {
            self.settings = settings
            self.writer = writer
            let chosen = settings.partition.map { [$0] } ?? partitions
            guard !chosen.isEmpty else { throw WeirError(.notFound, "topic '\(settings.topic)' has no partitions") }
            batches = chosen.map { Batch($0, settings) }
        }

        func add(_ line: UnsafeRawBufferPointer) throws(WeirError) {
            let now = writer.log.clock()
            switch settings.format {
            case .value:
                if line.isEmpty { return }
                try add(nil, line, now)
            case .keyValue:
                guard let split = line.firstIndex(of: settings.separator) else {
                    throw WeirError(.invalid, "the line has no \(separatorName) between key and value")
                }
                try add(line, splitAt: split, now)
            case .automatic:
                if line.isEmpty { return }
                if let split = LineSplit.separator(settings.separator, in: line) {
                    try add(line, splitAt: split, now)
                } else {
                    try add(nil, line, now)
                }
            }
        }

        private var separatorName: String {
            settings.separator == UInt8(ascii: "\t")
                ? "tab" : "'\(String(decoding: [settings.separator], as: UTF8.self))'"
        }

        private func add(_ line: UnsafeRawBufferPointer, splitAt split: Int, _ now: Int64) throws(WeirError) {
            let key = UnsafeRawBufferPointer(rebasing: line[..<split])
            let value = UnsafeRawBufferPointer(rebasing: line[(split + 1)...])
            try add(key, value.isEmpty ? nil : value, now)
        }

        private func add(
            _ key: UnsafeRawBufferPointer?,
            _ value: UnsafeRawBufferPointer?,
            _ timestamp: Int64
        ) throws(WeirError) {
            let index = batches.count > 1 ? key.map { KeyPartitioner.partition(of: $0, count: batches.count) } ?? 0 : 0
            let batch = batches[index]
            try batch.builder.append(key: key, value: value, timestamp: timestamp)
            batch.progress.records += 1
            batch.progress.byteCount += Int64((key?.count ?? 0) + (value?.count ?? 0))
            if batch.builder.byteCount >= settings.batchBytes { full = batch }
        }

        /// Submits the batch that has become full, if one has.
        func submitFull() throws(WeirError) -> Bool {
            guard let batch = full else { return false }
            full = nil
            try submit(batch)
            try settle(leaving: settings.batchesInFlight)
            return true
        }

        func submitAll() throws(WeirError) { for batch in batches where !batch.builder.isEmpty { try submit(batch) } }

        private func submit(_ batch: Batch) throws(WeirError) {
            let records = try batch.builder.finish()
            let ticket = try writer.submit(topic: settings.topic, partition: batch.partition, records: records)
            inFlight.append((ticket, batch.progress))
            batch.progress = Progress()
        }

        /// Waits until at most `count` batches are unacknowledged.
        func settle(leaving count: Int) throws(WeirError) {
            while inFlight.count > count {
                let (ticket, progress) = inFlight.removeFirst()
                try ticket.wait()
                acknowledged.records += progress.records
                acknowledged.byteCount += progress.byteCount
            }
        }
    }
}
