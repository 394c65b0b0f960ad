import Bytes
import EventLog
import Foundation
import ObjectStorage

/// The file log compared with the raw device: appends against plain writes with the same groups, and reads.
func runLogBenchmarks() throws {
    let folder = Benchmark.folder("log")
    defer { Benchmark.remove(folder) }
    try LogBenchmarks(folder: folder).run()
}

private struct LogBenchmarks {
    let folder: String
    let files = LocalFileSystem()

    func run() throws {
        try files.makeDirectories(folder)
        checksum()
        for batchRecords in [64, 256, 1024] {
            // Interleaved, because the speed of a shared device varies.
            var raw: [Double] = []
            var log: [Double] = []
            for round in 0..<3 {
                let result = try append(batchRecords: batchRecords, inFlight: 4, round: round)
                log.append(result.rate)
                raw.append(try rawAppend(groups: result.groups, name: "raw-\(batchRecords)-\(round)"))
            }
            let (rawRate, logRate) = (median(raw), median(log))
            Benchmark.line(
                "file-log append, 1 KB records, batches of \(batchRecords), group fsync",
                String(format: "%.0f %% of raw writes", 100 * logRate / rawRate),
                goal: Benchmark.Goal(text: "≥ 70 %", isMet: logRate >= 0.7 * rawRate),
                detail:
                    "\(whole(logRate / 1e6)) MB/s, write + fdatasync of the same groups \(whole(rawRate / 1e6)) MB/s"
            )
        }
        try producers(8)
        for (keyBytes, valueBytes) in [(16, 512), (16, 1008)] { try read(keyBytes: keyBytes, valueBytes: valueBytes) }
    }

    // MARK: Appending

    private func batch(_ records: Int, keyBytes: Int = 16, valueBytes: Int = 1008) throws(WeirError)
        -> EncodedRecordBatch
    {
        var builder = RecordBatchBuilder(capacity: records * (keyBytes + valueBytes + 16))
        let payload = (0..<keyBytes + valueBytes).map { UInt8(truncatingIfNeeded: $0 &* 131) }
        try payload.withUnsafeBufferPointer { (buffer) throws(WeirError) in
            let bytes = UnsafeRawBufferPointer(buffer)
            for index in 0..<records {
                try builder.append(
                    key: UnsafeRawBufferPointer(rebasing: bytes[..<keyBytes]),
                    value: UnsafeRawBufferPointer(rebasing: bytes[keyBytes...]),
                    timestamp: 1_700_000_000_000 + Int64(index)
                )
            }
        }
        return try builder.finish()
    }

    /// One producer that encodes and submits batches and keeps some in flight. Returns bytes per second and the group
    /// sizes derived from the acknowledgements.
    private func append(batchRecords: Int, inFlight: Int, round: Int) throws -> (rate: Double, groups: [Int]) {
        let topic = "append-\(batchRecords)-\(round)"
        let log = try FileLog(root: folder + "/log")
        try log.createTopic(topic)
        let writer = FileLogWriter(log)
        try writer.open(topic: topic)
        let total = 96 << 20
        var submitted = 0
        var tickets: [AppendTicket] = []
        var groups: [Int] = []
        var next = 0
        let start = seconds()
        while submitted < total {
            let batch = try batch(batchRecords)
            tickets.append(try writer.submit(topic: topic, partition: 0, records: batch))
            submitted += batch.byteCount
            while tickets.count - next > inFlight {
                try tickets[next].wait()
                next += 1
                var group = batch.byteCount
                while next < tickets.count, try tickets[next].poll() != nil {
                    next += 1
                    group += batch.byteCount
                }
                groups.append(group)
            }
        }
        while next < tickets.count {
            try tickets[next].wait()
            next += 1
        }
        let elapsed = seconds() - start
        writer.close()
        try log.deleteTopic(topic)
        return (Double(submitted) / elapsed, groups)
    }

    private func rawAppend(groups: [Int], name: String) throws -> Double {
        let path = folder + "/" + name
        let file = try files.open(path, .create)
        let bytes = [UInt8](repeating: 7, count: groups.max() ?? 0)
        var position: Int64 = 0
        let start = seconds()
        for group in groups {
            try bytes.withUnsafeBytes { try file.write(UnsafeRawBufferPointer(rebasing: $0[..<group]), at: position) }
            try file.sync()
            position += Int64(group)
        }
        let elapsed = seconds() - start
        try files.remove(path)
        return Double(position) / elapsed
    }

    /// Several producers, each waiting for its acknowledgement before it sends the next batch.
    private func producers(_ count: Int) throws {
        let log = try FileLog(root: folder + "/log")
        try log.createTopic("producers")
        let writer = FileLogWriter(log)
        try writer.open(topic: "producers")
        let batch = try batch(64)
        let rounds = 150
        let latencies = LatencyStore()
        let start = seconds()
        DispatchQueue.concurrentPerform(iterations: count) { _ in
            var mine: [Double] = []
            for _ in 0..<rounds {
                let begin = seconds()
                guard (try? writer.append(topic: "producers", partition: 0, records: batch)) != nil else { continue }
                mine.append(seconds() - begin)
            }
            latencies.add(mine)
        }
        let elapsed = seconds() - start
        writer.close()
        let all = latencies.all
        let figures = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)].map {
            "\($0.0) \(Benchmark.milliseconds(Benchmark.percentile(all, $0.1)))"
        }
        Benchmark.line(
            "file-log append, \(count) producers, acknowledged after fsync",
            figures.joined(separator: ", "),
            detail: "64 KB each, \(whole(Double(count * rounds * batch.byteCount) / elapsed / 1e6)) MB/s"
        )
        try log.deleteTopic("producers")
    }

    // MARK: Reading

    private func read(keyBytes: Int, valueBytes: Int) throws {
        let log = try FileLog(root: folder + "/log")
        try log.createTopic("read")
        let writer = FileLogWriter(log)
        let batch = try batch(512, keyBytes: keyBytes, valueBytes: valueBytes)
        for _ in 0..<(512 << 20) / batch.byteCount {
            _ = try writer.submit(topic: "read", partition: 0, records: batch)
        }
        writer.close()
        for maxBytes in [1 << 20, 4 << 20] {
            var best = 0.0
            var rows = 0.0
            for _ in 0..<3 {
                let reader = try log.reader(topic: "read", partition: 0, from: 0)
                var bytes = 0
                var records = 0
                let start = seconds()
                while let batch = try reader.next(maxBytes: maxBytes) {
                    bytes += batch.arena.count
                    records += batch.count
                }
                let elapsed = seconds() - start
                best = max(best, Double(records) * Double(keyBytes + valueBytes) / elapsed)
                rows = max(rows, Double(records) / elapsed)
            }
            Benchmark.line(
                "file-log read, \(keyBytes + valueBytes)-byte records, \(maxBytes >> 20) MiB at once, checked and sliced",
                "\(whole(best / 1e6)) MB/s, \(hundredths(rows / 1e6)) M records/s"
            )
        }
        try log.deleteTopic("read")
    }

    private func checksum() {
        for size in [528, 64 << 10, 4 << 20] {
            let bytes = [UInt8](repeating: 3, count: size)
            let rounds = (1 << 30) / size
            var sum: UInt32 = 0
            let start = seconds()
            bytes.withUnsafeBytes { for _ in 0..<rounds { sum = CRC32C.checksum($0, continuing: sum) } }
            let elapsed = seconds() - start
            Benchmark.line(
                "CRC-32C over \(size) bytes",
                "\(whole(Double(rounds * size) / elapsed / 1e6)) MB/s (\(sum))"
            )
        }
    }

    // MARK: Printing

    private func whole(_ value: Double) -> String { String(Int(value.rounded())) }
    private func hundredths(_ value: Double) -> String { String((value * 100).rounded() / 100) }
    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}

private final class LatencyStore: @unchecked Sendable {
    // Protected by the lock.
    private var values: [Double] = []
    private let lock = NSLock()

    func add(_ more: [Double]) { lock.withLock { values += more } }
    var all: [Double] { lock.withLock { values } }
}

private func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
