import Bytes
import EventLog
import ObjectStorage
import Testing
import WeirTesting

/// Random operations compared with an array.
@Suite struct LogModelTests {
    @Test(arguments: SeededGenerator.seeds(6))
    func `random operations agree with an array of records`(_ seed: UInt64) throws {
        try withTemporaryFolder { folder in
            print("log model seed \(seed)")
            var random = SeededGenerator(seed: seed)
            let time = TestClock(1_700_000_000_000)
            let log = try makeLog(folder, clock: time) {
                $0.segmentBytes = 6000
                $0.indexIntervalBytes = [1, 300, 4096].randomElement(using: &random) ?? 1
                $0.groupBytesMax = 3000
                $0.retentionBytes = 30_000
            }
            var model: [TestRecord] = []
            var writer = FileLogWriter(log)
            var tail = try log.reader(topic: "orders", partition: 0, from: 0)
            var tailed = 0
            for _ in 0..<300 {
                time.advance(by: Int64.random(in: 0...50, using: &random))
                switch Int.random(in: 0..<12, using: &random) {
                case 0..<6:
                    // Several batches in flight, acknowledged in the order they were submitted.
                    var tickets: [(ticket: AppendTicket, first: Int)] = []
                    for _ in 0..<Int.random(in: 1...5, using: &random) {
                        let records = (0..<Int.random(in: 1...8, using: &random)).map { _ in
                            Self.record(&random, now: time.now)
                        }
                        let codec: CompressionCodec = Int.random(in: 0..<5, using: &random) == 0 ? .gzip : .none
                        let batch = try encode(records, codec: codec)
                        tickets.append(
                            (try writer.submit(topic: "orders", partition: 0, records: batch), model.count)
                        )
                        model += records
                    }
                    for (ticket, first) in tickets { #expect(try ticket.wait() == Int64(first)) }
                    #expect(try log.offsets(topic: "orders", partition: 0).end == Int64(model.count))
                case 6:
                    writer.close()
                    if Bool.random(using: &random) { Self.damageIndexes(log, &random) }
                    writer = FileLogWriter(log)
                    #expect(try writer.open(topic: "orders").isEmpty)
                case 7: try writer.applyRetention(topic: "orders")
                case 8, 9:
                    let (earliest, end) = try log.offsets(topic: "orders", partition: 0)
                    let start = Int64.random(in: earliest...end, using: &random)
                    let bytes = Int.random(in: 1...100_000, using: &random)
                    #expect(try readAll(log, from: start, maxBytes: bytes) == Array(model[Int(start)...]))
                case 10:
                    let earliest = Int(try log.offsets(topic: "orders", partition: 0).earliest)
                    let target =
                        (model.randomElement(using: &random)?.timestamp ?? 0) + Int64.random(in: -2...2, using: &random)
                    let expected = model[earliest...].firstIndex { $0.timestamp >= target } ?? model.count
                    #expect(try log.offset(topic: "orders", partition: 0, notBefore: target) == Int64(expected))
                default:
                    let earliest = Int(try log.offsets(topic: "orders", partition: 0).earliest)
                    if tailed < earliest {
                        tail = try log.reader(topic: "orders", partition: 0, from: Int64(earliest))
                        tailed = earliest
                    }
                    while let batch = try tail.next(maxBytes: 5000) {
                        for (offset, record) in records(of: batch) {
                            #expect(offset == Int64(tailed))
                            #expect(record == model[tailed])
                            tailed += 1
                        }
                    }
                    #expect(tailed == model.count)
                }
            }
            writer.close()
        }
    }

    static func record(_ random: inout SeededGenerator, now: Int64) -> TestRecord {
        func bytes(_ limit: Int) -> [UInt8]? {
            let count = Int.random(in: -1...limit, using: &random)
            return count < 0 ? nil : (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        return TestRecord(
            key: bytes(20),
            value: bytes(300),
            timestamp: now + Int64.random(in: -100...100, using: &random)
        )
    }

    /// Flips a byte of an index file, truncates it or deletes it. A log must not depend on index files.
    static func damageIndexes(_ log: FileLog, _ random: inout SeededGenerator) {
        let files = LocalFileSystem()
        let all = ((try? segmentFiles(log, kind: "index")) ?? []) + ((try? segmentFiles(log, kind: "timeindex")) ?? [])
        for path in all where Bool.random(using: &random) {
            guard let file = try? files.open(path, .write), let size = try? file.size() else { continue }
            switch Int.random(in: 0..<3, using: &random) {
            case 0 where size > 0:
                try? file.write(
                    [UInt8.random(in: 0...255, using: &random)],
                    at: Int64.random(in: 0..<size, using: &random)
                )
            case 1: try? file.truncate(to: Int64.random(in: 0...size, using: &random))
            default: try? files.remove(path)
            }
        }
    }
}
