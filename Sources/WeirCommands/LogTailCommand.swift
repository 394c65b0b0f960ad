import ArgumentParser
import Bytes
import EventLog
import Foundation

struct LogTailCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail",
        abstract: "Print the records of a topic, and with --follow those to come.",
        discussion: """
            Prints offset, key and value; with -o json one object a line, which 'log append --envelope' takes back. \
            Partitions come one after the other. --limit alone prints the newest records, with --from the first ones \
            from there. Examples:
              weir log tail shop.public.orders --limit 10
              weir log tail shop.public.orders --from earliest --limit 10
              weir log tail shop.public.orders --from 1200 --partition 0 --limit 10
              weir log tail shop.public.orders --from latest --follow -o json
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The topic.")
    var topic: String

    @Option(help: "Only this partition.")
    var partition: Int?

    @Option(help: "earliest, latest or an offset (default: earliest; with --limit, that many before the end).")
    var from: String?

    @Flag(help: "Go on with the records that come.")
    var follow = false

    @Option(help: "Records to print at most: the newest, or with --from the first from there.")
    var limit: Int?

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("--limit \(limit) is negative") }
        if let from, !["earliest", "latest"].contains(from), Int64(from).map({ $0 < 0 }) ?? true {
            throw ValidationError("--from '\(from)' is neither earliest, latest nor an offset")
        }
        if let partition, partition < 0 { throw ValidationError("--partition \(partition) is negative") }
    }

    func run() throws {
        let log = try options.locations().log()
        let stop = follow ? StopSignals() : nil
        let numbers = try partition.map { [$0] } ?? log.partitions(of: topic)
        var limit = limit
        let starts: [Int64]
        if from == nil, let newest = limit {
            starts = try NewestRecords.starts(log, topic, numbers, limit: newest)
            // Those that come are not counted.
            if follow { limit = nil }
        } else {
            starts = try numbers.map { (number) throws(WeirError) in try start(log, number) }
        }
        var readers: [any PartitionReader] = []
        for (number, start) in zip(numbers, starts) {
            readers.append(try log.reader(topic: topic, partition: number, from: start))
        }
        let records = RecordOutput(topic, output.format, showsPartition: numbers.count > 1, limit: limit)
        var isIdle = false
        while !records.isDone, stop?.isStopped != true {
            isIdle = true
            for reader in readers {
                while !records.isDone, stop?.isStopped != true, let batch = try reader.next(maxBytes: 1 << 20) {
                    try records.write(batch)
                    isIdle = false
                }
            }
            try records.flush()
            if !follow { break }
            if isIdle, readers.count == 1 {
                StandardOutput.pauseWhileRead(milliseconds: 0)
                _ = try readers[0].waitForRecords(timeoutMilliseconds: 200)
            } else if isIdle {
                StandardOutput.pauseWhileRead(milliseconds: 50)
            }
        }
        try records.flush()
    }

    private func start(_ log: FileLog, _ number: Int) throws(WeirError) -> Int64 {
        if let offset = from.flatMap({ Int64($0) }) { return offset }
        if from == "latest" { return try log.offsets(topic: topic, partition: number).end }
        return try log.earliestOffset(topic: topic, partition: number)
    }
}

/// Prints log records.
final class RecordOutput {
    private let out = StandardOutput()
    private let topicText: String
    private let format: OutputFormat
    private let showsPartition: Bool
    private var left: Int

    init(_ topic: String, _ format: OutputFormat, showsPartition: Bool, limit: Int?) {
        topicText = "{\"topic\":\"\(topic)\",\"partition\":"
        self.format = format
        self.showsPartition = showsPartition
        left = limit ?? .max
        if format == .csv {
            CSVText.appendLine(["topic", "partition", "offset", "timestamp", "key", "value"], to: &out.buffer)
            self.topic = topic
        }
    }

    private var topic = ""

    var isDone: Bool { left == 0 }

    func write(_ batch: RawBatch) throws(WeirError) {
        for record in batch.records.prefix(left) {
            switch format {
            case .json: writeJSON(record, batch)
            case .csv: writeCSV(record, batch)
            case .table: writeText(record, batch)
            }
            left -= 1
            try out.flushWhenLarge()
        }
    }

    private func writeJSON(_ record: RawBatch.Record, _ batch: RawBatch) {
        out.append(topicText)
        out.append("\(batch.partition),\"offset\":\(record.offset),\"timestamp\":\(record.timestamp),\"key\":")
        if let key = batch.key(record) { out.buffer.appendJSONString(key) } else { out.append("null") }
        out.append(",\"value\":")
        if let value = batch.value(record) { out.buffer.appendJSONString(value) } else { out.append("null") }
        out.append("}\n")
    }

    private func writeCSV(_ record: RawBatch.Record, _ batch: RawBatch) {
        CSVText.append(topic, to: &out.buffer)
        out.append(",\(batch.partition),\(record.offset),\(TimeText.text(record.timestamp)),")
        if let key = batch.key(record) { CSVText.append(key, to: &out.buffer) }
        out.append(",")
        if let value = batch.value(record) { CSVText.append(value, to: &out.buffer) }
        CSVText.endLine(&out.buffer)
    }

    private func writeText(_ record: RawBatch.Record, _ batch: RawBatch) {
        out.append(showsPartition ? "\(batch.partition):\(record.offset)\t" : "\(record.offset)\t")
        if let key = batch.key(record) { out.buffer.append(key) } else { out.append("-") }
        out.append("\t")
        if let value = batch.value(record) { out.buffer.append(value) } else { out.append("(tombstone)") }
        out.append("\n")
    }

    func flush() throws(WeirError) { try out.flush() }
}
