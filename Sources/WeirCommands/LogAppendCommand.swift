import ArgumentParser
import Bytes
import EventLog
import Foundation
import IcebergFormat

struct LogAppendCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "append",
        abstract: "Append the lines of a file or of standard input to a topic.",
        discussion: """
            A line is a value, or a key, a tab and a value; a key with nothing behind its tab is a tombstone. Records with a \
            key go to the partition of their key, others to the first. With --envelope a line is an object like \
            {"topic":"t","key":"k","value":"v"}, where a null value is a tombstone, and goes to the topic it names, which \
            is created when it is not there. Examples:
              weir log append shop.public.orders orders.ndjson
              printf 'k1\\t{"a":1}\\n' | weir log append events
              weir log append --envelope capture.ndjson
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The topic, and a file; '-' or none is standard input. With --envelope only the file.")
    var arguments: [String] = []

    @Option(help: "The partition every record goes to.")
    var partition: Int?

    @Option(help: "The character between key and value, TAB for a tab, or 'none' when every line is a value.")
    var keySeparator: String?

    @Flag(help: "Lines are objects that name topic, key and value.")
    var envelope = false

    func validate() throws {
        if arguments.count > (envelope ? 1 : 2) {
            throw ValidationError("unexpected argument '\(arguments.last ?? "")'")
        }
        if envelope, let file = arguments.first, file != "-", !FileManager.default.fileExists(atPath: file) {
            throw ValidationError(
                "there is no file '\(file)'\nwith --envelope the lines name the topics, so none is given"
            )
        }
        if !envelope && arguments.isEmpty { throw ValidationError("missing expected argument '<topic>'") }
        if envelope && (partition != nil || keySeparator != nil) {
            throw ValidationError("--envelope lines say themselves what is key and value")
        }
        if let partition, partition < 0 { throw ValidationError("--partition \(partition) is negative") }
        _ = try lineFormat()
    }

    private func lineFormat() throws -> (format: LineFormat, separator: UInt8) {
        let tab = UInt8(ascii: "\t")
        switch keySeparator {
        case nil: return (.automatic, tab)
        case "none"?: return (.value, tab)
        case "TAB"?, "\\t"?, "\t"?: return (.keyValue, tab)
        case let text?:
            let bytes = Array(text.utf8)
            guard bytes.count == 1, bytes[0] < 0x80, bytes[0] != 0x0a else {
                throw ValidationError("--key-separator '\(text)' is not one ASCII character\nuse TAB for a tab")
            }
            return (.keyValue, bytes[0])
        }
    }

    func run() throws {
        let log = try options.locations().log()
        let writer = FileLogWriter(log, owner: "weir log append")
        defer { writer.close() }
        let job = LogAppend(writer, showsProgress: output.talk.showsProgress)
        let watch = Stopwatch()
        do {
            if envelope {
                try job.appendEnvelopes(arguments.first)
            } else {
                let (format, separator) = try lineFormat()
                var lines = LineImport(topic: arguments[0], format: format, partition: partition)
                lines.separator = separator
                try job.append(lines, arguments.dropFirst().first)
            }
        } catch {
            // Records acknowledged before the failure stay in the log, so they are reported.
            if job.progress.records > 0 { try report(job, watch.seconds) }
            throw error
        }
        try report(job, watch.seconds)
    }

    private func report(_ job: LogAppend, _ seconds: Double) throws(WeirError) {
        var listing = Listing("topic", "partition", "records", "first_offset", "next_offset")
        let ranges = try job.ranges()
        for range in ranges {
            listing.add(
                .string(range.topic),
                .count(range.partition),
                .integer(range.next - range.first),
                .integer(range.first),
                .integer(range.next)
            )
        }
        guard output.format == .table else { return try listing.print(output.format, to: StandardOutput()) }
        if output.talk.quiet { return }
        let out = StandardOutput()
        let records = Int(job.progress.records)
        let rate = HumanText.rate(records, seconds)
        out.line(
            "\(HumanText.count(records, "record")) (\(HumanText.bytes(job.progress.byteCount))) on disk after "
                + HumanText.duration(seconds) + (rate.isEmpty ? "" : ", \(rate)")
        )
        for range in ranges {
            out.line("  \(range.topic), partition \(range.partition): offsets \(range.first) to \(range.next - 1)")
        }
        try out.flush()
    }
}

/// An append and what it reports: repairs, progress, and the assigned offsets.
final class LogAppend {
    struct OffsetRange {
        let topic: String
        let partition: Int
        let first: Int64
        let next: Int64
    }

    private let writer: FileLogWriter
    private let line: ProgressLine
    private var starts: [(topic: String, partition: Int, end: Int64)] = []
    private(set) var progress = LineImport.Progress()

    init(_ writer: FileLogWriter, showsProgress: Bool) {
        self.writer = writer
        line = ProgressLine(isOn: showsProgress)
    }

    /// Locks and recovers a topic. No other process can append after that, so the end offsets before and after show
    /// what this append adds.
    private func open(_ topic: String) throws(WeirError) {
        for cut in try writer.open(topic: topic) { Terminal.note("warning: \(cut)") }
        for partition in try writer.log.partitions(of: topic) {
            starts.append((topic, partition, try writer.log.offsets(topic: topic, partition: partition).end))
        }
    }

    func append(_ lines: LineImport, _ path: String?) throws(WeirError) {
        defer { line.clear() }
        try open(lines.topic)
        try lines.run(path, to: writer) { show($0) }
    }

    /// Appends envelopes and creates each topic when a line first names it.
    func appendEnvelopes(_ path: String?) throws(WeirError) {
        defer { line.clear() }
        let job = EnvelopeImport(
            writer,
            onTopic: { [self] topic throws(WeirError) in
                do throws(WeirError) {
                    try writer.log.createTopic(topic)
                    Terminal.note("created topic \(topic)")
                } catch {
                    guard error.code == .alreadyExists else { throw error }
                }
                try open(topic)
            },
            report: { [self] in show($0) }
        )
        try job.run(path)
    }

    private func show(_ now: LineImport.Progress) {
        progress = now
        line.show { "\(HumanText.count(Int(now.records), "record")) on disk, \(HumanText.bytes(now.byteCount))" }
    }

    /// The assigned offsets of each partition that received records.
    func ranges() throws(WeirError) -> [OffsetRange] {
        var ranges: [OffsetRange] = []
        for (topic, partition, first) in starts {
            let next = try writer.log.offsets(topic: topic, partition: partition).end
            if next > first { ranges.append(OffsetRange(topic: topic, partition: partition, first: first, next: next)) }
        }
        return ranges
    }
}
