import Bytes
import Testing
import WeirTesting

@testable import EventLog

/// A file log's topic used through the protocol common to all logs.
struct FileTopicAppenderTests {
    private func batch(_ records: [TestRecord], partition: Int) -> RawBatch {
        var arena: [UInt8] = []
        var table: [RawBatch.Record] = []
        for record in records {
            let keyStart = arena.count
            arena += record.key ?? []
            let valueStart = arena.count
            arena += record.value ?? []
            table.append(
                RawBatch.Record(
                    offset: 99,
                    timestamp: record.timestamp,
                    keyStart: Int32(keyStart),
                    keyCount: record.key.map { Int32($0.count) } ?? -1,
                    valueStart: Int32(valueStart),
                    valueCount: record.value.map { Int32($0.count) } ?? -1
                )
            )
        }
        arena += [UInt8](repeating: 0, count: RawBatch.padding)
        return RawBatch(
            topic: "elsewhere",
            partition: partition,
            arena: Buffer(copying: arena),
            table: table.withUnsafeBytes { Buffer(copying: $0) }
        )
    }

    @Test func recordsKeepTheirOrderAndEndsAreTold() throws {
        try withTemporaryFolder { folder in
            let clock = TestClock(1_800_000_000_000)
            let log = try makeLog(folder, partitions: 2, clock: clock)
            let writer = FileLogWriter(log)
            let appender = try FileTopicAppender(writer, topic: "orders")
            #expect(appender.partitions == [0, 1] && appender.topic == "orders")
            var records = (0..<50).map { numberedRecord($0) }
            records[3].key = nil
            records[4].value = nil
            records[5].timestamp = -1
            for start in stride(from: 0, to: 50, by: 10) {
                try appender.append(batch(Array(records[start..<start + 10]), partition: 1))
            }
            try appender.append(batch([], partition: 0))
            try appender.flush()
            #expect(appender.ends == [1: 50])
            // −1 means the current time.
            records[5].timestamp = clock.now
            #expect(try readAll(log, partition: 1) == records)
            #expect(try readAll(log, partition: 0).isEmpty)
            try appender.close()
            #expect(throws: WeirError.self) { try appender.append(batch(records, partition: 1)) }
            writer.close()
        }
    }

    @Test func manyBytesAreSplitIntoBatches() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder)
            let writer = FileLogWriter(log)
            let appender = try FileTopicAppender(writer, topic: "orders")
            let records = (0..<12).map { numberedRecord($0, valueBytes: 1 << 20) }
            try appender.append(batch(records, partition: 0))
            try appender.flush()
            #expect(appender.ends == [0: 12])
            #expect(try readAll(log) == records)
            writer.close()
        }
    }

    @Test func whatCannotBeAppendedFails() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder)
            let writer = FileLogWriter(log)
            #expect(throws: WeirError.self) { try FileTopicAppender(writer, topic: "nothing") }
            let appender = try FileTopicAppender(writer, topic: "orders")
            let record = numberedRecord(1)
            #expect { try appender.append(batch([record], partition: 7)) } throws: {
                ($0 as? WeirError)?.code == .notFound
            }
            let other = FileLogWriter(log)
            #expect { try FileTopicAppender(other, topic: "orders") } throws: { ($0 as? WeirError)?.code == .locked }
            writer.close()
            #expect(throws: WeirError.self) { try appender.append(batch([record], partition: 0)) }
        }
    }
}
