import Testing
import WeirTesting

@testable import EventLog

/// Record headers reach readers.
@Suite struct RecordHeadersTests {
    @Test func `a record has the headers it was written with`() throws {
        let headers: [[RecordHeader]] = [
            [RecordHeader(name: "trace", value: [1, 2, 3]), RecordHeader(name: "empty", value: [])],
            [], [RecordHeader(name: "ä", value: nil), RecordHeader(name: "x", value: [0xff])],
        ]
        try withTemporaryFolder { folder in
            let log = try FileLog(root: folder)
            try log.createTopic("t")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            var builder = RecordBatchBuilder()
            for (number, list) in headers.enumerated() {
                let value: [UInt8]? = number == 2 ? nil : [UInt8](repeating: 7, count: number * 200)
                try (value ?? []).withUnsafeBytes { bytes in
                    try builder.append(key: nil, value: value == nil ? nil : bytes, timestamp: 1, headers: list)
                }
            }
            _ = try writer.append(topic: "t", partition: 0, records: builder.finish())
            let reader = try log.reader(topic: "t", partition: 0, from: 0)
            let batch = try #require(try reader.next(maxBytes: 1 << 20))
            #expect(batch.records.map { batch.headers($0) } == headers)
            let rest = try #require(batch.dropping(before: 2))
            #expect(rest.headers(rest.records[0]) == headers[2])
        }
    }
}
